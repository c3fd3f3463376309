/** What makes a set refused, or deserves a warning, once its paths are known: group edges, restricted segments, one-sided membership. */
import { addressesWithin, noAddresses, unionAddresses } from '../net/address-set.ts'
import { formatEnd, formatTraffic } from './format.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { AddressSet } from '../net/address-set.ts'
import type { EgressPolicy, External, Group, Platform, Workload, WorkloadId } from '../model/platform.ts'
import type { Path, PathEnd } from './intent.ts'
import type { Selector } from './select.ts'

const none: readonly string[] = Object.freeze([])

/** Every path with one end inside a group and the other outside needs an exception that the group itself lists. */
export function groupEdges(platform: Platform, select: Selector, paths: readonly Path[]): readonly Diagnostic[] {
  const { groupsOf } = select.membership
  if (groupsOf.size === 0) return []
  const groups = (end: PathEnd): readonly string[] => (end.kind === 'workload' ? groupsOf.get(end.workload) : undefined) ?? none
  const excepts = exceptions(platform, select)
  const crossings = new Map<string, { readonly path: Path; readonly group: Group; readonly direction: 'in' | 'out'; more: number }>()
  for (const path of paths) {
    const from = groups(path.source)
    const to = groups(path.destination)
    if (from.length === 0 && to.length === 0) continue
    const edges = [
      ...from.filter((key) => !to.includes(key)).map((key) => ({ key, direction: 'out', other: path.destination }) as const),
      ...to.filter((key) => !from.includes(key)).map((key) => ({ key, direction: 'in', other: path.source }) as const),
    ]
    for (const { key, direction, other } of edges) {
      const group = platform.groups.get(key)
      if (group === undefined || excepts(group, other, direction)) continue
      const id = JSON.stringify([key, direction, path.origin.map((o) => [o.document, o.at.line, o.at.column])])
      const known = crossings.get(id)
      if (known === undefined) crossings.set(id, { path, group, direction, more: 0 })
      else known.more++
    }
  }
  return Array.from(crossings.values(), edgeDiagnostic)
}

/** Whether a group lists an exception for this other end in this direction (`out`: the member initiates). */
function exceptions(platform: Platform, select: Selector): (group: Group, other: PathEnd, direction: 'in' | 'out') => boolean {
  const prepared = new Map<Group, readonly { readonly direction: string; readonly selects: (end: PathEnd) => boolean }[]>()
  for (const group of platform.groups.values()) {
    prepared.set(
      group,
      group.exceptions.map(({ with: ref, direction }) => {
        const ids = new Set(select.workloads([ref]).map((w) => w.id))
        const selects = (end: PathEnd): boolean => {
          if (end.kind === 'workload') return ids.has(end.workload)
          if (end.kind === 'external') return ref.kind === 'external' && ref.external === end.external
          return ref.kind === 'peer' && ref.peer === end.peer && ref.enclave === end.enclave && (ref.workload === '*' || ref.workload === end.workload)
        }
        return { direction, selects }
      }),
    )
  }
  return (group, other, direction) =>
    (prepared.get(group) ?? []).some((e) => (e.direction === 'both' || e.direction === direction) && e.selects(other))
}

function edgeDiagnostic({ path, group, direction, more }: { path: Path; group: Group; direction: 'in' | 'out'; more: number }): Diagnostic {
  const other = formatEnd(direction === 'out' ? path.destination : path.source)
  const documents = path.origin.map((o) => o.document).join(' and ')
  const others = more === 0 ? '' : ` (and ${more} more of its paths)`
  return {
    code: 'group-edge',
    severity: 'error',
    message:
      `${documents} opens \`${formatEnd(path.source)}\` to \`${formatEnd(path.destination)}\` (${formatTraffic(path)}), ` +
      `which crosses the edge of group \`${group.enclave}/${group.name}\`${others}`,
    at: path.origin[0]?.at ?? group.at,
    help: `list it in the group: \`exceptions: [{with: ${exceptionText(group, other)}, direction: ${direction}}]\`; or remove the path`,
  }
}

/** Inside the group's own enclave its documents need no prefix. */
function exceptionText(group: Group, end: string): string {
  return end.startsWith(`${group.enclave}/`) ? end.slice(group.enclave.length + 1) : end.startsWith('external:') ? `'${end}'` : end
}

/** No egress beyond the Stack for a workload on a segment with `egress: restricted`; `staging` alone is not held to it. */
export function restrictedEgress(
  platform: Platform,
  select: Selector,
  addresses: (external: External) => AddressSet,
): readonly Diagnostic[] {
  const inside = new Map<string, AddressSet>()
  const verdicts = new Map<string, boolean>()
  function staysInside(stackName: string, external: External): boolean {
    const key = `${stackName} ${external.name}`
    let verdict = verdicts.get(key)
    if (verdict === undefined) {
      const stack = platform.stacks.get(stackName)
      let space = inside.get(stackName)
      if (space === undefined) inside.set(stackName, (space = stack === undefined ? noAddresses : unionAddresses(stack.cidrs, stack.peeredCidrs)))
      verdict = external.domains.length === 0 && addressesWithin(addresses(external), space)
      verdicts.set(key, verdict)
    }
    return verdict
  }
  if (![...platform.segments.values()].some((segment) => segment.egress === 'restricted')) return []
  return platform.egressPolicies.flatMap((policy) => {
    if (!policy.phases.includes('running') && !policy.phases.includes('task')) return []
    const members = select.workloads(policy.source).filter((w) => w.enclave === policy.enclave && restricted(platform, w))
    return policy.destination.flatMap((ref) => {
      const external = platform.externals.get(ref.external)
      if (external === undefined) return []
      const beyond = members.filter((w) => !staysInside(stackOf(platform, w), external))
      return beyond.length === 0 ? [] : [restrictedDiagnostic(policy, external, beyond, ref.at)]
    })
  })
}

function restricted(platform: Platform, workload: Workload): boolean {
  return workload.segment !== undefined && platform.segments.get(workload.segment)?.egress === 'restricted'
}

function stackOf(platform: Platform, workload: Workload): string {
  const environment = platform.enclaves.get(workload.enclave)?.environment ?? 'default'
  return platform.environments.get(environment)?.stack ?? 'default'
}

function restrictedDiagnostic(policy: EgressPolicy, external: External, beyond: readonly Workload[], at: External['at']): Diagnostic {
  const shown = beyond.slice(0, 3).map((w) => `\`${w.id}\` (segment \`${w.segment ?? ''}\`)`)
  const names = beyond.length > 3 ? `${shown.join(', ')} and ${beyond.length - 3} more` : shown.join(', ')
  const why = external.domains.length > 0 ? 'it has domains, which can be anywhere' : 'its addresses are not all inside their stack'
  return {
    code: 'restricted-segment',
    severity: 'error',
    message: `EgressPolicy \`${policy.name}\` leads ${names} out of a restricted segment to \`external:${external.name}\`: ${why}`,
    at,
  }
}

/** A group that lists a workload which does not join, and the other way round: nothing is open until both agree. */
export function oneSidedMembership(platform: Platform, select: Selector): readonly Diagnostic[] {
  const out: Diagnostic[] = []
  for (const group of platform.groups.values()) {
    for (const member of group.members) {
      const workload = member.kind === 'workload' ? platform.workloads.get(member.workload) : undefined
      if (workload === undefined || workload.groups.includes(group.name)) continue
      const message = `group \`${group.name}\` lists \`${workload.name}\`, which does not join it, so it is no member`
      out.push({ code: 'one-sided-membership', severity: 'warning', message, at: member.at, help: `write \`groups: [${group.name}]\` in the Workload` })
    }
  }
  for (const workload of platform.workloads.values()) {
    for (const name of workload.groups) {
      const key = `${workload.enclave}/${name}`
      if (!platform.groups.has(key) || isMember(select, key, workload.id) || lists(platform, key, workload.id)) continue
      const message = `\`${workload.name}\` joins group \`${name}\`, which does not list it, so it is no member`
      out.push({ code: 'one-sided-membership', severity: 'warning', message, at: workload.at, help: `list \`${workload.name}\` under \`members\` of the Group` })
    }
  }
  return out
}

function isMember(select: Selector, key: string, id: WorkloadId): boolean {
  return select.membership.groupsOf.get(id)?.includes(key) ?? false
}

function lists(platform: Platform, key: string, id: WorkloadId): boolean {
  return platform.groups.get(key)?.members.some((m) => m.kind === 'workload' && m.workload === id) ?? false
}

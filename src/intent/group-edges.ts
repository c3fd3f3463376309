/** Members of a group talk among themselves and thereby to nobody else, unless the group itself lists the exception. */
import { formatEnd, formatTraffic } from './format.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Group, Platform } from '../model/platform.ts'
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

/** Port names that no destination declares. */
import { quote } from '../../base/diagnostic.ts'
import { suggest } from '../../base/suggest.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { LocalRef, PeerRef, Platform, TrafficSpec, Workload, WorkloadId } from '../platform.ts'

type Known = Pick<Platform, 'workloads' | 'groups' | 'servicePolicies' | 'ingressPolicies' | 'federationPolicies'>

export function undeclaredPorts(platform: Known): readonly Diagnostic[] {
  const byEnclave = Map.groupBy(platform.workloads.values(), (w) => w.enclave)
  const halves = platform.federationPolicies.flatMap((p) => [...p.exports, ...p.imports])
  return [...platform.servicePolicies, ...platform.ingressPolicies, ...halves].flatMap(({ destination, traffic }) => undeclared(platform, byEnclave, destination, traffic))
}

function undeclared(platform: Known, byEnclave: ReadonlyMap<string, readonly Workload[]>, destination: readonly (LocalRef | PeerRef)[], { protocol, ports, messages }: TrafficSpec): readonly Diagnostic[] {
  const named = ports.filter((item) => item.kind === 'name')
  if (named.length === 0) return []
  const workloads = destination.flatMap((ref) => selected(platform, byEnclave, ref))
  if (messages !== undefined) {
    if (workloads.some(({ broker }) => broker !== undefined)) return []
    const help = 'write `broker: nats` in the Workload that passes messages on'
    return named.map(({ at }) => ({ code: 'wrong-value', severity: 'error', message: 'no destination is a broker', at, given: 'nats', help }) as const)
  }
  const declared = workloads.flatMap((w) => w.ports)
  const peer = destination.some((ref) => ref.kind === 'peer')
  return named.flatMap(({ name, at }) => {
    if (declared.some((p) => p.name === name && p.protocol === protocol)) return []
    const other = declared.find((p) => p.name === name)
    const near = suggest(name, declared.flatMap((p) => p.name ?? []))
    const help = peer
      ? 'what a Peer\'s workloads declare is not known here: write the number'
      : other !== undefined
        ? `it is declared for ${other.protocol}`
        : near !== undefined
          ? `did you mean \`${near}\`?`
          : 'declare it under `ports` of the Workload, or write the number'
    return [{ code: 'unknown-port-name', severity: 'error', message: `no destination declares the ${protocol} port ${quote(name)}`, at, given: name, help } as const]
  })
}

/** Told a reference, the workloads that it may select, as far as the documents say without the consent of both sides of a group. */
export function selectedWorkloads(platform: Pick<Platform, 'workloads' | 'groups'>): (ref: LocalRef) => readonly Workload[] {
  const byEnclave = Map.groupBy(platform.workloads.values(), (w) => w.enclave)
  return (ref) => selected(platform, byEnclave, ref)
}

/** For a group: everyone it lists, directly or through groups, whether or not they have joined yet. */
function selected(platform: Pick<Platform, 'workloads' | 'groups'>, byEnclave: ReadonlyMap<string, readonly Workload[]>, ref: LocalRef | PeerRef): readonly Workload[] {
  switch (ref.kind) {
    case 'workload':
      return one(platform, ref.workload)
    case 'enclave':
      return byEnclave.get(ref.enclave) ?? []
    case 'labels':
      return (byEnclave.get(ref.enclave) ?? []).filter((w) => [...ref.labels].every(([k, v]) => w.labels.get(k) === v))
    case 'group': {
      const reached = new Set([ref.group])
      // A Set yields what is added while it is walked, so circles end.
      for (const key of reached) for (const member of platform.groups.get(key)?.members ?? []) if (member.kind === 'group') reached.add(member.group)
      return [...reached].flatMap((key) => (platform.groups.get(key)?.members ?? []).flatMap((m) => (m.kind === 'workload' ? one(platform, m.workload) : [])))
    }
    case 'peer':
      return []
  }
}

function one(platform: Pick<Platform, 'workloads'>, id: WorkloadId): readonly Workload[] {
  const workload = platform.workloads.get(id)
  return workload === undefined ? [] : [workload]
}

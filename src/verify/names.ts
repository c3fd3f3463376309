/**
 * Holds what a resolver would tell against the reference: a name is told exactly to those who may send something there. The
 * zones are read back from their text.
 */
import { referenceDecide } from './reference.ts'
import { phases } from '../model/platform.ts'
import { protocols } from '../net/protocol.ts'
import type { ReadAsker } from '../engines/dns/read.ts'
import type { FlowEnd, Phase, Platform, PortItem, TrafficSpec, WorkloadId } from '../model/platform.ts'

export interface NameDifference {
  /** `wider`: it is told what it may not reach. */
  readonly kind: 'wider' | 'narrower'
  readonly asker: string
  readonly name: string
}

export interface NameComparison {
  readonly compared: number
  readonly allowed: number
  readonly differences: readonly NameDifference[]
}

/** Names of workloads in full and in short, and for every domain the name, one below it and one that only looks like it; and `also`. */
export function compareNames(platform: Platform, askers: readonly ReadAsker[], now: number, also: readonly string[] = []): NameComparison {
  const anything = mayReach(platform, now)
  const outside = [...new Set([...also, ...domainNames(platform)])].sort()
  const differences: NameDifference[] = []
  let compared = 0
  let allowed = 0
  const compare = (asker: string, name: string, told: boolean, wanted: boolean): void => {
    compared += 1
    if (wanted) allowed += 1
    if (told !== wanted) differences.push({ kind: told ? 'wider' : 'narrower', asker, name })
  }
  for (const asker of askers) {
    const identity = identityOf(asker.asker)
    if (identity === undefined) continue
    const { workload, phase } = identity
    const inside = asker.inside(now)
    const declared = new Set<string>()
    for (const each of platform.workloads.values()) {
      const wanted = each.id === workload || anything(workload, phase, { kind: 'workload', workload: each.id })
      const full = `${each.name}.${each.enclave}.internal`
      declared.add(full)
      compare(asker.asker, full, inside.has(full), wanted)
      if (!workload.startsWith(`${each.enclave}/`)) continue
      declared.add(each.name)
      compare(asker.asker, each.name, inside.has(each.name), wanted)
    }
    for (const peer of peerNames(platform)) {
      declared.add(peer.name)
      // A peer's workload that has no address here is told to nobody, which is declared; that it is told without a policy is not.
      if (inside.has(peer.name)) compare(asker.asker, peer.name, true, anything(workload, phase, peer.end))
    }
    for (const name of inside.keys()) if (!declared.has(name)) compare(asker.asker, name, true, false)
    for (const name of outside) compare(asker.asker, name, asker.asksOutside(name, now), anything(workload, phase, { kind: 'name', name }))
  }
  return { compared, allowed, differences }
}

/** Whether anything at all may be sent there, in any protocol, on any port that a document knows. */
export function mayReach(platform: Platform, now: number): (source: WorkloadId, phase: Phase, destination: FlowEnd) => boolean {
  const ports = representativePorts(platform)
  return (source, phase, destination) => protocols.some((protocol) => (protocol === 'icmp' ? [undefined] : ports).some((port) =>
    referenceDecide(platform, { source: { kind: 'workload', workload: source }, destination, protocol, port, phase }, now) === 'allow'))
}

function identityOf(asker: string): { readonly workload: WorkloadId; readonly phase: Phase } | undefined {
  const [workload = '', text] = asker.split('@')
  const phase = phases.find((known) => known === text)
  return phase === undefined ? undefined : { workload: workload as WorkloadId, phase }
}

/** One port of every range that any document knows: where a range begins there is something, if anywhere. */
function representativePorts(platform: Platform): readonly number[] {
  const specs: readonly TrafficSpec[] = [
    ...[...platform.servicePolicies, ...platform.egressPolicies, ...platform.ingressPolicies].map(({ traffic }) => traffic),
    ...platform.federationPolicies.flatMap((policy) => [...policy.imports, ...policy.exports].map(({ traffic }) => traffic)),
  ]
  const begin = (item: PortItem): readonly number[] => (item.kind === 'range' ? [item.from] : [])
  const declared = [...platform.workloads.values()].flatMap(({ ports }) => ports.map(({ port }) => port))
  return [...new Set([1, ...declared, ...specs.flatMap(({ ports }) => ports.flatMap(begin))])]
}

function domainNames(platform: Platform): readonly string[] {
  return [...platform.externals.values()].flatMap(({ domains }) => domains.flatMap(({ name }) => [name, `below.${name}`, `deep.below.${name}`, `not-${name}`, `${name}.example`]))
}

function peerNames(platform: Platform): readonly { readonly name: string; readonly end: FlowEnd }[] {
  const halves = platform.federationPolicies.flatMap((policy) => policy.imports.flatMap(({ destination }) => destination))
  return halves.flatMap((ref) => {
    const peer = ref.kind === 'peer' ? platform.peers.get(ref.peer) : undefined
    if (ref.kind !== 'peer' || peer === undefined || ref.workload === '*') return []
    const { enclave, workload } = ref
    return [{ name: `${workload}.${enclave}.${peer.trustDomain}`.toLowerCase(), end: { kind: 'peer', peer: ref.peer, enclave, workload } as const }]
  })
}

/**
 * Random flows of a platform, drawn to be near decisions: most start from what some policy says and are then perhaps
 * bent a little, with ports and addresses at the edges of ranges; the rest join any two ends.
 */
import fc from 'fast-check'
import { addressEnds, edgesOf, flowEnds, nameNear, workloadsOf } from './arbitrary-ends.ts'
import { choicesFrom, tapes } from './choices.ts'
import { portNumbers, publishedPorts } from './words.ts'
import { phases } from '../../model/platform.ts'
import { protocols } from '../../net/protocol.ts'
import type { Ends } from './arbitrary-ends.ts'
import type { Choices, Tape } from './choices.ts'
import type { Flow, FlowEnd, Platform, Ref, TrafficSpec, Workload } from '../../model/platform.ts'
import type { Protocol } from '../../net/protocol.ts'

/** Bytes that one flow reads at most. */
const bytesPerFlow = 20

/** Tapes that are long enough for that many flows. They do not shrink: a failure names its flow, and only the documents are worth making smaller. */
export function flowTapes(count: number): fc.Arbitrary<Tape> {
  return fc.noShrink(tapes(count * bytesPerFlow, count * bytesPerFlow))
}

export function flowsFrom(platform: Platform, tape: Tape, count: number): readonly Flow[] {
  const choices = choicesFrom(tape)
  const ends = flowEnds(platform)
  const aims = aimsOf(platform)
  return Array.from({ length: count }, () => (aims.length > 0 && choices.chance(75) ? aimedFlow(choices, platform, ends, choices.pick(aims)) : anyFlow(choices, ends)))
}

/** What one policy or group would let through, as far as a generator needs to know it. */
interface Aim {
  readonly source: readonly Ref[]
  readonly destination: readonly Ref[]
  readonly traffic: TrafficSpec
  readonly published: { readonly addresses: readonly FlowEnd[]; readonly port: number } | undefined
}

function aimsOf(platform: Platform): readonly Aim[] {
  const halves = platform.federationPolicies.flatMap((policy) => [...policy.imports, ...policy.exports])
  const plain = [...platform.servicePolicies, ...platform.egressPolicies, ...platform.ingressPolicies, ...halves]
  const groups = Array.from(platform.groups, ([group, { at, members }]) => {
    const ref = [{ kind: 'group', group, at } as const]
    const aim = { source: ref, destination: ref, traffic: { protocol: 'tcp', ports: [] } as const, published: undefined }
    return members.some(({ kind }) => kind === 'group') ? [aim, aim, aim] : [aim]
  }).flat()
  const published = platform.ingressPolicies.flatMap(({ source, destination, traffic, gateway }) =>
    gateway.kind === 'publish'
      ? [{ source, destination, traffic, published: { addresses: gateway.addresses.map((address) => ({ kind: 'address', address }) as const), port: gateway.port } }]
      : [],
  )
  return [...plain.map(({ source, destination, traffic }) => ({ source, destination, traffic, published: undefined })), ...groups, ...published, ...published]
}

function aimedFlow(choices: Choices, platform: Platform, ends: Ends, aim: Aim): Flow {
  const concrete = aim.published !== undefined
  const source = choices.chance(8) ? choices.pick(ends.any) : endFor(choices, platform, ends, choices.pick(aim.source), concrete)
  const aimed = aim.published === undefined ? endFor(choices, platform, ends, choices.pick(aim.destination), false) : choices.pick(aim.published.addresses)
  const destination = choices.chance(8) ? choices.pick(ends.any) : aimed
  const target = destination.kind === 'workload' ? platform.workloads.get(destination.workload) : undefined
  const declared = target !== undefined && target.ports.length > 0 && choices.chance(50) ? choices.pick(target.ports) : undefined
  const wanted = aim.traffic.protocol === 'any' ? choices.pick(protocols) : aim.traffic.protocol
  const protocol = choices.chance(10) ? choices.pick(protocols) : aim.traffic.ports.length === 0 && declared !== undefined ? declared.protocol : wanted
  if (aim.published !== undefined && choices.chance(85)) return flow(choices, source, destination, protocol, aim.published.port)
  return flow(choices, source, destination, protocol, declared?.port ?? choices.pick(portsNear(aim.traffic, target)))
}

function endFor(choices: Choices, platform: Platform, ends: Ends, ref: Ref, concrete: boolean): FlowEnd {
  switch (ref.kind) {
    case 'workload':
    case 'enclave':
    case 'group':
    case 'labels': {
      const near = workloadsOf(platform, ref)
      return near.length > 0 ? { kind: 'workload', workload: choices.pick(near) } : choices.pick(ends.any)
    }
    case 'peer': {
      const workload = ref.workload === '*' ? choices.pick(['w1', 'w2', 'w3']) : ref.workload
      return { kind: 'peer', peer: ref.peer, enclave: ref.enclave, workload }
    }
    case 'external': {
      const external = platform.externals.get(ref.external)
      if (ends.published.length > 0 && choices.chance(10)) return choices.pick(ends.published)
      const edges = addressEnds(external === undefined ? [] : edgesOf(external.cidrs))
      if (edges.length > 0 && (concrete || choices.chance(60))) return choices.pick(edges)
      if (external !== undefined && external.domains.length > 0 && choices.chance(70)) return { kind: 'name', name: nameNear(choices, choices.pick(external.domains)) }
      return { kind: 'external', external: ref.external }
    }
  }
}

/** The edges of every range and one beyond, what the destination declares under a name, and a stranger. */
function portsNear(traffic: TrafficSpec, target: Workload | undefined): readonly number[] {
  const near = traffic.ports.flatMap((item) => {
    switch (item.kind) {
      case 'any':
        return [1, 65_535, ...portNumbers]
      case 'range':
        return [item.from, item.to, item.from, item.to, item.from - 1, item.to + 1]
      case 'name':
        return (target?.ports ?? []).filter((port) => port.name === item.name).map(({ port }) => port)
    }
  })
  return near.length > 0 ? near : portNumbers
}

function anyFlow(choices: Choices, ends: Ends): Flow {
  const source = choices.pick(ends.any)
  const destination = choices.chance(10) ? source : choices.pick(ends.any)
  return flow(choices, source, destination, choices.pick(protocols), choices.pick([...portNumbers, ...publishedPorts, 0, 65_536]))
}

function flow(choices: Choices, source: FlowEnd, destination: FlowEnd, protocol: Protocol, port: number): Flow {
  const withPort = choices.chance(2) ? protocol === 'icmp' : protocol !== 'icmp'
  return { source, destination, protocol, port: withPort ? port : undefined, phase: choices.chance(40) ? choices.pick(phases) : undefined }
}

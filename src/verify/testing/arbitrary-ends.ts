/** The ends that generated flows join: all there are, those just beside them, and a few that nobody declared. */
import { infrastructureCidrs, outsideCidrs, peerEnclaves } from './words.ts'
import { addressFromBits, familyWidth } from '../../net/address.ts'
import { addressSet } from '../../net/address-set.ts'
import { formatDomainPattern } from '../../net/domain.ts'
import { prefix } from '../../net/prefix.ts'
import type { Choices } from './choices.ts'
import type { FlowEnd, LocalRef, Platform, WorkloadId } from '../../model/platform.ts'
import type { Address } from '../../net/address.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { DomainPattern } from '../../net/domain.ts'

export interface Ends {
  readonly any: readonly FlowEnd[]
  readonly published: readonly FlowEnd[]
}

/** Workloads are listed several times, so that about half of the ends are workloads; at most 256 in all. */
export function flowEnds(platform: Platform): Ends {
  const workloads = Array.from(platform.workloads.keys(), (workload) => ({ kind: 'workload', workload }) as const)
  const externals = Array.from(platform.externals.keys(), (external) => ({ kind: 'external', external }) as const)
  const names = [...platform.externals.values()].flatMap(({ domains }) => domains).map((pattern) => ({ kind: 'name', name: pattern.name }) as const)
  const peers = Array.from(platform.peers.keys(), (peer) => peerEnclaves.map((enclave) => ({ kind: 'peer', peer, enclave, workload: 'w1' }) as const)).flat()
  const published = platform.ingressPolicies.flatMap(({ gateway }) => (gateway.kind === 'publish' ? gateway.addresses : []))
  const own = platform.gateway?.addresses ?? []
  const addresses = [
    ...published,
    ...own,
    ...edgesOf(platform.addresses),
    ...edgesOf(platform.infrastructure),
    ...edgesOf(addressSet([...outsideCidrs, ...infrastructureCidrs].filter((text) => !text.endsWith('/0')).map(prefix))),
  ]
  const strangers: readonly FlowEnd[] = [
    { kind: 'workload', workload: 'alpha/ghost' }, { kind: 'external', external: 'nobody' }, { kind: 'name', name: 'stranger.example.com' },
  ]
  const others = [...externals, ...names, ...peers, ...addressEnds(addresses), ...strangers].slice(0, 150)
  const copies = workloads.length === 0 ? 0 : Math.min(Math.ceil(others.length / workloads.length), 8)
  return { any: [...Array.from({ length: copies }, () => workloads).flat(), ...others].slice(0, 256), published: addressEnds([...published, ...own]) }
}

export function addressEnds(addresses: readonly Address[]): readonly FlowEnd[] {
  return addresses.map((address) => ({ kind: 'address', address }))
}

/** First, last, and one beyond on each side where there is one. */
export function edgesOf(set: AddressSet): readonly Address[] {
  return set.flatMap(({ family, first, last }) =>
    [first, last, first - 1n, last + 1n].filter((bits) => bits >= 0n && bits < 1n << BigInt(familyWidth(family))).map((bits) => addressFromBits(family, bits)),
  )
}

/** Some that match the pattern, some that look like it, in the spellings that clients use. */
export function nameNear(choices: Choices, pattern: DomainPattern): string {
  return choices.pick([
    formatDomainPattern(pattern).replace('*', 'deep'), pattern.name, `a.b.${pattern.name}`, `x${pattern.name}`, `${pattern.name}.`, pattern.name.toUpperCase(),
    `Cdn.${pattern.name}`, `${pattern.name}.evil.example`, '203.0.113.1', '*.pypi.org', '',
  ])
}

/** The workloads a reference may mean; for groups and labels all of the enclave, since working them out is what is tested, but members more often. */
export function workloadsOf(platform: Platform, ref: LocalRef): readonly WorkloadId[] {
  if (ref.kind === 'workload') return [ref.workload]
  const enclave = ref.kind === 'group' ? platform.groups.get(ref.group)?.enclave : ref.enclave
  const all = [...platform.workloads.values()].filter((workload) => workload.enclave === enclave).map(({ id }) => id)
  const listed = ref.kind === 'group' ? listedIn(platform, ref.group) : []
  return [...all, ...listed, ...listed]
}

function listedIn(platform: Platform, group: string): readonly WorkloadId[] {
  return (platform.groups.get(group)?.members ?? []).flatMap((member) => (member.kind === 'group' ? listedIn(platform, member.group) : [member.workload]))
}

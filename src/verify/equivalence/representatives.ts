/**
 * Few values that stand for all: between two neighbouring edges of everything that policies and artefacts name, every
 * port and every address is treated alike, so one of each stretch decides for the stretch.
 */
import { addressFromBits, familyWidth } from '../../net/address.ts'
import { setContains } from '../../net/address-set.ts'
import { multicastAddresses, reservedAddresses } from '../../net/reserved.ts'
import type { Platform, TrafficSpec } from '../../model/platform.ts'
import type { AddressRange, AddressSet } from '../../net/address-set.ts'
import type { Address } from '../../net/address.ts'
import type { PortRange, PortSet } from '../../net/ports.ts'

const lastPort = 65_535

/** Stretches of ports that no edge cuts, in order; their first port stands for each. */
export function portStretches(sets: Iterable<PortSet>): readonly PortRange[] {
  const starts = new Set([1])
  for (const set of sets) {
    for (const { from, to } of set) {
      starts.add(from)
      if (to < lastPort) starts.add(to + 1)
    }
  }
  const sorted = [...starts].filter((port) => port >= 1 && port <= lastPort).sort((a, b) => a - b)
  return sorted.map((from, i) => ({ from, to: (sorted[i + 1] ?? lastPort + 1) - 1 }))
}

/** The ports that documents of these enclaves name; a flow between them depends on no others. */
export function portsOfEnclaves(platform: Platform, enclaves: ReadonlySet<string>): readonly PortSet[] {
  const sets: PortSet[] = []
  const traffic = (spec: TrafficSpec): void => {
    for (const item of spec.ports) if (item.kind === 'range') sets.push([item])
  }
  const ours = ({ enclave }: { readonly enclave: string }): boolean => enclaves.has(enclave)
  for (const policy of [...platform.servicePolicies, ...platform.egressPolicies, ...platform.ingressPolicies].filter(ours)) traffic(policy.traffic)
  for (const { gateway } of platform.ingressPolicies) if (gateway.kind === 'publish') sets.push([{ from: gateway.port, to: gateway.port }])
  for (const half of platform.federationPolicies.filter(ours).flatMap((policy) => [...policy.exports, ...policy.imports])) traffic(half.traffic)
  for (const { port } of [...platform.workloads.values()].filter(ours).flatMap((workload) => workload.ports)) sets.push([{ from: port, to: port }])
  return sets
}

/** Stretches of unicast addresses that no edge of these sets cuts, in order; their first address stands for each. */
export function addressStretches(sets: readonly AddressSet[]): readonly AddressRange[] {
  return ([4, 6] as const).flatMap((family) => {
    const starts = new Set([0n])
    for (const set of [...sets, multicastAddresses]) {
      for (const range of set) {
        if (range.family !== family) continue
        starts.add(range.first)
        starts.add(range.last + 1n)
      }
    }
    const end = 1n << BigInt(familyWidth(family))
    const sorted = [...starts].filter((bits) => bits < end).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    return sorted.map((first, i) => ({ family, first, last: (sorted[i + 1] ?? end) - 1n }))
  }).filter((range) => !setContains(multicastAddresses, firstOf(range)))
}

export function firstOf(range: AddressRange): Address {
  return addressFromBits(range.family, range.first)
}

/** Every set of addresses that some document or the meaning of documents names. */
export function addressSetsOf(platform: Platform): readonly AddressSet[] {
  const externals = [...platform.externals.values()].map((external) => external.cidrs)
  return [platform.addresses, platform.infrastructure, reservedAddresses, ...externals, ...publishedAddresses(platform).map(only)]
}

export function publishedAddresses(platform: Platform): readonly Address[] {
  return platform.ingressPolicies.flatMap((policy) => (policy.gateway.kind === 'publish' ? policy.gateway.addresses : []))
}

export function only(address: Address): AddressSet {
  return [{ family: address.family, first: address.bits, last: address.bits }]
}

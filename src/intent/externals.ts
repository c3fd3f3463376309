/** What an External effectively means. */
import { addressesOverlap, noAddresses, subtractAddresses, unionAddresses } from '../net/address-set.ts'
import { domainsOverlap } from '../net/domain.ts'
import { reservedAddresses } from '../net/reserved.ts'
import type { AddressSet } from '../net/address-set.ts'
import type { External, Platform } from '../model/platform.ts'

/** The addresses of every External: its CIDRs without what is reserved, unless it says `infrastructure: true`. */
export function externalAddresses(platform: Platform): (external: External) => AddressSet {
  const never = unionAddresses(reservedAddresses, platform.addresses, platform.infrastructure)
  const known = new Map<External, AddressSet>()
  return (external) => {
    let addresses = known.get(external)
    if (addresses === undefined) {
      addresses = external.infrastructure ? external.cidrs : subtractAddresses(external.cidrs, never)
      known.set(external, addresses)
    }
    return addresses
  }
}

/** Every published address, also those of policies that have expired, and the gateway's: no workload reaches one from inside. */
export function publishedAddresses(platform: Platform): AddressSet {
  const published = platform.ingressPolicies.flatMap(({ gateway }) => (gateway.kind === 'publish' ? gateway.addresses : []))
  const all = [...published, ...(platform.gateway?.addresses ?? [])]
  return unionAddresses(noAddresses, all.map((a) => ({ family: a.family, first: a.bits, last: a.bits })))
}

/** Every External that shares an address or a domain name with this one, itself included. */
export function overlappingExternals(platform: Platform, external: External): readonly External[] {
  const addresses = externalAddresses(platform)
  return [...platform.externals.values()].filter(
    (other) =>
      other.name === external.name ||
      addressesOverlap(addresses(external), addresses(other)) ||
      external.domains.some((a) => other.domains.some((b) => domainsOverlap(a, b))),
  )
}

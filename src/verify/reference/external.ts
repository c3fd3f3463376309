/** What an External holds. The reserved space is written out again here, from the page and not from the readers' list. */
import { addressSet, setContains, subtractAddresses, unionAddresses } from '../../net/address-set.ts'
import { parseDomain } from '../../net/domain.ts'
import { prefix, prefixContains } from '../../net/prefix.ts'
import type { External, Platform } from '../../model/platform.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { Address } from '../../net/address.ts'
import type { Witness } from './rules.ts'

const neverMeant = [
  '0.0.0.0/8',
  '127.0.0.0/8', '::1/128', // loopback
  '169.254.0.0/16', 'fe80::/10', // link-local
  '169.254.169.254/32', 'fd00:ec2::254/128', // metadata
  '224.0.0.0/4', 'ff00::/8', // multicast
  '255.255.255.255/32', // broadcast
  '::/128',
].map(prefix)

export function holdsAddress(platform: Platform, external: External, address: Address, witness: Witness): boolean {
  if (!setContains(external.cidrs, address)) {
    witness('the external does not hold the address')
    return false
  }
  if (external.infrastructure || !isReserved(platform, address)) return true
  witness('the external does not hold reserved space')
  return false
}

/** All that it holds, as a set. */
export function effectiveAddresses(platform: Platform, external: External): AddressSet {
  return external.infrastructure ? external.cidrs : subtractAddresses(external.cidrs, unionAddresses(addressSet(neverMeant), platform.addresses, platform.infrastructure))
}

function isReserved(platform: Platform, address: Address): boolean {
  if (setContains(platform.addresses, address) || setContains(platform.infrastructure, address)) return true
  if (address.family === 6 && address.bits >> 32n === 0xffffn) return true // IPv4-mapped
  for (const space of neverMeant) {
    if (prefixContains(space, address)) return true
  }
  return false
}

/** `text` as a client asks for it. */
export function holdsName(external: External, text: string, witness: Witness): boolean {
  const name = parseDomain(text)
  if (name !== undefined) {
    for (const pattern of external.domains) {
      if (pattern.below ? name.endsWith(`.${pattern.name}`) : name === pattern.name) return true
    }
  }
  witness('the external does not hold the name')
  return false
}

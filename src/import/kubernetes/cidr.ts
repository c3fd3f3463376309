/** CIDR blocks as Kubernetes takes them: host bits are cut off, and what has two readings is refused. */
import { quote } from '../../base/diagnostic.ts'
import { addressSet } from '../../net/address-set.ts'
import { parsePrefix, prefix } from '../../net/prefix.ts'
import { fail, text, warn } from './field.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { Field } from './field.ts'

/** Empty, with a report, when it is no block. */
export function readCidr(field: Field): AddressSet {
  const given = text(field)
  const parsed = given.includes('/') ? parsePrefix(given) : { kind: 'malformed' } as const
  switch (parsed.kind) {
    case 'prefix':
      return addressSet([parsed])
    case 'host-bits':
      warn(field, 'host-bits', `${quote(given)} has host bits; it means \`${parsed.meant}\``)
      return addressSet([prefix(parsed.meant)])
    case 'mapped':
      fail(field, 'mapped-address', `${quote(given)} is an IPv4 block written as IPv6`)
      return []
    case 'malformed':
      if (typeof field.value === 'string') fail(field, 'invalid-cidr', `${quote(given)} is not a CIDR block`)
      return []
  }
}

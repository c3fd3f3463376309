/**
 * Addresses that belong to somebody's own network: a public name that leads there is a mistake or an attack (DNS rebinding).
 * Sources: RFC 1918, RFC 6598, RFC 4193, RFC 2544, RFC 6666, RFC 6890; RFC 6052, RFC 8215, RFC 3056 and RFC 4291 for IPv6 ranges that
 * hold IPv4 addresses, private ones too.
 */
import { addressSet, unionAddresses } from './address-set.ts'
import { prefix } from './prefix.ts'

/** Networks that belong to somebody, as opposed to forms and functions of addresses. */
export const privateNetworks = addressSet(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'].map(prefix))

export const privateAddresses = unionAddresses(privateNetworks, addressSet(
  [
    '192.0.0.0/24', // protocol assignments
    '198.18.0.0/15', // measurement of devices, and links between a host and its router
    '240.0.0.0/4', // never assigned
    'fec0::/10', // site-local, as it once was
    '::/96', // IPv4-compatible
    '64:ff9b::/96', '64:ff9b:1::/48', // translated from IPv4
    '100::/64', // discarded
    '2001::/23', // protocol assignments, Teredo among them
    '2002::/16', // 6to4
  ].map(prefix),
))

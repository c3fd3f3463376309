/**
 * Addresses that an External never means unless it says `infrastructure: true`, whatever its CIDRs are.
 * Sources: RFC 6890 (special-purpose addresses), RFC 4291, RFC 3056, RFC 6052; the cloud metadata services'
 * documented addresses 169.254.169.254 and fd00:ec2::254.
 */
import { addressSet } from './address-set.ts'
import { prefix } from './prefix.ts'

export const reservedAddresses = addressSet(
  [
    '0.0.0.0/8', // "this network"
    '127.0.0.0/8', // loopback
    '169.254.0.0/16', // link-local, and the metadata service in it
    '224.0.0.0/4', // multicast
    '255.255.255.255/32', // broadcast
    '::/128', // unspecified
    '::1/128', // loopback
    '::ffff:0:0/96', // IPv4-mapped: a second spelling of every IPv4 address
    'fd00:ec2::254/128', // metadata service
    'fe80::/10', // link-local
    'ff00::/8', // multicast
  ].map((text) => (text === '::ffff:0:0/96' ? { kind: 'prefix', family: 6, bits: 0xffff_0000_0000n, length: 96 } as const : prefix(text))),
)

/** To and from these nothing is routed, whatever an External says. */
export const multicastAddresses = addressSet(['224.0.0.0/4', 'ff00::/8'].map(prefix))

/**
 * Addresses that a public name has no business to lead to: special-purpose space of RFC 6890 and its successors, and forms
 * of IPv6 in which an IPv4 address hides. Documentation space is not in it: nothing answers there but what was put there.
 */
import { addressSet, unionAddresses } from '../../net/address-set.ts'
import { prefix } from '../../net/prefix.ts'
import { reservedAddresses } from '../../net/reserved.ts'

/** Networks that belong to somebody, as opposed to forms and functions of addresses. */
export const privateNetworks = addressSet(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'].map(prefix))

export const notPublic = unionAddresses(
  reservedAddresses,
  privateNetworks,
  addressSet(
    [
      '192.0.0.0/24', // protocol assignments
      '198.18.0.0/15', // measuring inside a network
      '240.0.0.0/4', // reserved
      '::/96', // IPv4-compatible
      '64:ff9b::/96', '64:ff9b:1::/48', // translated IPv4
      '100::/64', // discarded
      '2001::/23', // protocol assignments, Teredo among them
      '2002::/16', // 6to4
      'fec0::/10', // site-local
    ].map(prefix),
  ),
)

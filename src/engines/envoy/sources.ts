/** Which addresses an External stands for when it calls. */
import { addressSet, subtractAddresses, unionAddresses } from '../../net/address-set.ts'
import { prefix } from '../../net/prefix.ts'
import { reservedAddresses } from '../../net/reserved.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { Platform } from '../../model/platform.ts'

export const everySource: AddressSet = addressSet([prefix('0.0.0.0/0'), prefix('::/0')])

/** Only addresses tell where a call comes from: an External without CIDRs is nobody here. */
export function externalSpace(platform: Platform): (names: readonly string[]) => AddressSet {
  const never = unionAddresses(reservedAddresses, platform.addresses, platform.infrastructure)
  return (names) =>
    unionAddresses(
      ...names.map((name) => {
        const external = platform.externals.get(name)
        if (external === undefined) return []
        return external.infrastructure ? external.cidrs : subtractAddresses(external.cidrs, never)
      }),
    )
}

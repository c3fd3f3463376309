/**
 * Outside addresses that identities were told of: each is let to the outbound gateway before the answer leaves, and taken
 * back when the last name that led there is no longer theirs to ask for. An admission alone opens nothing.
 */
import { Fault } from '../../base/fault.ts'
import { viewOf } from '../../engines/dns/view.ts'
import { formatAddress, parseAddress } from '../../net/address.ts'
import type { AdmissionRequest } from '../../engines/dns/admissions.ts'
import type { Zones } from '../../engines/dns/zones.ts'
import type { Identity, Inventory } from '../../engines/nftables/inventory.ts'
import type { Address } from '../../net/address.ts'
import type { TableKeeper } from '../table-keeper.ts'

export interface AdmissionBook {
  readonly admit: (request: AdmissionRequest, inventory: Inventory | undefined) => Promise<void>
  /** From now on these are the names that may be asked for. */
  readonly retain: (zones: Zones | undefined, inventory: Inventory) => Promise<void>
}

interface Entry {
  readonly asker: string
  readonly group: number
  readonly address: Address
  readonly names: Set<string>
}

/** Clients keep answers a little longer than they may. */
const graceSeconds = 60
/** What is forgotten here is only not taken back early. */
const mostRemembered = 100_000

export function createAdmissions(keeper: Pick<TableKeeper, 'admit' | 'revokeAdmissions'>): AdmissionBook {
  const entries = new Map<string, Entry>()
  return {
    admit: async ({ asker, name, addresses, ttl }, inventory) => {
      const group = inventory?.groups.get(asker as Identity)
      if (group === undefined) throw new Fault('internal', `\`${asker}\` is not an identity here`)
      const parsed = addresses.flatMap((text) => parseAddress(text) ?? [])
      if (parsed.length !== addresses.length) throw new Fault('internal', 'what was asked for is not an address')
      await keeper.admit(group, parsed, ttl + graceSeconds)
      for (const address of parsed) {
        const key = `${group} ${formatAddress(address)}`
        const entry = entries.get(key)
        if (entry !== undefined) entry.names.add(name)
        else if (entries.size < mostRemembered) entries.set(key, { asker, group, address, names: new Set([name]) })
      }
    },
    retain: async (zones, inventory) => {
      if (entries.size === 0) return
      const view = zones === undefined ? undefined : viewOf(zones)
      const gone = [...entries].filter(([, { asker, group, names }]) => {
        const still = inventory.groups.get(asker as Identity) === group ? view?.asker(asker) : undefined
        return ![...names].some((name) => (still?.outside(name).length ?? 0) > 0)
      })
      for (const [key] of gone) entries.delete(key)
      // Where nothing is led by name any more, the sets have gone with the rules.
      if (view !== undefined) await keeper.revokeAdmissions(gone.map(([, { group, address }]) => ({ group, address }))).catch(() => undefined)
    },
  }
}

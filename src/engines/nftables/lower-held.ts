/** Segments with `egress: restricted`: which identities of this host are held inside, and what inside is. */
import { unionAddresses } from '../../net/address-set.ts'
import { identity } from './inventory.ts'
import type { Platform, Workload } from '../../model/platform.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { Held } from './atoms.ts'
import type { Inventory } from './inventory.ts'

/** Everything but `staging`, which fetches what is built. Made from the documents alone: no path has a say in it. */
export function heldInside(platform: Platform, inventory: Inventory): readonly Held[] {
  const restricted = new Set([...platform.segments.values()].filter(({ egress }) => egress === 'restricted').map(({ name }) => name))
  if (restricted.size === 0) return []
  const spaces = new Map<string, AddressSet>()
  const insideOf = (workload: Workload): AddressSet => {
    const environment = platform.enclaves.get(workload.enclave)?.environment ?? 'default'
    const name = platform.environments.get(environment)?.stack ?? 'default'
    const known = spaces.get(name)
    if (known !== undefined) return known
    const stack = platform.stacks.get(name)
    const space = unionAddresses(platform.addresses, stack?.cidrs ?? [], stack?.peeredCidrs ?? [])
    spaces.set(name, space)
    return space
  }
  const held = new Map<number, Held>()
  for (const { workload: id, phase } of inventory.attachments) {
    const workload = platform.workloads.get(id)
    const source = inventory.groups.get(identity(id, phase))
    if (phase === 'staging' || source === undefined || workload?.segment === undefined || !restricted.has(workload.segment)) continue
    held.set(source, Object.freeze({ source, inside: insideOf(workload) }))
  }
  return Object.freeze([...held.values()].sort((a, b) => a.source - b.source))
}

/** Who is behind an interface, an address or a connection mark on this host: the index that verdicts are told with. */
import { formatAddress, parseAddress } from '../net/address.ts'
import { setContains, subtractAddresses, unionAddresses } from '../net/address-set.ts'
import { reservedAddresses } from '../net/reserved.ts'
import { workloadSpiffeId } from '../model/workload-id.ts'
import { gatewaysOf } from '../engines/nftables/inventory.ts'
import type { Address } from '../net/address.ts'
import type { AddressSet } from '../net/address-set.ts'
import type { Phase, Platform, WorkloadId } from '../model/platform.ts'
import type { IdTable } from '../engines/nftables/ids.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'

export type HostEnd =
  | {
      readonly kind: 'workload'
      readonly interface: string
      readonly workload: WorkloadId
      readonly identity: string
      readonly phase: Phase
      readonly replica: number
      readonly probe: boolean
    }
  | { readonly kind: 'gateway'; readonly interface: string; readonly gateway: 'outbound' | 'inbound' | 'resolver'; readonly probe: boolean }
  | { readonly kind: 'uplink'; readonly interface: string; readonly probe: boolean }

export interface Host {
  readonly byInterface: (name: string) => HostEnd | undefined
  readonly byAddress: (address: string) => HostEnd | undefined
  /** Names of the Externals that hold the address, sorted. */
  readonly externalsOf: (address: string) => readonly string[]
  readonly isRouter: (address: string) => boolean
  /** `undefined` for a mark that stands for no path. */
  readonly documentsOf: (mark: number) => readonly string[] | undefined
  readonly address: (text: string) => Address | undefined
}

/** The gateway that every workload sees; the same on all of them. */
const routerAddresses: ReadonlySet<string> = new Set(['169.254.1.1', 'fe80::1'])
const remembered = 10_000

/** A connection mark is the id of a path; ids are never given out twice, so old connections keep their policies' names. */
export function hostIndex(platform: Platform, inventory: Inventory, ids: IdTable): Host {
  const interfaces = new Map<string, HostEnd>()
  const addresses = new Map<string, HostEnd>()
  if (inventory.uplink !== undefined) {
    const name = inventory.uplink.interface
    interfaces.set(name, Object.freeze({ kind: 'uplink', interface: name, probe: false }))
  }
  for (const a of inventory.attachments) {
    const owner: HostEnd = Object.freeze({
      kind: 'workload', interface: a.interface, workload: a.workload, phase: a.phase, replica: a.replica, probe: a.probe,
      identity: workloadSpiffeId(platform.trustDomain, a.workload),
    })
    interfaces.set(a.interface, owner)
    for (const address of [a.ipv4, a.ipv6]) addresses.set(formatAddress(address), owner)
  }
  for (const { name, interface: end, ipv4, ipv6 } of gatewaysOf(inventory)) {
    const owner: HostEnd = Object.freeze({ kind: 'gateway', interface: end, gateway: name, probe: false })
    interfaces.set(end, owner)
    for (const address of [ipv4, ipv6]) addresses.set(formatAddress(address), owner)
  }
  const marks = new Map(Array.from(ids.paths, ([key, mark]) => [mark, Object.freeze(key.split('\n'))] as const))
  const externals = reachOf(platform)
  const known = new Map<string, readonly string[]>()
  return Object.freeze({
    byInterface: (name: string) => interfaces.get(name),
    byAddress: (address: string) => addresses.get(address),
    isRouter: (address: string) => routerAddresses.has(address),
    documentsOf: (mark: number) => marks.get(mark),
    address: parseAddress,
    externalsOf: (text: string) => {
      const before = known.get(text)
      if (before !== undefined) return before
      const address = parseAddress(text)
      const names = address === undefined ? [] : externals.filter((e) => setContains(e.reach, address)).map((e) => e.name)
      if (known.size >= remembered) known.clear()
      known.set(text, names)
      return names
    },
  })
}

function reachOf(platform: Platform): readonly { readonly name: string; readonly reach: AddressSet }[] {
  const never = unionAddresses(reservedAddresses, platform.addresses, platform.infrastructure)
  return [...platform.externals.values()]
    .map((e) => ({ name: e.name, reach: e.infrastructure ? e.cidrs : subtractAddresses(e.cidrs, never) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

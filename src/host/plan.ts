/** What a host should carry for a platform: pure, from the documents and the persistent numbers to namespaces and interfaces. */
import { identity, probeInterfacePrefix, virtualKey } from '../engines/nftables/inventory.ts'
import { noGateways, peersReached } from './gateways/needs.ts'
import { gatewayInventory } from './gateways/places.ts'
import { assignSlots, slotAddress } from './slots.ts'
import { replicasHere } from './this-host.ts'
import type { Attachment, Inventory } from '../engines/nftables/inventory.ts'
import type { Intent } from '../intent/intent.ts'
import type { Phase, Platform, Start, Upstream, Workload, WorkloadId } from '../model/platform.ts'
import type { GatewayNeeds } from './gateways/needs.ts'
import type { SlotTable } from './slots.ts'
import type { Address, AddressPair } from '../net/address.ts'

export interface Plan {
  readonly places: readonly Place[]
  readonly inventory: Inventory
  readonly slots: SlotTable
}

/** One replica of one workload, on this host. */
export interface Place {
  /** `enclave/workload#replica`. */
  readonly key: string
  readonly workload: WorkloadId
  readonly phase: Phase
  readonly replica: number
  readonly group: number
  /** The router's end. */
  readonly interface: string
  readonly netns: string
  readonly ipv4: Address
  readonly ipv6: Address
  readonly routerMac: string
  readonly mac: string
  readonly start: Start
}

export const uplinkInterface = 'bhu0'

/** Shadows stand for identities in live verification: the phase each workload is in, and every phase that a path singles out. */
export function planHost(
  platform: Platform,
  intent: Intent,
  groups: Inventory['groups'],
  before: SlotTable,
  host: { readonly prefix: string; readonly uplink: boolean; readonly gateways?: GatewayNeeds; readonly upstream?: readonly Upstream[]; readonly name?: string | undefined },
): Plan {
  const running = [...platform.workloads.values()].filter((w) => w.start.kind !== 'none')
  const here = replicasHere(platform, host.name)
  const replicas = running.flatMap((w) => Array.from({ length: here(w) }, (_, replica) => ({ workload: w, replica, key: placeKey(w.id, replica) })))
  const shadows = shadowIdentities(platform, intent).map((s) => ({ ...s, key: `shadow ${identity(s.workload, s.phase)}` }))
  const needs = host.gateways ?? noGateways
  const peers = needs.outbound ? peersReached(intent).map((end) => ({ end, key: `peer ${virtualKey(end)}` })) : []
  const slots = assignSlots(before, [...replicas, ...shadows, ...peers].map((r) => r.key))
  const addressesOf = (key: string): AddressPair & { slot: number } => {
    const slot = slots.slots.get(key) ?? 0
    return { slot, ipv4: slotAddress(platform.addresses, 4, slot), ipv6: slotAddress(platform.addresses, 6, slot) }
  }
  const places = replicas.map(({ workload, replica, key }) =>
    placeOf(workload, replica, addressesOf(key), groups.get(identity(workload.id, workload.phase)) ?? 0, host.prefix))
  const attachments: Attachment[] = [
    ...places.map((p): Attachment => ({ interface: p.interface, workload: p.workload, phase: p.phase, replica: p.replica, ipv4: p.ipv4, ipv6: p.ipv6, probe: false })),
    ...shadows.map(({ workload, phase, key }): Attachment => {
      const { ipv4, ipv6 } = addressesOf(key)
      return { interface: `${probeInterfacePrefix}${groups.get(identity(workload, phase)) ?? 0}`, workload, phase, replica: 0, ipv4, ipv6, probe: true }
    }),
  ]
  const virtual = new Map(peers.map(({ end, key }) => [virtualKey(end), { ipv4: addressesOf(key).ipv4, ipv6: addressesOf(key).ipv6 }]))
  const gateways = gatewayInventory(platform.addresses, needs, virtual, platform.resolver.upstream.length > 0 ? platform.resolver.upstream : (host.upstream ?? []))
  const brokers = running.filter((w) => here(w) > 0 && w.broker !== undefined && w.start.kind === 'run').map((w) => w.id)
  const inventory = { groups, attachments, uplink: host.uplink ? { interface: uplinkInterface } : undefined, ...(brokers.length === 0 ? {} : { brokers: new Set(brokers) }) }
  return { places, slots, inventory: gateways === undefined ? inventory : { ...inventory, gateways } }
}

function placeKey(workload: WorkloadId, replica: number): string {
  return `${workload}#${replica}`
}

function placeOf(workload: Workload, replica: number, { slot, ipv4, ipv6 }: AddressPair & { slot: number }, group: number, prefix: string): Place {
  return {
    key: placeKey(workload.id, replica),
    workload: workload.id,
    phase: workload.phase,
    replica,
    group,
    interface: `bhw${slot}`,
    netns: workload.start.kind === 'attach-netns' ? workload.start.netns : placeNetns(prefix, workload.id, replica),
    ipv4,
    ipv6,
    routerMac: mac(0, slot),
    mac: mac(1, slot),
    start: workload.start,
  }
}

/** Where a replica that is started here lives. Names have no dots, so this is one to one. */
export function placeNetns(prefix: string, workload: WorkloadId, replica: number): string {
  return `${prefix}${workload.replace('/', '.')}.${replica}`
}

/** A locally administered unicast address, fixed by slot, so that no neighbour discovery is needed. */
export function mac(end: 0 | 1 | 2 | 3, slot: number): string {
  const bytes = [0x02, 0xb0 + end, (slot >>> 24) & 255, (slot >>> 16) & 255, (slot >>> 8) & 255, slot & 255]
  return bytes.map((b) => b.toString(16).padStart(2, '0')).join(':')
}

function shadowIdentities(platform: Platform, intent: Intent): readonly { workload: WorkloadId; phase: Phase }[] {
  const singled = new Map<WorkloadId, Set<Phase>>()
  for (const path of intent.paths) {
    if (path.source.kind !== 'workload' || path.phases.length === 3) continue
    const set = singled.get(path.source.workload) ?? new Set()
    for (const phase of path.phases) set.add(phase)
    singled.set(path.source.workload, set)
  }
  return [...platform.workloads.values()].flatMap((w) => [...new Set<Phase>([w.phase, ...(singled.get(w.id) ?? [])])].sort().map((phase) => ({ workload: w.id, phase })))
}

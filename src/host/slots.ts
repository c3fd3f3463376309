/**
 * Persistent addresses. Every replica of a workload, and every shadow identity, has a slot: a number that is never given
 * to another while the pool has fresh ones, so that a new workload does not inherit an old one's connections.
 */
import { Fault } from '../base/fault.ts'
import { addressFromBits, familyWidth } from '../net/address.ts'
import type { Address, Family } from '../net/address.ts'
import type { AddressSet } from '../net/address-set.ts'

export interface SlotTable {
  readonly next: number
  readonly slots: ReadonlyMap<string, number>
}

export const noSlots: SlotTable = { next: 1, slots: new Map() }

/** Slots below this are left to routers and people. */
const firstOffset = 16n

/** The table in which every key of `wanted` has a slot. Keys no longer wanted lose theirs, but their numbers are not given again. */
export function assignSlots(table: SlotTable, wanted: readonly string[]): SlotTable {
  let next = table.next
  const slots = new Map<string, number>()
  for (const key of wanted) slots.set(key, table.slots.get(key) ?? next++)
  return { next, slots }
}

/** The address of a slot: counted from the start of the first range of its family. */
export function slotAddress(pool: AddressSet, family: Family, slot: number): Address {
  const range = pool.find((r) => r.family === family)
  const bits = (range?.first ?? 0n) + firstOffset + BigInt(slot)
  // The last address of an IPv4 range may be a broadcast address to a neighbour.
  if (range === undefined || bits >= range.last || bits >= 1n << BigInt(familyWidth(family))) {
    throw new Fault('addresses-exhausted', `the platform has no IPv${family} address left for workloads`, {
      help: 'give the Platform document a larger range in `spec.addresses`, or `bulkhead down` to start counting anew',
    })
  }
  return addressFromBits(family, bits)
}

export function slotsToJson(table: SlotTable): unknown {
  return { next: table.next, slots: Object.fromEntries([...table.slots].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

export function slotsFromJson(value: unknown): SlotTable {
  if (value === undefined) return noSlots
  const { next, slots } = value as { next: number; slots: Record<string, number> }
  return { next, slots: new Map(Object.entries(slots)) }
}

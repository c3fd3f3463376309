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
      help: 'give the Platform document a larger range in `spec.addresses`, or run `bulkhead down`, then `bulkhead up`: then counting begins anew',
    })
  }
  return addressFromBits(family, bits)
}

/** An address below all slots: of what every host has one of, whatever it carries. */
export function fixedAddress(pool: AddressSet, family: Family, offset: number): Address {
  if (BigInt(offset) >= firstOffset) throw new RangeError('this address is a slot\'s')
  return slotAddress(pool, family, offset - Number(firstOffset))
}

/**
 * For an instance whose namespaces are gone, and with them all that an address could be taken for: where most numbers went
 * to what is no more, counting begins anew.
 */
export function restartSlots(table: SlotTable): SlotTable {
  return table.next > 4 * (table.slots.size + 16) ? noSlots : table
}

export function slotsToJson(table: SlotTable): unknown {
  return { next: table.next, slots: Object.fromEntries([...table.slots].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

export function slotsFromJson(value: unknown): SlotTable {
  if (value === undefined) return noSlots
  const { next, slots } = (value ?? {}) as { next?: unknown; slots?: unknown }
  const entries = typeof slots === 'object' && slots !== null ? Object.entries(slots as Record<string, unknown>) : undefined
  const isSlot = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= noSlots.next
  if (!isSlot(next) || entries === undefined || !entries.every(([, slot]) => isSlot(slot))) throw damaged('it holds what is not a slot')
  if (new Set(entries.map(([, slot]) => slot)).size < entries.length || entries.some(([, slot]) => (slot as number) >= next)) throw damaged('it would give one slot to two')
  return { next, slots: new Map(entries as [string, number][]) }
}

/** A slot with two meanings would give one workload the address of another. */
function damaged(why: string): Fault {
  return new Fault('state-unreadable', `the table of addresses is damaged: ${why}`, { help: 'run `bulkhead down`, then `bulkhead up`' })
}

/** What an instance remembers across agents: the numbers it has given, what it carries, and the set in force. */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { formatIds, noIds, parseIds } from '../engines/nftables/ids.ts'
import { formatAddress, parseAddress } from '../net/address.ts'
import { replaceFile, settleFile } from './durable.ts'
import { readState, removeState, writeState } from './state.ts'
import { slotsFromJson, slotsToJson } from './slots.ts'
import type { IdTable } from '../engines/nftables/ids.ts'
import type { Attachment, Identity, Inventory } from '../engines/nftables/inventory.ts'
import type { Address } from '../net/address.ts'
import type { DocumentSet } from './documents.ts'
import type { SlotTable } from './slots.ts'

export function loadIds(folder: string): IdTable {
  let text: string
  try {
    text = readFileSync(join(folder, 'ids.json'), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return noIds
    throw error
  }
  return parseIds(text)
}

export function saveIds(folder: string, ids: IdTable): void {
  replaceFile(join(folder, 'ids.json'), formatIds(ids))
}

export function loadSlots(folder: string): SlotTable {
  return slotsFromJson(readState(folder, 'slots.json'))
}

export function saveSlots(folder: string, slots: SlotTable): void {
  writeState(folder, 'slots.json', slotsToJson(slots))
}

export function saveInventory(folder: string, inventory: Inventory): void {
  writeState(folder, 'inventory.json', {
    groups: Object.fromEntries(inventory.groups),
    attachments: inventory.attachments.map((a) => ({ ...a, ipv4: formatAddress(a.ipv4), ipv6: formatAddress(a.ipv6) })),
    uplink: inventory.uplink ?? null,
  })
}

export function loadInventory(folder: string): Inventory | undefined {
  const value = readState(folder, 'inventory.json') as
    | { groups: Record<Identity, number>; attachments: (Omit<Attachment, 'ipv4' | 'ipv6'> & { ipv4: string; ipv6: string })[]; uplink: Inventory['uplink'] | null }
    | undefined
  if (value === undefined) return undefined
  return {
    groups: new Map(Object.entries(value.groups) as [Identity, number][]),
    attachments: value.attachments.map((a) => ({ ...a, ipv4: address(a.ipv4), ipv6: address(a.ipv6) })),
    uplink: value.uplink ?? undefined,
  }
}

function address(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new TypeError(`not an address: ${text}`)
  return parsed
}

export interface Applied extends DocumentSet {
  /** ISO 8601. */
  readonly at: string
}

const applied = 'applied.json'
/** The set that is being put in force: whoever is killed in between leaves it, and the next agent completes it. */
const pending = 'pending.json'

export function loadApplied(folder: string): Applied | undefined {
  return readState(folder, applied) as Applied | undefined
}

export function loadPending(folder: string): Applied | undefined {
  return readState(folder, pending) as Applied | undefined
}

export function savePending(folder: string, documents: DocumentSet, now: number): void {
  writeState(folder, pending, { ...documents, at: new Date(now).toISOString() })
}

/** The pending set is in the kernel: from now on it is the one in force. */
export function commitPending(folder: string): void {
  renameSync(join(folder, pending), join(folder, applied))
}

/** Returns when the set in force survives a loss of power: nobody is told of a revocation before. */
export function settleApplied(folder: string): void {
  settleFile(join(folder, applied))
}

export function dropPending(folder: string): void {
  removeState(folder, pending)
}

/** True when a set is in force and the numbers that it is enforced by are gone: counting anew would give them other meanings. */
export function numbersLost(folder: string): boolean {
  const there = (file: string): boolean => existsSync(join(folder, file))
  return (there(applied) || there('inventory.json')) && !(there('ids.json') && there('slots.json'))
}

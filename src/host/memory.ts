/** What an instance remembers across agents: the numbers it has given, what it carries, and the set in force. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatIds, noIds, parseIds } from '../engines/nftables/ids.ts'
import { formatAddress, parseAddress } from '../net/address.ts'
import { replaceFile } from './durable.ts'
import { readState, writeState } from './state.ts'
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

export function loadApplied(folder: string): Applied | undefined {
  return readState(folder, 'applied.json') as Applied | undefined
}

export function saveApplied(folder: string, documents: DocumentSet, now: number): void {
  writeState(folder, 'applied.json', { ...documents, at: new Date(now).toISOString() })
}

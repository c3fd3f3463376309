/** What an instance remembers across agents: the numbers it has given, what it carries, and the set in force. */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { formatIds, noIds, parseIds } from '../engines/nftables/ids.ts'
import { Fault } from '../base/fault.ts'
import { formatAddress, parseAddress } from '../net/address.ts'
import { gatewaysFromJson, gatewaysToJson } from './gateways/state.ts'
import { readDocumentSet } from './document-set.ts'
import { replaceFile, settleFile } from './durable.ts'
import { readState, removeState, writeState } from './state.ts'
import { slotsFromJson, slotsToJson } from './slots.ts'
import type { IdTable } from '../engines/nftables/ids.ts'
import type { Attachment, Identity, Inventory } from '../engines/nftables/inventory.ts'
import type { WorkloadId } from '../model/platform.ts'
import type { Address } from '../net/address.ts'
import type { DocumentSet } from './document-set.ts'
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

/** Whether there are any on disk, in whatever state. */
export function hasIds(folder: string): boolean {
  return existsSync(join(folder, 'ids.json'))
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
    gateways: gatewaysToJson(inventory.gateways),
    ...(inventory.brokers === undefined ? {} : { brokers: [...inventory.brokers].sort() }),
  })
}

export function loadInventory(folder: string): Inventory | undefined {
  const value = readState(folder, 'inventory.json') as
    | { groups: Record<Identity, number>; attachments: (Omit<Attachment, 'ipv4' | 'ipv6'> & { ipv4: string; ipv6: string })[]; uplink: Inventory['uplink'] | null; gateways?: unknown; brokers?: readonly WorkloadId[] }
    | undefined
  if (value === undefined) return undefined
  return understood(folder, 'inventory.json', () => withGateways({
    groups: new Map(Object.entries(value.groups).map(([key, group]) => [key as Identity, whole(group)])),
    attachments: value.attachments.map((a) => ({
      interface: word(a.interface), workload: word(a.workload), phase: word(a.phase), replica: whole(a.replica), ipv4: address(a.ipv4), ipv6: address(a.ipv6), probe: a.probe,
    })),
    uplink: value.uplink === null || value.uplink === undefined ? undefined : { interface: word(value.uplink.interface) },
    ...(value.brokers === undefined ? {} : { brokers: new Set(value.brokers.map(word)) }),
  }, gatewaysFromJson(value.gateways)))
}

function withGateways(inventory: Inventory, gateways: Inventory['gateways']): Inventory {
  return gateways === undefined ? inventory : { ...inventory, gateways }
}

/** What is JSON and still not what we wrote is damaged all the same. */
function understood<T>(folder: string, file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Fault('state-unreadable', `\`${join(folder, file)}\` is damaged`, { help: 'run `bulkhead down`, then `bulkhead up`', cause: error })
  }
}

function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw new TypeError('not a number')
  return value
}

function word<T extends string>(value: T): T {
  if (typeof value !== 'string') throw new TypeError('not a text')
  return value
}

function address(text: string): Address {
  const parsed = typeof text === 'string' ? parseAddress(text) : undefined
  if (parsed === undefined) throw new TypeError('not an address')
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
  return loadSet(folder, applied)
}

export function loadPending(folder: string): Applied | undefined {
  return loadSet(folder, pending)
}

function loadSet(folder: string, file: string): Applied | undefined {
  const value = readState(folder, file)
  if (value === undefined) return undefined
  return understood(folder, file, () => {
    const { at } = value as Applied
    if (Number.isNaN(Date.parse(word(at)))) throw new TypeError('not an instant')
    return { ...readDocumentSet(value), at }
  })
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

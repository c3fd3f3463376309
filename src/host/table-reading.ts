/** The live table, read back from the kernel's own listing and compared with the documents by the second opinion. */
import type { CheckedSet } from './documents.ts'
import type { IdTable } from '../engines/nftables/ids.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'

export interface TableReading {
  readonly verdict: 'equal' | 'narrower' | 'wider' | 'not read'
  readonly differences: readonly string[]
}

export function readTable(_ruleset: unknown, _set: CheckedSet, _inventory: Inventory, _ids: IdTable, _now: number): TableReading {
  return { verdict: 'not read', differences: [] }
}

/** The live table, read back from the kernel's own listing and compared with the documents by the second opinion. */
import { routeBit } from '../engines/nftables/marks.ts'
import { readRuleset } from '../engines/nftables/read.ts'
import { compareWithReference, formatDifference, readContextOf } from '../verify/equivalence.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'
import type { Path } from '../intent/intent.ts'
import type { Platform } from '../model/platform.ts'

export interface TableReading {
  /** `narrower` only where an engine refused a path by name; anything else that is closed counts as a difference too. */
  readonly verdict: 'equal' | 'narrower' | 'wider' | 'unreadable'
  readonly acceptable: boolean
  readonly differences: readonly string[]
}

/** `ruleset` is the parsed listing of the router's whole namespace, taken at `now`. */
export function readTable(ruleset: unknown, platform: Platform, inventory: Inventory, refused: readonly Path[], now: number): TableReading {
  const read = readRuleset(ruleset, readContextOf(platform, inventory, { mask: routeBit, value: routeBit }))
  if (read.unreadable.length > 0) {
    return { verdict: 'unreadable', acceptable: false, differences: read.unreadable.map((u) => `${u.at}: ${u.what} is not understood, so it may let anything through`) }
  }
  const { verdict, acceptable, differences } = compareWithReference(platform, read, inventory, now, refused)
  return { verdict, acceptable, differences: differences.map(formatDifference) }
}

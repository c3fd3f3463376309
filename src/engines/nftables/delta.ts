/** The difference between two states of the table, as element changes in one transaction. */
import { elementsOf, intervalSets, setNames } from './elements.ts'
import { expectedStart, formatElement, tableFamily, tableName } from './render.ts'
import type { Atoms } from './atoms.ts'
import type { Element, Elements, SetName } from './elements.ts'
import type { Inventory } from './inventory.ts'
import type { RenderOptions } from './render.ts'

export interface TableState {
  readonly atoms: Atoms
  readonly inventory: Inventory
}

/** A timeout for an element that is deleted in the same transaction. */
const passing = 'timeout 1m'

/**
 * Text for `nft -f` that turns a live table of `before` into one of `after`, both loaded with the same options; empty
 * when nothing changes, `undefined` when the change is not one of elements and `render` has to be used. Elements that
 * stay keep their counters and timeouts. What `before` held may have expired by now: that is no error.
 */
export function delta(before: TableState, after: TableState, options: RenderOptions): string | undefined {
  if (before.inventory.uplink?.interface !== after.inventory.uplink?.interface) return undefined
  const old = elementsOf(before.atoms, before.inventory, Number.NEGATIVE_INFINITY)
  const start = expectedStart(options.now, 0)
  const wanted = elementsOf(after.atoms, after.inventory, start)
  const lines: string[] = []
  const additions: string[] = []
  for (const name of setNames) {
    const changes = compare(elementsIn(old, name), elementsIn(wanted, name))
    if (changes.removed.length === 0 && changes.added.length === 0) continue
    if (intervalSets.has(name)) {
      lines.push(`flush ${name.startsWith('class') ? 'map' : 'set'} ${tableFamily} ${tableName} ${name}`)
      const all = [...elementsIn(wanted, name)]
      if (all.length > 0) additions.push(command('add', name, all.map(([key, element]) => formatElement(key, element, start))))
      continue
    }
    const lapsing = changes.removed.filter(([, element]) => element.expires !== undefined)
    // An element that has lapsed cannot be deleted and would fail the whole; adding one that is there changes nothing.
    if (lapsing.length > 0) lines.push(command('add', name, lapsing.map(([key, { value }]) => `${key} ${passing}${value === undefined ? '' : ` : ${value}`}`)))
    if (changes.removed.length > 0) lines.push(command('delete', name, changes.removed.map(([key]) => key)))
    if (changes.added.length > 0) additions.push(command('add', name, changes.added.map(([key, element]) => formatElement(key, element, start))))
  }
  return [...lines, ...additions].map((line) => `${line}\n`).join('')
}

function elementsIn(elements: Elements, name: SetName): ReadonlyMap<string, Element> {
  return elements.get(name) ?? new Map()
}

type Entry = readonly [string, Element]

function compare(old: ReadonlyMap<string, Element>, wanted: ReadonlyMap<string, Element>): { readonly removed: readonly Entry[]; readonly added: readonly Entry[] } {
  const removed: Entry[] = []
  const added: Entry[] = []
  for (const entry of old) {
    const now = wanted.get(entry[0])
    if (now === undefined || now.value !== entry[1].value || now.expires !== entry[1].expires) removed.push(entry)
  }
  for (const entry of wanted) {
    const was = old.get(entry[0])
    if (was === undefined || was.value !== entry[1].value || was.expires !== entry[1].expires) added.push(entry)
  }
  return { removed, added }
}

function command(verb: 'add' | 'delete', name: SetName, elements: readonly string[]): string {
  return `${verb} element ${tableFamily} ${tableName} ${name} { ${elements.join(', ')} }`
}

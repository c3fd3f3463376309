/** The difference between two states of the table, as element changes in one transaction. */
import { elementsOf, heldSetNames, intervalSets, leadSetNames, setNames } from './elements.ts'
import { gatewaysOf } from './inventory.ts'
import { ledBy } from './lead-chains.ts'
import { expectedStart, formatElement, tableFamily, tableName } from './render.ts'
import { compareDirect, compareEgress, compareLead, sameMatch } from './order.ts'
import type { Atoms, DirectAtom, EgressAtom, LeadAtom } from './atoms.ts'
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
 * stay keep their timeouts. What `before` held may have expired by now: that is no error.
 */
export function delta(before: TableState, after: TableState, options: RenderOptions): string | undefined {
  if (before.inventory.uplink?.interface !== after.inventory.uplink?.interface) return undefined
  if (!sameGateways(before.inventory, after.inventory) || !sameLed(before.atoms, after.atoms)) return undefined
  // There are rules for who is held inside, and only then.
  if ((before.atoms.held.length > 0) !== (after.atoms.held.length > 0)) return undefined
  const [here, there] = differing(before, after)
  const old = elementsOf(here.atoms, here.inventory, Number.NEGATIVE_INFINITY)
  const start = expectedStart(options.now, 0)
  const wanted = elementsOf(there.atoms, there.inventory, start)
  const lines: string[] = []
  const additions: string[] = []
  for (const name of [...setNames, ...leadSetNames, ...heldSetNames]) {
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

/** Rules name the gateways and their addresses. */
function sameGateways(before: Inventory, after: Inventory): boolean {
  if (before.gateways === after.gateways) return true
  const text = (inventory: Inventory): string => gatewaysOf(inventory).map((g) => `${g.name} ${g.interface} ${g.ipv4.bits} ${g.ipv6.bits}`).join(', ')
  return text(before) === text(after)
}

/** There are rules for what is led, and only then. */
function sameLed(before: Atoms, after: Atoms): boolean {
  if (before.lead === after.lead) return true
  const [a, b] = [ledBy(before), ledBy(after)]
  return a.names === b.names && a.inside === b.inside && a.ranges === b.ranges
}

/** Both without what they have in common, which is nearly everything. */
function differing(before: TableState, after: TableState): readonly [TableState, TableState] {
  const direct = apart(before.atoms.direct, after.atoms.direct, compareDirect)
  const egress = apart(before.atoms.egress, after.atoms.egress, compareEgress)
  const lead = apart(before.atoms.lead, after.atoms.lead, compareLead)
  const same = <K extends keyof Atoms>(part: K): boolean => before.atoms[part] === after.atoms[part]
  const strip = ({ atoms, inventory }: TableState, side: 0 | 1): TableState => ({
    atoms: {
      ...atoms,
      direct: direct[side],
      egress: egress[side],
      lead: lead[side],
      publish: same('publish') ? [] : atoms.publish,
      classes: same('classes') ? [] : atoms.classes,
      held: same('held') ? [] : atoms.held,
      bogons: same('bogons') ? [] : atoms.bogons,
      published: same('published') ? [] : atoms.published,
    },
    inventory: before.inventory === after.inventory ? { groups: inventory.groups, attachments: [], uplink: inventory.uplink } : inventory,
  })
  return [strip(before, 0), strip(after, 1)]
}

/** What only one of two sorted lists has. A list that was made from the other shares its atoms, so most of the walk compares references. */
function apart<T extends DirectAtom | EgressAtom | LeadAtom>(before: readonly T[], after: readonly T[], compare: (a: T, b: T) => number): readonly [readonly T[], readonly T[]] {
  const gone: T[] = []
  const come: T[] = []
  let i = 0
  while (i < before.length && before[i] === after[i]) i++
  let [endBefore, endAfter] = [before.length, after.length]
  while (endBefore > i && endAfter > i && before[endBefore - 1] === after[endAfter - 1]) {
    endBefore--
    endAfter--
  }
  let j = i
  for (;;) {
    const a = i < endBefore ? before[i] : undefined
    const b = j < endAfter ? after[j] : undefined
    if (a === undefined && b === undefined) return [gone, come]
    if (a !== undefined && a === b) {
      i++
      j++
      continue
    }
    const order = a === undefined ? 1 : b === undefined ? -1 : compare(a, b)
    if (a !== undefined && order <= 0) i++
    if (b !== undefined && order >= 0) j++
    if (a !== undefined && b !== undefined && order === 0 && pathOf(a) === pathOf(b) && a.expires === b.expires && sameMatch(a.match, b.match)) continue
    if (a !== undefined && order <= 0) gone.push(a)
    if (b !== undefined && order >= 0) come.push(b)
  }
}

/** What is led has none of its own. */
function pathOf(atom: DirectAtom | EgressAtom | LeadAtom): number | undefined {
  return 'path' in atom ? atom.path : undefined
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

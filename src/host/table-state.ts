/**
 * The live table against what should be in it. Elements follow from the documents, so they are known; how nft lists our rules
 * is learnt when they have just been loaded, and must stay so.
 */
import { createHash } from 'node:crypto'
import { Fault } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { elementsOf, intervalSets, setNames } from '../engines/nftables/elements.ts'
import { tableFamily, tableName } from '../engines/nftables/render.ts'
import { formatAddress, parseAddress } from '../net/address.ts'
import { learningSets, steady } from './ruleset-state.ts'
import { tapTable } from './tap.ts'
import { traceTableName } from './trace-table.ts'
import type { Atoms } from '../engines/nftables/atoms.ts'
import type { Element } from '../engines/nftables/elements.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'
import type { Objects } from './ruleset-state.ts'

export interface TableState {
  /** Hash of everything but the elements that follow from the documents; `undefined` when there is no table. */
  readonly rules: string | undefined
  /** Of each set that follows from the documents: `key`, `key : value`, and ` until` after what ends by itself. */
  readonly elements: ReadonlyMap<string, ReadonlySet<string>>
  /** Other tables of the namespace, as `family name`. */
  readonly foreign: readonly string[]
}

/** Tables that are there for a moment, to tell who we are. */
export const writerTablePrefix = 'bulkhead-writer-'

const known: ReadonlySet<string> = new Set(setNames.filter((name) => !intervalSets.has(name)))

export async function readTableState(): Promise<TableState> {
  const { code, stdout, stderr } = await run(['nft', '--json', '--numeric', 'list', 'ruleset'], { maxBytes: 1024 * 1024 * 1024, timeoutMs: 120_000 })
  if (code !== 0) throw new Fault('nft-failed', `the ruleset cannot be read: ${stderr.trim()}`)
  const objects = (JSON.parse(stdout) as { nftables: Objects }).nftables
  const own: Objects[number][] = []
  const foreign: string[] = []
  for (const object of objects) {
    const [kind = '', body = {}] = Object.entries(object)[0] ?? []
    const table = String(kind === 'table' ? body['name'] : body['table'])
    if (body['family'] === tableFamily && table === tableName) own.push(object)
    else if (kind === 'table' && table !== traceTableName && !table.startsWith(writerTablePrefix) && `${String(body['family'])} ${table}` !== tapTable) foreign.push(`${String(body['family'])} ${table}`)
  }
  return { ...tableState(own.length === 0 ? undefined : own), foreign: foreign.sort() }
}

/** `objects` as `nft --json --numeric` lists them, of our table alone. */
export function tableState(objects: Objects | undefined): Pick<TableState, 'rules' | 'elements'> {
  const elements = new Map<string, ReadonlySet<string>>()
  if (objects === undefined) return { rules: undefined, elements }
  const learning = learningSets(objects)
  const hash = createHash('sha256')
  for (const object of objects) {
    const [kind = '', body = {}] = Object.entries(object)[0] ?? []
    if (kind === 'metainfo') continue
    const name = String(body['name'])
    const isSet = kind === 'set' || kind === 'map'
    const { elem, ...rest } = body
    if (isSet && known.has(name)) elements.set(name, new Set(Array.isArray(elem) ? elem.map(elementText) : []))
    const kept = isSet && (known.has(name) || learning.has(name)) ? rest : body
    // Rules stay in their order, which decides; the elements of a set have none.
    hash.update(`${kind} ${JSON.stringify(kept, steady)}\n`)
  }
  return { rules: hash.digest('hex'), elements }
}

/** What the table should hold at `now`, without what ends or began to end within `slackMs`: that may be there or not. */
export function expectedElements(atoms: Atoms, inventory: Inventory, now: number): { readonly must: ReadonlyMap<string, ReadonlySet<string>>; readonly may: ReadonlySet<string> } {
  const must = new Map<string, ReadonlySet<string>>()
  const may = new Set<string>()
  for (const [name, elements] of elementsOf(atoms, inventory, Number.NEGATIVE_INFINITY)) {
    if (!known.has(name)) continue
    const texts = new Set<string>()
    for (const [key, element] of elements) {
      const text = expectedText(key, element)
      if (element.expires === undefined || element.expires > now + slackMs) texts.add(text)
      else may.add(`${name} ${text}`)
    }
    must.set(name, texts)
  }
  return { must, may }
}

/** An element ends early rather than late; see `expectedStart`. */
const slackMs = 5_000

/** True when every set holds what it should and nothing else. */
export function elementsHold(state: Pick<TableState, 'elements'>, expected: ReturnType<typeof expectedElements>): boolean {
  for (const [name, texts] of expected.must) {
    const found = state.elements.get(name)
    if (found === undefined) return false
    for (const text of texts) if (!found.has(text)) return false
    if (found.size === texts.size) continue
    for (const text of found) if (!texts.has(text) && !expected.may.has(`${name} ${text}`)) return false
  }
  return true
}

const protocolNumbers: Readonly<Record<string, string>> = { tcp: '6', udp: '17', sctp: '132' }

function expectedText(key: string, { value, expires }: Element): string {
  const word = (text: string): string => {
    if (text.startsWith('0x')) return String(Number(text))
    if (text.startsWith('"')) return text.slice(1, -1)
    return protocolNumbers[text] ?? text
  }
  const words = (text: string): string => text.split(' . ').map(word).join(' . ')
  return `${words(key)}${value === undefined ? '' : ` : ${words(value)}`}${expires === undefined ? '' : ' until'}`
}

/** `KEY`, or `[KEY, VALUE]` in a map; a key with more to it is `{elem: {val: ...}}`. */
function elementText(element: unknown): string {
  const [key, value] = Array.isArray(element) ? (element as unknown[]) : [element, undefined]
  const { elem } = key as { elem?: { val: unknown; timeout?: number } }
  const until = elem?.timeout === undefined ? '' : ' until'
  return `${wordText(elem === undefined ? key : elem.val)}${value === undefined ? '' : ` : ${wordText(value)}`}${until}`
}

function wordText(value: unknown): string {
  if (typeof value === 'string') return value.includes(':') && value.includes('.') ? addressText(value) : value
  if (typeof value !== 'object' || value === null) return String(value)
  const { concat, range, prefix } = value as { concat?: unknown[]; range?: unknown[]; prefix?: { addr: unknown; len: unknown } }
  if (concat !== undefined) return concat.map(wordText).join(' . ')
  if (range !== undefined) return range.map(wordText).join('-')
  return prefix === undefined ? JSON.stringify(value) : `${wordText(prefix.addr)}/${String(prefix.len)}`
}

/** Some IPv6 addresses have a spelling that ends like an IPv4 one. */
function addressText(text: string): string {
  const pair = (a: string, b: string): string => (Number(a) * 256 + Number(b)).toString(16)
  const address = parseAddress(text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) => `${pair(a, b)}:${pair(c, d)}`))
  return address === undefined ? text : formatAddress(address)
}

/** `nft -j list ruleset` as tables, chains, rules and sets. Everything is kept that is not understood, so that it can be reported. */
import { field, number, text } from './operand.ts'

export interface Ruleset {
  readonly chains: ReadonlyMap<string, Chain>
  readonly baseChains: readonly BaseChain[]
  /** Keyed `family table name`; sets and maps share one name space. */
  readonly sets: ReadonlyMap<string, unknown>
  /** Sets that packets add to, by the same key. */
  readonly dynamic: ReadonlySet<string>
  /** Parts of the listing that are no part of a ruleset, as far as the reader knows. */
  readonly unknown: readonly { readonly at: string; readonly what: unknown }[]
}

export interface Chain {
  readonly family: string
  readonly table: string
  readonly name: string
  readonly rules: readonly Rule[]
}

export interface Rule {
  /** `inet bulkhead forward handle 12`. */
  readonly at: string
  readonly statements: readonly unknown[]
}

export interface BaseChain extends Chain {
  readonly type: string
  readonly hook: string
  readonly priority: number
  readonly policy: 'accept' | 'drop'
}

/** Objects that hold no rules of their own; a rule that uses one names it. */
const inert = new Set(['metainfo', 'counter', 'quota', 'limit', 'ct helper', 'ct timeout', 'ct expectation', 'secmark', 'synproxy', 'flowtable'])

const harmlessFlags = new Set(['owner', 'persist'])
/** nftables 1.0.6 lists any flag under the table's own name, so that a dormant table cannot be told from an owned one. */
const knownFlags = new Set([...harmlessFlags, 'dormant'])

function flagsOf(json: unknown): readonly string[] {
  if (json === undefined) return []
  return Array.isArray(json) ? json.map(String) : [String(json)]
}

export function parseRuleset(json: unknown): Ruleset {
  const unknown: { at: string; what: unknown }[] = []
  const items: unknown = field(json, 'nftables')
  if (!Array.isArray(items)) unknown.push({ at: 'the listing', what: json })
  const rules = new Map<string, Rule[]>()
  const heads: { head: unknown; order: readonly [number, number] }[] = []
  const sets = new Map<string, unknown>()
  const dynamic = new Set<string>()
  const tables = new Map<string, { order: number; dormant: boolean }>()
  for (const item of Array.isArray(items) ? (items as readonly unknown[]) : []) {
    const kind = typeof item === 'object' && item !== null ? (Object.keys(item)[0] ?? '') : ''
    const body = field(item, kind)
    const table = `${text(body, 'family')} ${text(body, 'table')}`
    if (kind === 'table') {
      const name = `${text(body, 'family')} ${text(body, 'name')}`
      const flags = flagsOf(field(body, 'flags'))
      if (flags.some((flag) => !knownFlags.has(flag))) unknown.push({ at: name, what: `the table's flags ${JSON.stringify(flags)}` })
      tables.set(name, { order: number(body, 'handle') ?? 0, dormant: flags.some((flag) => !harmlessFlags.has(flag)) })
    }
    if (kind === 'table') continue
    if (kind === 'chain') heads.push({ head: body, order: [tables.get(table)?.order ?? 0, number(body, 'handle') ?? 0] })
    else if (kind === 'set' || kind === 'map') sets.set(`${table} ${text(body, 'name')}`, body)
    else if (kind === 'rule') {
      const key = `${table} ${text(body, 'chain')}`
      const expr = field(body, 'expr')
      const at = `${key} handle ${number(body, 'handle') ?? '?'}`
      if (!Array.isArray(expr)) unknown.push({ at, what: body })
      const statements: readonly unknown[] = Array.isArray(expr) ? expr : []
      for (const statement of statements) noteDynamic(statement, table, dynamic)
      const list = rules.get(key)
      if (list === undefined) rules.set(key, [{ at, statements }])
      else list.push({ at, statements })
    } else if (!inert.has(kind)) unknown.push({ at: 'the listing', what: item })
  }
  const chains = new Map<string, Chain>()
  const baseChains: { chain: BaseChain; order: readonly [number, number] }[] = []
  for (const { head, order } of heads) {
    const key = chainKey(text(head, 'family'), text(head, 'table'), text(head, 'name'))
    const chain: Chain = { family: text(head, 'family'), table: text(head, 'table'), name: text(head, 'name'), rules: rules.get(key) ?? [] }
    rules.delete(key)
    chains.set(key, chain)
    if (text(head, 'hook') === '' || tables.get(`${chain.family} ${chain.table}`)?.dormant === true) continue
    const priority = number(head, 'prio')
    if (priority === undefined) unknown.push({ at: key, what: head })
    const policy = text(head, 'policy') === 'drop' ? 'drop' : 'accept'
    baseChains.push({ chain: { ...chain, type: text(head, 'type'), hook: text(head, 'hook'), priority: priority ?? 0, policy }, order })
  }
  for (const [key, list] of rules) unknown.push({ at: key, what: `${list.length} rules of a chain that is not listed` })
  // Of two hooks with one priority the kernel runs the one that was registered later first.
  baseChains.sort((a, b) => a.chain.priority - b.chain.priority || b.order[0] - a.order[0] || b.order[1] - a.order[1])
  return { chains, baseChains: baseChains.map(({ chain }) => chain), sets, dynamic, unknown }
}

export function chainKey(family: string, table: string, name: string): string {
  return `${family} ${table} ${name}`
}

function noteDynamic(statement: unknown, table: string, dynamic: Set<string>): void {
  for (const kind of ['set', 'map']) {
    const body = field(statement, kind)
    const name = text(body, kind)
    if (name.startsWith('@')) dynamic.add(`${table} ${name.slice(1)}`)
  }
}

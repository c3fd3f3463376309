/** Rules as operations on symbolic packets. A statement that is not understood is reported and counts as passing. */
import { constantValues, types } from './datatype.ts'
import { buildIndex } from './lookup.ts'
import { compileOperand, describe, entryOf, freeOperand, field, number, text } from './operand.ts'
import { slot } from './packet.ts'
import { everything, one, span, subtract } from './values.ts'
import { parseVerdict } from './verdict.ts'
import type { Datatype } from './datatype.ts'
import type { ElementIndex } from './elements.ts'
import type { DataShape } from './lookup.ts'
import type { Operand, OperandContext } from './operand.ts'
import type { Chain, Rule, Ruleset } from './ruleset.ts'
import type { Values } from './values.ts'
import type { Verdict } from './verdict.ts'

export type Operation =
  | { readonly kind: 'compare'; readonly operand: Operand; readonly set: Values }
  | { readonly kind: 'lookup'; readonly operands: readonly Operand[]; readonly index: ElementIndex; readonly negated: boolean }
  | { readonly kind: 'verdict-map'; readonly operands: readonly Operand[]; readonly index: ElementIndex }
  /** Sets a slot to a value, or forgets what is known of a variable. */
  | { readonly kind: 'assign'; readonly slot: number; readonly value: Source }
  | { readonly kind: 'forget'; readonly operand: Operand }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  /** Holds for some packets and not for others: rates, counts, times. */
  | { readonly kind: 'maybe' }
  | { readonly kind: 'translate'; readonly family: 4 | 6 | undefined; readonly address: Source | undefined; readonly port: Source | undefined }
  | { readonly kind: 'source-translate' }
  | { readonly kind: 'to-host' }
  | { readonly kind: 'untrack' }

export type Source =
  | { readonly kind: 'operand'; readonly operand: Operand }
  | { readonly kind: 'map'; readonly operands: readonly Operand[]; readonly index: ElementIndex }
  | { readonly kind: 'any-of'; readonly set: Values; readonly name: string }

export interface CompileContext extends OperandContext {
  readonly ruleset: Ruleset
  readonly chain: Chain
  readonly indexes: Map<string, ElementIndex>
}

const passing = new Set(['counter', 'log', 'last', 'comment', 'continue'])
const sometimes = new Set(['limit', 'quota', 'ct count', 'connlimit'])

export function compileRule(rule: Rule, context: CompileContext): readonly Operation[] {
  return rule.statements.flatMap((statement) => compileStatement(statement, context))
}

function compileStatement(statement: unknown, context: CompileContext): readonly Operation[] {
  const [kind, body] = entryOf(statement)
  if (passing.has(kind)) return []
  if (sometimes.has(kind)) return [{ kind: 'maybe' }]
  const verdict = parseVerdict(statement)
  if (verdict !== undefined) return [{ kind: 'verdict', verdict }]
  switch (kind) {
    case 'match':
      return compileMatch(body, context)
    case 'vmap': {
      const operands = components(field(body, 'key'), context)
      const index = indexFor(field(body, 'data'), operands, 'verdict', context)
      return index === undefined ? unreadable(statement, context) : [{ kind: 'verdict-map', operands, index }]
    }
    case 'mangle':
      return compileMangle(body, statement, context)
    case 'reject':
      return [{ kind: 'verdict', verdict: { kind: 'drop' } }]
    case 'set':
    case 'map':
      // Adding an element fails when the set is full, and then the rule ends.
      return text(body, kind).startsWith('@') ? [{ kind: 'maybe' }] : unreadable(statement, context)
    case 'dnat':
      return compileTranslation(body, statement, context)
    case 'snat':
    case 'masquerade':
      return [{ kind: 'source-translate' }]
    case 'redirect':
      return [{ kind: 'to-host' }]
    case 'notrack':
      return [{ kind: 'untrack' }]
    default:
      return unreadable(statement, context)
  }
}

function unreadable(statement: unknown, context: CompileContext): readonly Operation[] {
  context.unreadable(statement)
  return [{ kind: 'maybe' }]
}

function compileMatch(body: unknown, context: CompileContext): readonly Operation[] {
  const left = field(body, 'left')
  const right = field(body, 'right')
  const op = text(body, 'op')
  const ports = portsAtOnce(left, right, op)
  if (ports !== undefined) return ports.flatMap((part) => compileMatch(part, context))
  const operands = components(left, context)
  const [operand] = operands
  if (operand === undefined) return unreadable({ match: body }, context)
  const listed = (typeof right === 'string' && right.startsWith('@')) || operands.length > 1
  if (listed) {
    const data: unknown = typeof right === 'string' || Array.isArray(field(right, 'set')) ? right : { set: [right] }
    const index = indexFor(data, operands, 'none', context)
    if (index === undefined || (op !== '==' && op !== '!=' && op !== 'in')) return unreadable({ match: body }, context)
    return [{ kind: 'lookup', operands, index, negated: op === '!=' }]
  }
  const set = constantValues(right, operand.datatype)
  if (set === undefined) {
    if (!operand.free || (op !== '==' && op !== '!=' && op !== 'in')) return unreadable({ match: body }, context)
    // The constant means nothing here, but the same question has the same answer again.
    const question = freeOperand({ left, right }, context, operand.needs, types.protocol)
    return [{ kind: 'compare', operand: question, set: op === '!=' ? subtract(everything(8), one(1n)) : one(1n) }]
  }
  const all = everything(operand.datatype.width)
  switch (op) {
    case '==':
      return [{ kind: 'compare', operand, set }]
    case '!=':
      return [{ kind: 'compare', operand, set: subtract(all, set) }]
    case '<':
      return [{ kind: 'compare', operand, set: span(0n, (set[0] ?? 0n) - 1n) }]
    case '<=':
      return [{ kind: 'compare', operand, set: span(0n, set[0] ?? 0n) }]
    case '>':
      return [{ kind: 'compare', operand, set: span((set[0] ?? 0n) + 1n, all[1] ?? 0n) }]
    case '>=':
      return [{ kind: 'compare', operand, set: span(set[0] ?? 0n, all[1] ?? 0n) }]
    case 'in':
    case '!': {
      // One of these bits, or none of them.
      const masked = compileOperand({ '&': [left, Array.isArray(right) ? right : [right]] }, context)
      return [{ kind: 'compare', operand: masked, set: op === 'in' ? subtract(all, one(0n)) : one(0n) }]
    }
    default:
      return unreadable({ match: body }, context)
  }
}

/** Two matches on ports that `nft` lists as one on 32 bits of the transport header. */
function portsAtOnce(left: unknown, right: unknown, op: string): readonly unknown[] | undefined {
  const payload = field(left, 'payload')
  if (text(payload, 'base') !== 'th' || number(payload, 'offset') !== 0 || number(payload, 'len') !== 32) return undefined
  if (op !== '==' || typeof right !== 'number') return undefined
  const part = (name: string, value: number): unknown => ({ op, left: { payload: { protocol: 'th', field: name } }, right: value })
  return [part('sport', Math.floor(right / 65_536)), part('dport', right % 65_536)]
}

function compileMangle(body: unknown, statement: unknown, context: CompileContext): readonly Operation[] {
  const key = field(body, 'key')
  const [kind, inner] = entryOf(key)
  const name = text(inner, 'key')
  const isMark = name === 'mark' && (kind === 'meta' || kind === 'ct')
  if (isMark) {
    const value = sourceOf(field(body, 'value'), types.mark, context)
    return value === undefined ? unreadable(statement, context) : [{ kind: 'assign', slot: kind === 'meta' ? slot.mark : slot.ctMark, value }]
  }
  return isBesideThePath(kind, inner) ? [{ kind: 'forget', operand: compileOperand(key, context) }] : unreadable(statement, context)
}

/** Fields that may change without changing where a packet goes or whose it is. */
function isBesideThePath(kind: string, inner: unknown): boolean {
  if (kind === 'meta') return ['nftrace', 'priority', 'pkttype', 'secmark'].includes(text(inner, 'key'))
  if (kind === 'ct') return ['label', 'event', 'secmark'].includes(text(inner, 'key'))
  if (kind === 'payload') return ['dscp', 'ecn', 'ttl', 'hoplimit', 'flowlabel', 'id', 'checksum'].includes(text(inner, 'field'))
  return kind === 'tcp option'
}

function compileTranslation(body: unknown, statement: unknown, context: CompileContext): readonly Operation[] {
  const named = text(body, 'family') || context.family
  const family = named === 'ip' ? 4 : named === 'ip6' ? 6 : undefined
  const addressJson = field(body, 'addr')
  const portJson = field(body, 'port')
  if (addressJson !== undefined && family === undefined) return unreadable(statement, context)
  const datatype = family === 6 ? types.ipv6 : types.ipv4
  const address = addressJson === undefined ? undefined : sourceOf(addressJson, datatype, context, [datatype, types.port])
  const port = portJson === undefined ? undefined : sourceOf(portJson, types.port, context)
  const missing = (addressJson !== undefined && address === undefined) || (portJson !== undefined && port === undefined)
  if (missing) return unreadable(statement, context)
  return [{ kind: 'translate', family, address, port }]
}

function sourceOf(json: unknown, datatype: Datatype, context: CompileContext, shape: readonly Datatype[] = [datatype]): Source | undefined {
  const map = field(json, 'map')
  if (map !== undefined) {
    const operands = components(field(map, 'key'), context)
    const index = indexFor(field(map, 'data'), operands, shape, context)
    return index === undefined ? undefined : { kind: 'map', operands, index }
  }
  const set = constantValues(json, datatype)
  if (set !== undefined && set[0] !== set.at(-1)) return { kind: 'any-of', set, name: `target ${describe(json)}` }
  return { kind: 'operand', operand: compileOperand(json, context, datatype) }
}

function components(json: unknown, context: CompileContext): readonly Operand[] {
  const parts = field(json, 'concat')
  const list: readonly unknown[] = Array.isArray(parts) ? parts : [json]
  return list.map((part) => compileOperand(part, context))
}

function indexFor(json: unknown, operands: readonly Operand[], data: DataShape, context: CompileContext): ElementIndex | undefined {
  const key = operands.map((operand) => operand.datatype)
  if (typeof json === 'string' && json.startsWith('@')) {
    const name = `${context.chain.family} ${context.chain.table} ${json.slice(1)}`
    const shape = typeof data === 'string' ? data : data.map((datatype) => datatype.name).join(' . ')
    const cached = `${name} / ${key.map((datatype) => datatype.name).join(' . ')} / ${shape}`
    const known = context.indexes.get(cached)
    if (known !== undefined) return known
    const body = context.ruleset.sets.get(name)
    if (body === undefined) return undefined
    // What packets will have put there cannot be known.
    if (data !== 'none' && context.ruleset.dynamic.has(name)) context.unreadable(`the map ${json}, which packets add to`)
    const index = buildIndex(json, field(body, 'elem'), key, data, context.ruleset.dynamic.has(name), context.unreadable)
    context.indexes.set(cached, index)
    return index
  }
  const elements = field(json, 'set')
  return Array.isArray(elements) ? buildIndex('a set in the rule', elements, key, data, false, context.unreadable) : undefined
}

/** Expressions that have a value: what part of the packet, of its connection or of its marks they read, and when they have none. */
import { constantValues, types } from './datatype.ts'
import { settled, slot, variable, variableFor } from './packet.ts'
import { one, single } from './values.ts'
import type { Datatype } from './datatype.ts'
import type { Packet, SlotName, Term, Variables } from './packet.ts'
import type { Values } from './values.ts'

export interface Operand {
  readonly datatype: Datatype
  /** Packets outside these have no such field, so that the rule does not match them. */
  readonly needs: readonly { readonly number: number; readonly set: Values }[]
  /** Reads the outgoing interface, which is not known before routing. */
  readonly outgoing: boolean
  /** The sender or the surroundings choose it freely; the reader keeps no meaning for its constants. */
  readonly free: boolean
  readonly read: (packet: Packet) => Term
}

export interface OperandContext {
  readonly variables: Variables
  /** `ip`, `ip6`, `inet`, ... */
  readonly family: string
  /** Called with every expression whose meaning the reader does not know. */
  readonly unreadable: (what: unknown) => void
}

const v4 = { number: variable.family, set: one(2n) }
const v6 = { number: variable.family, set: one(10n) }
const transports: Readonly<Record<string, bigint | undefined>> = { tcp: 6n, udp: 17n, sctp: 132n, dccp: 33n, udplite: 136n }
const freeMeta = new Set([
  'length', 'pkttype', 'skuid', 'skgid', 'iiftype', 'oiftype', 'iifkind', 'oifkind', 'hour', 'day', 'time', 'priority', 'cpu', 'nftrace', 'rtclassid',
  'cgroup', 'sdif', 'sdifname',
])
const freeCt = new Set(['helper', 'expiration', 'packets', 'bytes', 'avgpkt', 'id', 'label', 'secmark', 'event'])

/** Compiles an expression; one that is not understood becomes a variable that may hold anything, and is reported. */
export function compileOperand(json: unknown, context: OperandContext, hint: Datatype | undefined = undefined): Operand {
  if (typeof json !== 'object' || Array.isArray(json)) return literal(json, context, hint)
  const [kind, body] = entryOf(json)
  switch (kind) {
    case 'meta':
      return compileMeta(text(body, 'key'), json, context)
    case 'payload':
      return compilePayload(body, json, context)
    case 'ct':
      return compileCt(text(body, 'key'), text(body, 'dir'), json, context)
    case '&':
    case '|':
    case '^':
    case '<<':
    case '>>':
      return compileBitwise(kind, body, json, context, hint)
    case 'exthdr':
      return freeOperand(json, context, [v6], text(body, 'field') === '' ? types.boolean : types.integer)
    case 'tcp option':
    case 'sctp chunk':
    case 'ip option':
    case 'dccp option':
      return freeOperand(json, context, [], text(body, 'field') === '' ? types.boolean : types.integer)
    default:
      return unknownOperand(json, context)
  }
}

function compileMeta(key: string, json: unknown, context: OperandContext): Operand {
  switch (key) {
    case 'nfproto':
    case 'protocol':
      return ofVariable(variable.family, types.family)
    case 'l4proto':
      return ofVariable(variable.protocol, types.protocol)
    case 'iifgroup':
      return ofVariable(variable.inGroup, types.group)
    case 'oifgroup':
      return { ...ofVariable(variable.outGroup, types.group), outgoing: true }
    case 'iif':
    case 'iifname':
      return ofVariable(variable.inName, types.interface)
    case 'oif':
    case 'oifname':
      return { ...ofVariable(variable.outName, types.interface), outgoing: true }
    case 'mark':
      return ofSlot('mark', types.mark)
    default:
      return freeMeta.has(key) ? freeOperand(json, context) : unknownOperand(json, context)
  }
}

function compilePayload(body: unknown, json: unknown, context: OperandContext): Operand {
  const protocol = text(body, 'protocol')
  const field = text(body, 'field')
  if (protocol === 'ip') {
    if (field === 'saddr') return ofSlot('source4', types.ipv4, [v4])
    if (field === 'daddr') return ofSlot('destination4', types.ipv4, [v4])
    if (field === 'protocol') return ofVariable(variable.protocol, types.protocol, [v4])
    return freeOperand(json, context, [v4])
  }
  if (protocol === 'ip6') {
    if (field === 'saddr') return ofSlot('source6', types.ipv6, [v6])
    if (field === 'daddr') return ofSlot('destination6', types.ipv6, [v6])
    return field === 'nexthdr' ? ofVariable(variable.nextHeader, types.protocol, [v6]) : freeOperand(json, context, [v6])
  }
  const transport = Object.hasOwn(transports, protocol) ? transports[protocol] : undefined
  if (protocol === 'th' || transport !== undefined) {
    const needs = transport === undefined ? [] : [{ number: variable.protocol, set: one(transport) }]
    if (field === 'sport') return ofSlot('sourcePort', types.port, needs)
    if (field === 'dport') return ofSlot('destinationPort', types.port, needs)
    if (protocol === 'th') return unknownOperand(json, context)
    return freeOperand(json, context, needs, field === 'flags' ? types.tcpFlags : types.integer)
  }
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    const number = protocol === 'icmp' ? 1n : 58n
    const needs = [protocol === 'icmp' ? v4 : v6, { number: variable.protocol, set: one(number) }]
    if (field !== 'type') return freeOperand(json, context, needs)
    return protocol === 'icmp' ? ofVariable(variable.icmpType4, types.icmp4, needs) : ofVariable(variable.icmpType6, types.icmp6, needs)
  }
  if (protocol === 'ether' || protocol === 'vlan') return freeOperand(json, context)
  if (text(body, 'base') === 'th' && number(body, 'len') === 16) {
    if (number(body, 'offset') === 0) return ofSlot('sourcePort', types.port)
    if (number(body, 'offset') === 16) return ofSlot('destinationPort', types.port)
  }
  return unknownOperand(json, context)
}

function compileCt(key: string, direction: string, json: unknown, context: OperandContext): Operand {
  const plain: Readonly<Record<string, Operand | undefined>> = {
    state: ofSlot('ctState', types.state), direction: ofSlot('ctDirection', types.direction), status: ofSlot('ctStatus', types.status),
    mark: ofSlot('ctMark', types.mark),
  }
  const known = Object.hasOwn(plain, key) ? plain[key] : undefined
  if (known !== undefined) return known
  if (key === 'zone') return tracked({ datatype: types.integer, needs: [], outgoing: false, free: false, read: () => 0n })
  if (freeCt.has(key)) return freeOperand(json, context)
  // Both tuples of one connection have the same protocols.
  if (key === 'protocol') return ofSlot('originalProtocol', types.protocol)
  if (key === 'l3proto') return ofSlot('originalFamily', types.family)
  if (direction !== 'original' && direction !== 'reply') return unknownOperand(json, context)
  const replying = direction === 'reply'
  const family = key.startsWith('ip6 ') || context.family === 'ip6' ? 6 : key.startsWith('ip ') || context.family === 'ip' ? 4 : undefined
  const field = key.replace(/^ip6? /, '')
  if ((field === 'saddr' || field === 'daddr') && family !== undefined) {
    const end = field === 'saddr' ? 'Source' : 'Destination'
    if (replying) return tracked(ofVariable(variable[`reply${end}${family}`], addressType(family), addressNeeds(family)))
    return ofSlot(`original${end}${family}`, addressType(family), addressNeeds(family))
  }
  if (field === 'proto-src' || field === 'proto-dst') {
    const end = field === 'proto-src' ? 'Source' : 'Destination'
    return replying ? tracked(ofVariable(variable[`reply${end}Port`], types.port)) : ofSlot(`original${end}Port`, types.port)
  }
  return unknownOperand(json, context)
}

function addressType(family: 4 | 6): Datatype {
  return family === 4 ? types.ipv4 : types.ipv6
}

function addressNeeds(family: 4 | 6): Operand['needs'] {
  return family === 4 ? [v4] : [v6]
}

/** Only packets that conntrack knows have it. */
function tracked(operand: Operand): Operand {
  return { ...operand, read: (packet) => (packet.slots[slot.ctDirection] === undefined ? undefined : operand.read(packet)) }
}

function compileBitwise(kind: string, body: unknown, json: unknown, context: OperandContext, hint: Datatype | undefined): Operand {
  if (!Array.isArray(body) || body.length < 2) return unknownOperand(json, context)
  if (body.length > 2) return compileBitwise(kind, [{ [kind]: body.slice(0, -1) }, body.at(-1)], json, context, hint)
  const left = compileOperand(body[0], context, hint)
  const right = compileOperand(body[1], context, kind === '<<' || kind === '>>' ? types.integer : left.datatype)
  const mask = (1n << BigInt(left.datatype.width)) - 1n
  const read = (packet: Packet): Term => {
    const a = settled(packet, left.read(packet))
    const b = settled(packet, right.read(packet))
    if (a === undefined || b === undefined) return undefined
    if (typeof a === 'bigint' && typeof b === 'bigint') return calculate(kind, a, b) & mask
    // The same operation on the same unknowns has the same value, whatever it is.
    return variableFor(context.variables, `(${termName(context, a)} ${kind} ${termName(context, b)})`, left.datatype.width)
  }
  return { datatype: left.datatype, needs: [...left.needs, ...right.needs], outgoing: left.outgoing || right.outgoing, free: false, read }
}

function calculate(kind: string, a: bigint, b: bigint): bigint {
  if (kind === '&') return a & b
  if (kind === '|') return a | b
  if (kind === '^') return a ^ b
  if (b > 128n) return 0n
  return kind === '<<' ? a << b : a >> b
}

function termName(context: OperandContext, term: number | bigint): string {
  return typeof term === 'bigint' ? String(term) : (context.variables.names[term] ?? String(term))
}

function literal(json: unknown, context: OperandContext, hint: Datatype | undefined): Operand {
  const value = single(constantValues(json, hint ?? types.integer))
  if (value === undefined) return unknownOperand(json, context)
  return { datatype: hint ?? types.integer, needs: [], outgoing: false, free: false, read: () => value }
}

function ofVariable(number: number, datatype: Datatype, needs: Operand['needs'] = []): Operand {
  return { datatype, needs, outgoing: false, free: false, read: () => number }
}

function ofSlot(name: SlotName, datatype: Datatype, needs: Operand['needs'] = []): Operand {
  const index = slot[name]
  return { datatype, needs, outgoing: false, free: false, read: (packet) => packet.slots[index] }
}

/** A field that means nothing to the reader: one variable for each way of asking for it. */
export function freeOperand(
  json: unknown, context: OperandContext, needs: Operand['needs'] = [], datatype: Datatype = types.integer,
): Operand {
  const number = variableFor(context.variables, JSON.stringify(json) ?? '', datatype.width)
  return { datatype, needs, outgoing: false, free: true, read: () => number }
}

function unknownOperand(json: unknown, context: OperandContext): Operand {
  context.unreadable(json)
  return freeOperand(json, context)
}

/** A short name of an expression for messages and for variables. */
export function describe(json: unknown): string {
  const all = JSON.stringify(json) ?? 'undefined'
  return all.length > 300 ? `${all.slice(0, 300)}...` : all
}

/** The one key of an object and its value; `nft` writes every expression and statement so. */
export function entryOf(json: unknown): [string, unknown] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return ['', undefined]
  const entries = Object.entries(json)
  const first = entries[0]
  return first !== undefined && entries.length === 1 ? first : ['', undefined]
}

export function text(body: unknown, key: string): string {
  const value = field(body, key)
  return typeof value === 'string' ? value : ''
}

export function number(body: unknown, key: string): number | undefined {
  const value = field(body, key)
  return typeof value === 'number' ? value : undefined
}

export function field(body: unknown, key: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, key) ? (body as Record<string, unknown>)[key] : undefined
}

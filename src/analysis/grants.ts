/**
 * What is open between two ends, as a set that can be subtracted from another: protocols and ports, in which phases,
 * until when, under which condition. A range of 65,535 ports costs as much as one.
 */
import { compareText } from '../base/location.ts'
import { canonicalJson } from '../base/canonical-json.ts'
import { intersectPorts, portSet, subtractPorts, unionPorts } from '../net/ports.ts'
import { protocols } from '../net/protocol.ts'
import { coversSubject } from '../net/subject.ts'
import { phases } from '../model/platform.ts'
import type { PortRange, PortSet } from '../net/ports.ts'
import type { Protocol } from '../net/protocol.ts'
import type { HttpMatch, Messages, Phase } from '../model/platform.ts'

/** Under which condition a path is open, beyond its ends and its traffic. */
export type Condition =
  | { readonly kind: 'always' }
  /** By mutual TLS between the gateways, and never in the clear. */
  | { readonly kind: 'encrypted' }
  /** In the clear, where the set that this one is held against would encrypt. */
  | { readonly kind: 'clear' }
  /** Only messages of these subjects, at the broker; whoever may connect to its port may not thereby do this. */
  | { readonly kind: 'message'; readonly action: keyof Messages; readonly subject: string }
  /** Only these requests, at the gateway. */
  | { readonly kind: 'http'; readonly match: HttpMatch }
  /** Only by this published address and port, or this host of a gateway with these settings; nothing stands in for another. */
  | { readonly kind: 'entrance'; readonly id: string; readonly text: string }

/** Bits 0 to 2: the phases, in their order. Bit 3: the phase in which the documents declare the source to be. */
export type PhaseMask = number
export const declaredPhase = 8
export const everyPhase = 15

export interface Grant {
  readonly protocol: Protocol
  readonly ports: PortSet
  readonly phases: PhaseMask
  /** Milliseconds since the epoch; Infinity when it never ends. */
  readonly until: number
  readonly condition: Condition
}

/** What one side has more of: until when it is open there, and until when on the other side (0: not at all). */
export interface Piece {
  readonly protocol: Protocol
  /** Empty exactly for `icmp`. */
  readonly ports: PortSet
  readonly phases: PhaseMask
  readonly until: number
  readonly before: number
  readonly condition: Condition
}

export const always: Condition = Object.freeze({ kind: 'always' })
export const encrypted: Condition = Object.freeze({ kind: 'encrypted' })
const clear: Condition = Object.freeze({ kind: 'clear' })

/**
 * The grants of one pair in two sets as they are carried: what one policy requires to be encrypted travels encrypted for all of
 * its set, and what travels encrypted in the other set alone travels here in the clear.
 */
export function asCarried(grants: readonly Grant[], others: readonly Grant[]): readonly Grant[] {
  const [here, there] = [encryptedPorts(grants), encryptedPorts(others)]
  if (here.length === 0 && there.length === 0) return grants
  return grants.flatMap((g) => {
    if (g.condition.kind !== 'always' || g.protocol !== 'tcp') return [g]
    const rest = subtractPorts(g.ports, here)
    const parts: readonly Grant[] = [
      { ...g, ports: subtractPorts(rest, there) },
      { ...g, ports: intersectPorts(rest, there), condition: clear },
      { ...g, ports: intersectPorts(g.ports, here), condition: encrypted },
    ]
    return parts.filter(({ ports }) => ports.length > 0)
  })
}

function encryptedPorts(grants: readonly Grant[]): PortSet {
  return unionPorts(...grants.flatMap((g) => (g.condition.kind === 'encrypted' ? [g.ports] : [])))
}

export function maskOf(open: readonly Phase[], declared: Phase | undefined): PhaseMask {
  let mask = declared === undefined || open.includes(declared) ? declaredPhase : 0
  for (const [bit, phase] of phases.entries()) if (open.includes(phase)) mask |= 1 << bit
  return mask
}

/** For one kind of traffic that has no ports, so that it is cut and merged like all others. */
const noPort: PortSet = Object.freeze([Object.freeze({ from: 0, to: 0 })])

/** What `grants` open that `others` do not, or only for a shorter time; sorted, and in the fewest pieces. */
export function beyond(grants: readonly Grant[], others: readonly Grant[]): readonly Piece[] {
  const found = new Map<string, { readonly piece: Piece; readonly masks: Map<string, { readonly range: PortRange; mask: PhaseMask }> }>()
  for (const protocol of protocols) {
    const mine = grants.filter((g) => g.protocol === protocol)
    if (mine.length === 0) continue
    const theirs = others.filter((g) => g.protocol === protocol)
    for (const range of elementaryRanges([...mine, ...theirs])) {
      const here = mine.filter((g) => holdsRange(g, range))
      const there = theirs.filter((g) => holdsRange(g, range))
      for (let bit = 1; bit < 16; bit <<= 1) {
        const others = there.filter((g) => (g.phases & bit) !== 0)
        for (const grant of here) {
          if ((grant.phases & bit) === 0) continue
          const before = coveredUntil(grant.condition, others)
          if (before >= grant.until) continue
          const piece = { protocol, ports: [], phases: 0, until: grant.until, before, condition: grant.condition } as const
          add(found, piece, range, bit)
        }
      }
    }
  }
  return [...found.values()].flatMap(({ piece, masks }) => merged(piece, [...masks.values()])).sort(comparePieces)
}

function add(found: Map<string, { readonly piece: Piece; readonly masks: Map<string, { readonly range: PortRange; mask: PhaseMask }> }>, piece: Piece, range: PortRange, bit: number): void {
  const key = `${piece.protocol} ${piece.until} ${piece.before} ${conditionKey(piece.condition)}`
  let entry = found.get(key)
  if (entry === undefined) found.set(key, (entry = { piece, masks: new Map() }))
  const place = `${range.from}-${range.to}`
  const known = entry.masks.get(place)
  if (known === undefined) entry.masks.set(place, { range, mask: bit })
  else known.mask |= bit
}

/** Ranges that hold in the same phases become one set of ports. */
function merged(piece: Piece, ranges: readonly { readonly range: PortRange; readonly mask: PhaseMask }[]): readonly Piece[] {
  const byMask = new Map<PhaseMask, PortRange[]>()
  for (const { range, mask } of ranges) {
    const known = byMask.get(mask)
    if (known === undefined) byMask.set(mask, [range])
    else known.push(range)
  }
  return Array.from(byMask, ([mask, all]) => ({ ...piece, phases: mask, ports: piece.protocol === 'icmp' ? [] : portSet(all) }))
}

function portsOf({ protocol, ports }: Grant): PortSet {
  return protocol === 'icmp' ? noPort : ports
}

/** The coarsest ranges that no grant's edge divides. */
function elementaryRanges(grants: readonly Grant[]): readonly PortRange[] {
  const edges = new Set<number>()
  for (const grant of grants) for (const { from, to } of portsOf(grant)) edges.add(from).add(to + 1)
  const sorted = [...edges].sort((a, b) => a - b)
  return sorted.slice(1).map((next, i) => ({ from: sorted[i] ?? 0, to: next - 1 }))
}

function holdsRange(grant: Grant, range: PortRange): boolean {
  return portsOf(grant).some(({ from, to }) => from <= range.from && range.to <= to)
}

/** Until when all that the condition lets through is let through by one or another of the grants; 0 when something is not. */
function coveredUntil(condition: Condition, grants: readonly Grant[]): number {
  if (condition.kind === 'message') {
    const { action, subject } = condition
    return latest(grants.filter(({ condition: other }) => other.kind === 'message' && other.action === action && coversSubject(other.subject, subject)))
  }
  const plain = latest(grants.filter((g) => standsFor(g.condition, condition)))
  if (condition.kind !== 'http') return plain
  const requests = grants.flatMap(({ condition: other, until }) => (other.kind === 'http' ? [{ match: other.match, until }] : []))
  const named = [...new Set(requests.flatMap(({ match }) => match.methods))]
  const methods: readonly (string | undefined)[] = condition.match.methods.length > 0 ? condition.match.methods : [...named, undefined]
  const paths = condition.match.paths.length > 0 ? condition.match.paths : ['/*']
  let least = Infinity
  for (const method of methods) {
    for (const path of paths) {
      const until = latest(requests.filter(({ match }) => takesMethod(match, method) && takesPath(match, path)))
      least = Math.min(least, Math.max(plain, until))
    }
  }
  return least
}

function latest(these: readonly { readonly until: number }[]): number {
  let until = 0
  for (const one of these) if (one.until > until) until = one.until
  return until
}

/** Whether everything that is open under `b` is open under `a` too; requests are looked at one by one. */
function standsFor(a: Condition, b: Condition): boolean {
  switch (a.kind) {
    case 'always':
      return true
    case 'clear':
      return b.kind === 'clear' || b.kind === 'encrypted'
    case 'encrypted':
      return b.kind === 'encrypted'
    case 'entrance':
      return b.kind === 'entrance' && a.id === b.id
    case 'http':
    case 'message':
      return false
  }
}

/** `undefined` stands for a method that nobody names. */
export function takesMethod({ methods }: HttpMatch, method: string | undefined): boolean {
  return methods.length === 0 || (method !== undefined && methods.includes(method))
}

/** Whether every path that `path` (perhaps a prefix, with `*` at its end) stands for is taken. Only one pattern can hold a whole prefix. */
export function takesPath({ paths }: HttpMatch, path: string): boolean {
  return paths.length === 0 || paths.some((pattern) => (pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path))
}

function conditionKey(condition: Condition): string {
  switch (condition.kind) {
    case 'always':
      return ''
    case 'encrypted':
    case 'clear':
      return condition.kind
    case 'message':
      return `${condition.action} ${condition.subject}`
    case 'http':
      return canonicalJson(condition.match)
    case 'entrance':
      return condition.id
  }
}

function comparePieces(a: Piece, b: Piece): number {
  return (
    compareText(a.protocol, b.protocol) || (a.ports[0]?.from ?? 0) - (b.ports[0]?.from ?? 0) || (a.ports[0]?.to ?? 0) - (b.ports[0]?.to ?? 0) ||
    compareText(conditionKey(a.condition), conditionKey(b.condition)) || a.phases - b.phases || compareNumbers(a.until, b.until) || a.before - b.before
  )
}

function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

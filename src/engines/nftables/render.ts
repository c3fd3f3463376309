/** The complete text for `nft -f`: one transaction that replaces whatever table of that name there was. */
import { admittedElements } from './admission.ts'
import { chains } from './chains.ts'
import { formatDuration } from './duration.ts'
import { elementsOf, intervalSets } from './elements.ts'
import { admittedSets, ledBy } from './lead-chains.ts'
import { standingElements } from './refusal-chains.ts'
import { tableFamily, tableName } from './names.ts'
import type { Admission } from './admission.ts'
import type { Atoms } from './atoms.ts'
import type { Element, SetName } from './elements.ts'
import type { Inventory } from './inventory.ts'

export interface RenderOptions {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The netlink group to which refusals are logged; 1 when unsaid. */
  readonly logGroup?: number
  /** Connections that one identity may have open; 20,000 when unsaid. */
  readonly connectionLimit?: number
  /** Addresses that are admitted as things stand: a table that is replaced forgets all others. */
  readonly admitted?: readonly Admission[]
}

export { tableFamily, tableName }
export const defaultLogGroup = 1
export const defaultConnectionLimit = 20_000

/** Type and flags of every named set; a map's value is a path id unless said otherwise. */
const declarations: Readonly<Record<SetName, { readonly kind: 'set' | 'map'; readonly says: string; readonly lines: readonly string[] }>> = {
  'source4': { kind: 'set', says: 'the only source addresses of each interface', lines: ['typeof iifname . ip saddr'] },
  'source6': { kind: 'set', says: 'the same for IPv6', lines: ['typeof iifname . ip6 saddr'] },
  'bogon4': { kind: 'set', says: 'what cannot come from outside', lines: ['typeof ip saddr', 'flags interval'] },
  'bogon6': { kind: 'set', says: 'the same for IPv6', lines: ['typeof ip6 saddr', 'flags interval'] },
  'published4': { kind: 'set', says: 'addresses that answer from outside only', lines: ['typeof ip daddr'] },
  'published6': { kind: 'set', says: 'the same for IPv6', lines: ['typeof ip6 daddr'] },
  'class4': { kind: 'map', says: 'outside address to the mark of its class', lines: ['typeof ip daddr : meta mark', 'flags interval'] },
  'class6': { kind: 'map', says: 'the same for IPv6', lines: ['typeof ip6 daddr : meta mark', 'flags interval'] },
  'held': { kind: 'set', says: 'identities that reach nothing outside their stack, whatever the maps say', lines: ['typeof iifgroup'] },
  'inside4': { kind: 'set', says: 'held identity . address that it may reach', lines: ['typeof iifgroup . ip daddr', 'flags interval'] },
  'inside6': { kind: 'set', says: 'the same for IPv6', lines: ['typeof iifgroup . ip6 daddr', 'flags interval'] },
  'port': {
    kind: 'map', says: 'source group . destination group . protocol . port',
    lines: ['typeof iifgroup . oifgroup . meta l4proto . th dport : meta mark', 'flags timeout'],
  },
  'protocol': {
    kind: 'map', says: 'all ports of a protocol',
    lines: ['typeof iifgroup . oifgroup . meta l4proto : meta mark', 'flags timeout'],
  },
  'range': {
    kind: 'map', says: 'port ranges',
    lines: ['typeof iifgroup . oifgroup . meta l4proto . th dport : meta mark', 'flags interval,timeout'],
  },
  'echo': { kind: 'map', says: 'icmp echo, both families', lines: ['typeof iifgroup . oifgroup : meta mark', 'flags timeout'] },
  'egress-port': {
    kind: 'map', says: 'source group . class of the outside address . protocol . port',
    lines: ['typeof iifgroup . meta mark . meta l4proto . th dport : meta mark', 'flags timeout'],
  },
  'egress-protocol': {
    kind: 'map', says: 'all ports of a protocol',
    lines: ['typeof iifgroup . meta mark . meta l4proto : meta mark', 'flags timeout'],
  },
  'egress-range': {
    kind: 'map', says: 'port ranges',
    lines: ['typeof iifgroup . meta mark . meta l4proto . th dport : meta mark', 'flags interval,timeout'],
  },
  'egress-echo': { kind: 'map', says: 'icmp echo, both families', lines: ['typeof iifgroup . meta mark : meta mark', 'flags timeout'] },
  'translate4': {
    kind: 'map', says: 'class of the client . published end, to the private end',
    lines: ['typeof meta mark . ip daddr . meta l4proto . th dport : ip daddr . th dport', 'flags timeout'],
  },
  'translate6': {
    kind: 'map', says: 'the same for IPv6',
    lines: ['typeof meta mark . ip6 daddr . meta l4proto . th dport : ip6 daddr . th dport', 'flags timeout'],
  },
  'translated4': {
    kind: 'set', says: 'published end . private end: translations that stand',
    lines: ['typeof ip daddr . meta l4proto . th dport . ip daddr . th dport', 'flags timeout'],
  },
  'translated6': {
    kind: 'set', says: 'the same for IPv6',
    lines: ['typeof ip6 daddr . meta l4proto . th dport . ip6 daddr . th dport', 'flags timeout'],
  },
  'publish4': {
    kind: 'map', says: 'class of the client . published end . destination group',
    lines: ['typeof meta mark . ip daddr . meta l4proto . th dport . oifgroup : meta mark', 'flags timeout'],
  },
  'lead': { kind: 'set', says: 'source group . tcp port: to admitted addresses by the outbound gateway', lines: ['typeof iifgroup . th dport', 'flags timeout'] },
  'lead-range': { kind: 'set', says: 'port ranges', lines: ['typeof iifgroup . th dport', 'flags interval,timeout'] },
  'lead-inside4': { kind: 'set', says: 'source group . address . tcp port: by the outbound gateway, encrypted', lines: ['typeof iifgroup . ip daddr . th dport', 'flags timeout'] },
  'lead-inside6': { kind: 'set', says: 'the same for IPv6', lines: ['typeof iifgroup . ip6 daddr . th dport', 'flags timeout'] },
  'lead-inside-range4': { kind: 'set', says: 'port ranges', lines: ['typeof iifgroup . ip daddr . th dport', 'flags interval,timeout'] },
  'lead-inside-range6': { kind: 'set', says: 'the same for IPv6', lines: ['typeof iifgroup . ip6 daddr . th dport', 'flags interval,timeout'] },
  'publish6': {
    kind: 'map', says: 'the same for IPv6',
    lines: ['typeof meta mark . ip6 daddr . meta l4proto . th dport . oifgroup : meta mark', 'flags timeout'],
  },
}

/**
 * Byte for byte the same for equal input. Loading it a second time changes nothing but timeouts and named counters. Elements come
 * after the rules: the kernel walks all that a map holds for each chain that begins to use it.
 */
export function render(atoms: Atoms, inventory: Inventory, options: RenderOptions): string {
  const lines = [
    `add table ${tableFamily} ${tableName}`,
    `delete table ${tableFamily} ${tableName}`,
    `table ${tableFamily} ${tableName} {`,
  ]
  const start = expectedStart(options.now, atoms.direct.length + atoms.egress.length + atoms.publish.length)
  const after: string[] = []
  for (const [name, elements] of elementsOf(atoms, inventory, start)) {
    const { kind, says, lines: body } = declarations[name]
    const texts = Array.from(elements, ([key, element]) => formatElement(key, element, start))
    lines.push(`  # ${says}`, `  ${kind} ${name} {`, ...body.map((line) => `    ${line}`))
    if (texts.length > 0 && intervalSets.has(name)) lines.push('    elements = {', texts.map((text) => `      ${text}`).join(',\n'), '    }')
    else if (texts.length > 0) after.push(`add element ${tableFamily} ${tableName} ${name} {`, texts.map((text) => `  ${text}`).join(',\n'), '}')
    lines.push('  }')
  }
  const led = ledBy(atoms)
  lines.push(...admittedSets(led, admittedElements(options.admitted ?? [])))
  lines.push(...chains(inventory, options.logGroup ?? defaultLogGroup, options.connectionLimit ?? defaultConnectionLimit, led, atoms.held.length > 0), '}', ...after, ...standingElements)
  return `${lines.join('\n')}\n`
}

/**
 * When elements that are loaded from now on will be in the kernel, which counts their timeouts from there. Rather too
 * late than too early: a path may close a moment before its instant, not after it. A quarter of a second is what starting
 * nft takes on a machine that is busy.
 */
export function expectedStart(now: number, count: number): number {
  return now + 250 + Math.ceil(count / 50)
}

/** An element as it stands between braces. `start` is when its timeout begins to run, and is before it ends. */
export function formatElement(key: string, { value, expires }: Element, start: number): string {
  const timeout = expires === undefined ? '' : ` timeout ${formatDuration(expires - start)}`
  return `${key}${timeout}${value === undefined ? '' : ` : ${value}`}`
}

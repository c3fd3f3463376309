/** What one reading carries along: the ruleset, what was compiled of it, and what was not understood. */
import { describe } from './operand.ts'
import { sharedSets } from './merge.ts'
import { exclude, restrict, valuesOf, variable } from './packet.ts'
import { compileRule } from './statement.ts'
import { one } from './values.ts'
import type { Entered, Sender } from './connection.ts'
import type { ElementIndex } from './elements.ts'
import type { SharedSets } from './merge.ts'
import type { Packet, Variables } from './packet.ts'
import type { Chain, Rule, Ruleset } from './ruleset.ts'
import type { Operation } from './statement.ts'

export interface Machine {
  readonly ruleset: Ruleset
  readonly variables: Variables
  readonly indexes: Map<string, ElementIndex>
  readonly shared: SharedSets
  /** By sender: the part of the way that is the same for all connections is gone once. */
  readonly entered: Map<Sender, Entered>
  readonly operations: Map<Rule, readonly Operation[]>
  /** What was met and not understood, by rule and text. */
  readonly unreadable: Map<string, { readonly at: string; readonly what: string }>
  /** Operations left before the reading gives up, so that no input can keep it busy for ever. */
  steps: number
}

export function makeMachine(ruleset: Ruleset, variables: Variables): Machine {
  return { ruleset, variables, indexes: new Map(), shared: sharedSets(), entered: new Map(), operations: new Map(), unreadable: new Map(), steps: 100_000_000 }
}

export function report(machine: Machine, at: string, what: unknown): void {
  const words = typeof what === 'string' ? what : describe(what)
  machine.unreadable.set(`${at} ${words}`, { at, what: words })
}

/** A rule's operations, compiled when the first packet meets it: what nothing reaches needs no understanding. */
export function operationsOf(machine: Machine, chain: Chain, rule: Rule): readonly Operation[] {
  const known = machine.operations.get(rule)
  if (known !== undefined) return known
  const unreadable = (what: unknown): void => report(machine, rule.at, what)
  const compiled = compileRule(rule, { variables: machine.variables, family: chain.family, unreadable, ruleset: machine.ruleset, chain, indexes: machine.indexes })
  machine.operations.set(rule, compiled)
  return compiled
}

/** Splits packets by whether a chain's table sees them: `ip` and `ip6` tables see one family. */
export function seenBy(family: string, packet: Packet): { readonly seen: Packet | undefined; readonly unseen: Packet | undefined } {
  if (family === 'inet') return { seen: packet, unseen: undefined }
  if (family !== 'ip' && family !== 'ip6') return { seen: undefined, unseen: packet }
  const wanted = one(family === 'ip' ? 2n : 10n)
  return { seen: restrict(packet, variable.family, wanted), unseen: exclude(packet, variable.family, wanted) }
}

/** The families of a packet, for naming. */
export function familiesOf(packet: Packet): readonly (4 | 6)[] {
  const values = valuesOf(packet, variable.family)
  return ([4, 6] as const).filter((family) => {
    const number = family === 4 ? 2n : 10n
    return values.some((first, i) => i % 2 === 0 && first <= number && number <= (values[i + 1] ?? -1n))
  })
}

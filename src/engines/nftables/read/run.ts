/** Runs symbolic packets through a base chain: which of them it accepts, and what it made of their marks and addresses. */
import { lookUp, prepare } from './lookup.ts'
import { operationsOf, report } from './machine.ts'
import { exclude, restrict, slot, variable, variableFor, withSlot, withValues } from './packet.ts'
import { chainKey } from './ruleset.ts'
import { one } from './values.ts'
import type { Machine } from './machine.ts'
import type { Packet, Term } from './packet.ts'
import type { BaseChain, Chain } from './ruleset.ts'
import type { Operation, Source } from './statement.ts'

interface Frame {
  readonly chain: Chain
  readonly rule: number
  readonly below: Frame | undefined
}

interface State {
  readonly packet: Packet
  readonly chain: Chain
  readonly rule: number
  readonly operation: number
  readonly frame: Frame | undefined
  /** Jumps taken; the kernel refuses rulesets that nest deeper than 16. */
  readonly depth: number
}

const maxDepth = 16

/** The packets that this base chain lets go on. `routed`: the outgoing interface is known. */
export function runBaseChain(machine: Machine, base: BaseChain, packets: readonly Packet[], routed: boolean): Packet[] {
  const accepted: Packet[] = []
  const chain = machine.ruleset.chains.get(chainKey(base.family, base.table, base.name)) ?? base
  const work: State[] = packets.map((packet) => ({ packet, chain, rule: 0, operation: 0, frame: undefined, depth: 0 }))
  for (let state = work.pop(); state !== undefined; state = work.pop()) {
    if (machine.steps-- <= 0) {
      report(machine, chainKey(base.family, base.table, base.name), 'more steps than the reader takes')
      return [...accepted, state.packet, ...work.map((left) => left.packet)]
    }
    const rule = state.chain.rules[state.rule]
    if (rule === undefined) {
      leave(state, base, work, accepted)
      continue
    }
    const operation = operationsOf(machine, state.chain, rule)[state.operation]
    if (operation === undefined) work.push({ ...state, rule: state.rule + 1, operation: 0 })
    else step({ machine, base, routed, work, accepted, state, at: rule.at }, operation)
  }
  return accepted
}

interface Step {
  readonly machine: Machine
  readonly base: BaseChain
  readonly routed: boolean
  readonly work: State[]
  readonly accepted: Packet[]
  readonly state: State
  readonly at: string
}

function step(now: Step, operation: Operation): void {
  const { state } = now
  const { packet } = state
  const on = (next: Packet): void => void now.work.push({ ...state, packet: next, operation: state.operation + 1 })
  const nextRule = (next: Packet): void => void now.work.push({ ...state, packet: next, rule: state.rule + 1, operation: 0 })
  switch (operation.kind) {
    case 'compare': {
      if (operation.operand.outgoing && !now.routed) return nextRule(packet)
      const prepared = prepare(packet, [operation.operand])
      prepared.broken.forEach(nextRule)
      const [term] = prepared.terms
      if (prepared.packet === undefined || term === undefined) return
      const without = exclude(prepared.packet, term, operation.set)
      if (without !== undefined) nextRule(without)
      const within = restrict(prepared.packet, term, operation.set)
      if (within !== undefined) on(within)
      return
    }
    case 'lookup': {
      if (!now.routed && operation.operands.some((operand) => operand.outgoing)) return nextRule(packet)
      const found = lookUp(packet, operation.operands, operation.index)
      found.broken.forEach(nextRule)
      for (const hit of found.hits) (operation.negated ? nextRule : on)(hit.packet)
      found.missed.forEach(operation.negated ? on : nextRule)
      return
    }
    case 'verdict-map': {
      if (!now.routed && operation.operands.some((operand) => operand.outgoing)) return nextRule(packet)
      const found = lookUp(packet, operation.operands, operation.index)
      for (const missed of [...found.broken, ...found.missed]) nextRule(missed)
      for (const hit of found.hits) {
        if (hit.element.data?.kind === 'verdict') decide({ ...now, state: { ...state, packet: hit.packet } }, hit.element.data.verdict)
      }
      return
    }
    case 'assign':
      return evaluate(now, packet, operation.value, (next, term) => on(withSlot(next, operation.slot, term)), nextRule)
    case 'forget': {
      const term = operation.operand.read(packet)
      if (typeof term !== 'number') return on(packet)
      const values = packet.values.slice()
      values[term] = undefined
      return on({ ...packet, values })
    }
    case 'verdict':
      return decide(now, operation.verdict)
    case 'maybe':
      nextRule(packet)
      return on(packet)
    case 'translate':
      return translate(now, operation, nextRule)
    case 'source-translate':
      now.accepted.push({ ...withSlot(packet, slot.ctStatus, addBit(packet, 16n)), sourceTranslated: true })
      return
    case 'to-host':
      now.accepted.push({ ...packet, local: true })
      return
    case 'untrack':
      return on({ ...packet, untracked: true })
  }
}

function decide(now: Step, verdict: Extract<Operation, { kind: 'verdict' }>['verdict']): void {
  const { state, work } = now
  switch (verdict.kind) {
    case 'accept':
      now.accepted.push(letThrough(state.packet, now.base, now.at))
      return
    case 'drop':
      return
    case 'continue':
      work.push({ ...state, rule: state.rule + 1, operation: 0 })
      return
    case 'return':
      leave(state, now.base, work, now.accepted)
      return
    case 'jump':
    case 'goto': {
      const chain = now.machine.ruleset.chains.get(chainKey(state.chain.family, state.chain.table, verdict.chain))
      if (chain === undefined || state.depth >= maxDepth) {
        report(now.machine, now.at, chain === undefined ? `the chain ${verdict.chain}, which is not listed` : 'jumps nested deeper than the kernel allows')
        now.accepted.push(state.packet)
        return
      }
      const frame = verdict.kind === 'jump' ? { chain: state.chain, rule: state.rule + 1, below: state.frame } : state.frame
      work.push({ packet: state.packet, chain, rule: 0, operation: 0, frame, depth: state.depth + 1 })
    }
  }
}

const byPolicy = ' policy'

/** Of several chains on the forward hook, the first whose rule accepts is named; one that only has the policy to is not worth naming. */
function letThrough(packet: Packet, base: BaseChain, rule: string): Packet {
  if (base.hook !== 'forward' || (packet.rule !== undefined && (rule.endsWith(byPolicy) || !packet.rule.endsWith(byPolicy)))) return packet
  return { ...packet, rule }
}

/** The end of a chain: back to where the last jump came from, or the policy. */
function leave(state: State, base: BaseChain, work: State[], accepted: Packet[]): void {
  if (state.frame !== undefined) {
    const { chain, rule, below } = state.frame
    work.push({ packet: state.packet, chain, rule, operation: 0, frame: below, depth: state.depth - 1 })
  } else if (base.policy === 'accept') {
    accepted.push(letThrough(state.packet, base, `${chainKey(base.family, base.table, base.name)}${byPolicy}`))
  }
}

type Use = (packet: Packet, term: Term, more: readonly Term[]) => void

/** Calls `then` with each value that a source can have, and with what more its data holds. */
function evaluate(now: Step, packet: Packet, source: Source, then: Use, broken: (packet: Packet) => void): void {
  if (source.kind === 'any-of') {
    const number = variableFor(now.machine.variables, `${now.at} ${source.name}`, 128)
    return then(withValues(packet, number, source.set), number, [])
  }
  if (source.kind === 'operand') {
    if (source.operand.outgoing && !now.routed) return broken(packet)
    const prepared = prepare(packet, [source.operand])
    prepared.broken.forEach(broken)
    if (prepared.packet !== undefined) then(prepared.packet, prepared.terms[0], [])
    return
  }
  if (!now.routed && source.operands.some((operand) => operand.outgoing)) return broken(packet)
  const found = lookUp(packet, source.operands, source.index)
  for (const missed of [...found.broken, ...found.missed]) broken(missed)
  for (const hit of found.hits) {
    if (hit.element.data?.kind !== 'values') continue
    let next = hit.packet
    const terms = hit.element.data.values.map((set, i): Term => {
      if (set[0] === set.at(-1)) return set[0]
      const number = variableFor(now.machine.variables, `${now.at} data ${i} ${set.join('-')}`, 128)
      next = withValues(next, number, set)
      return number
    })
    then(next, terms[0], terms.slice(1))
  }
}

function translate(now: Step, operation: Extract<Operation, { kind: 'translate' }>, nextRule: (packet: Packet) => void): void {
  let packet: Packet | undefined = now.state.packet
  if (operation.family !== undefined) {
    const family = one(operation.family === 4 ? 2n : 10n)
    const other = exclude(packet, variable.family, family)
    if (other !== undefined) nextRule(other)
    packet = restrict(packet, variable.family, family)
    if (packet === undefined) return
  }
  const finish = (changed: Packet): void => void now.accepted.push({ ...withSlot(changed, slot.ctStatus, addBit(changed, 32n)), destinationTranslated: true })
  const withPort = (changed: Packet): void => {
    if (operation.port === undefined) return finish(changed)
    evaluate(now, changed, operation.port, (next, term) => finish(withSlot(next, slot.destinationPort, term)), nextRule)
  }
  if (operation.address === undefined) return withPort(packet)
  const number = operation.family === 6 ? slot.destination6 : slot.destination4
  evaluate(now, packet, operation.address, (next, term, [port]) => {
    const moved = withSlot(next, number, term)
    withPort(port === undefined ? moved : withSlot(moved, slot.destinationPort, port))
  }, nextRule)
}

function addBit(packet: Packet, bit: bigint): Term {
  const status = packet.slots[slot.ctStatus]
  return typeof status === 'bigint' ? status | bit : status
}

/**
 * A second opinion on a ruleset: what `nft -j list ruleset` really lets through the forward hook, worked out from
 * nftables' documentation by following symbolic packets. It shares nothing with what wrote the ruleset.
 *
 * Where the reader does not know, it errs towards open, and says so in `unreadable`. Any input is an answer, never an error.
 */
import { answer, laterPackets, leaksOf } from './read/answers.ts'
import { interfaceValue } from './read/datatype.ts'
import { arrive, chainsAt, enter, pass, reportSideChains } from './read/hooks.ts'
import { joinPieces } from './read/join.ts'
import { makeMachine, report } from './read/machine.ts'
import { forwardView, hostOf, piecesOf } from './read/naming.ts'
import { makeVariables } from './read/packet.ts'
import { parseRuleset } from './read/ruleset.ts'
import type { Machine } from './read/machine.ts'
import type { ForwardPolicy, ReadContext, ReadResult } from './read/result.ts'

export { describePath } from './read/join.ts'
export type { ForwardPolicy, GroupName, Leak, LeakKind, ReadContext, ReadEnd, ReadInterface, ReadPath, ReadProtocol, ReadResult } from './read/result.ts'

/** `json` is the parsed output of `nft -j list ruleset` for the whole network namespace, foreign tables included. */
export function readRuleset(json: unknown, context: ReadContext): ReadResult {
  const machine = makeMachine(parseRuleset(json), makeVariables(new Map(context.interfaces.map((each) => [interfaceValue(each.name), BigInt(each.group)]))))
  for (const { at, what } of machine.ruleset.unknown) report(machine, at, what)
  reportSideChains(machine)
  const host = hostOf(context)
  const opened = pass(machine, 'new', arrive(machine, 'new', 'declared', context)).flatMap((packet) => piecesOf(packet, forwardView, host))
  const later = laterPackets(machine, opened, host)
  const answered = answer(machine, opened, later)
  const leaks = leaksOf(machine, answered, later, host)
  const forward = { ipv4: forwardPolicy(machine, 'ip'), ipv6: forwardPolicy(machine, 'ip6') }
  return Object.freeze({
    kind: 'read',
    paths: joinPieces(answered),
    leaks,
    unreadable: Object.freeze([...machine.unreadable.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => Object.freeze(value))),
    forward,
    noTable: forward.ipv4 === 'none' || forward.ipv6 === 'none',
    survivesRevocation: leaks.some((leak) => leak.kind === 'established' || leak.kind === 'reply'),
    blocked: enter(machine, 'declared', context).blocked,
  })
}

function forwardPolicy(machine: Machine, family: 'ip' | 'ip6'): ForwardPolicy {
  const chains = chainsAt(machine, 'forward').filter((chain) => chain.family === family || chain.family === 'inet')
  if (chains.length === 0) return 'none'
  return chains.some((chain) => chain.policy === 'drop') ? 'drop' : 'accept'
}

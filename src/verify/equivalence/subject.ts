/** Everything that one comparison is about. */
import { isRefused } from './refused.ts'
import { isServed } from './read-index.ts'
import { policiesFor } from './blame.ts'
import { referenceDecide } from '../reference.ts'
import { allPolicies } from '../../model/platform.ts'
import type { Collector, Side } from './differences.ts'
import type { ReadFlow, ReadIndex } from './read-index.ts'
import type { RefusedPath } from './refused.ts'
import type { Identity, Inventory } from '../../engines/nftables/inventory.ts'
import type { ReadResult } from '../../engines/nftables/read.ts'
import type { Flow, Platform } from '../../model/platform.ts'
import type { PortRange } from '../../net/ports.ts'

export interface Subject {
  readonly platform: Platform
  readonly read: ReadResult
  readonly index: ReadIndex
  readonly inventory: Inventory
  readonly names: ReadonlyMap<number, Identity>
  readonly now: number
  readonly refused: readonly RefusedPath[]
  readonly differences: Collector
}

/** Milliseconds. */
const expirySlack = 5_000

/** Instants to ask about: now, and past each end of a policy that is still to come. */
export function instantsOf({ platform, now }: Subject): readonly number[] {
  const ends = allPolicies(platform).flatMap((policy) => (policy.expires !== undefined && policy.expires > now ? [policy.expires + expirySlack] : []))
  return [now, ...new Set(ends)].sort((a, b) => a - b)
}

export function hasGateways({ inventory }: Subject, ...names: readonly ('outbound' | 'inbound' | 'resolver')[]): boolean {
  return names.every((name) => inventory.gateways?.[name] !== undefined)
}

export interface Case {
  readonly flow: Flow
  /** The same attempt as packets: one for each family and each way to its destination. */
  readonly read: readonly ReadFlow[]
  /** All of `read` has to work; else one of it is enough. */
  readonly every: boolean
  readonly ports: readonly PortRange[]
  readonly source: Side
  readonly destination: Side
  /** What has to be so, where the reference's answer about the flow is not all that counts. */
  readonly expect?: (at: number) => Expectation
  /** What is not carried, where no policy says it in so many words. */
  readonly missing?: string
}

/** `may`: open or not, nobody gains by it. */
export type Expectation = 'must' | 'may' | 'never'

/** The instants given, and past each turn of what was read that no document has an end for. */
function allInstants({ now, index }: Subject, given: readonly number[], read: readonly ReadFlow[]): readonly number[] {
  const turns = read.flatMap((each) => index.turns(each)).map((seconds) => now + seconds * 1_000 + expirySlack)
  const own = [...new Set(turns)].filter((at) => given.every((known) => Math.abs(known - at) > expirySlack / 2))
  return own.length === 0 ? given : [...given, ...own].sort((a, b) => a - b)
}

/** Holds the two answers about one attempt together, now and later. */
export function judge(subject: Subject, instants: readonly number[], { flow, read, every, ports, source, destination, expect, missing }: Case): void {
  const { platform, now, differences, index } = subject
  const expected = expect ?? ((at: number): Expectation => (referenceDecide(platform, flow, at) === 'allow' ? 'must' : 'never'))
  for (const at of allInstants(subject, instants, read)) {
    const meant = expected(at)
    const around = at === now ? [at + expirySlack] : [at - expirySlack / 2, at + expirySlack / 2]
    if (meant === 'may' || around.some((near) => expected(near) !== meant)) continue
    const after = at === now ? undefined : (at - now) / 1_000
    const open = read.map((each) => ({ each, paths: index.find(after === undefined ? each : { ...each, after }) }))
    const later = after === undefined ? '' : ` ${Math.round(after)} s from now`
    if (meant === 'never') {
      for (const { each, paths } of open) {
        for (const { rule } of paths) {
          differences.add({ kind: 'wider', source, destination, protocol: flow.protocol, ports, family: each.family, cause: `${rule}${later}`, declared: false })
        }
      }
      if (open.some(({ paths }) => paths.length > 0)) return
      continue
    }
    const closed = open.filter(({ paths }) => !paths.some(isServed))
    if (closed.length === 0 || (!every && closed.length < open.length)) continue
    const declared = isRefused(platform, subject.refused, flow)
    const policies = missing ?? policiesFor(platform, flow, at)
    for (const { each, paths } of closed) {
      const cause = `${policies}: ${paths.length > 0 ? 'only part of a connection passes' : 'does not pass'}${later}`
      differences.add({ kind: 'narrower', source, destination, protocol: flow.protocol, ports, family: each.family, cause, declared })
    }
    return
  }
}

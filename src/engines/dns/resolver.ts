/** One query from its bytes to the bytes of its reply, with everything that keeps an asker within its bounds. */
import { conclude, decide, denied } from './answer.ts'
import { boundedCache } from './cache.ts'
import { askerLimits, buckets, rememberedNames } from './limits.ts'
import { readQuery, typeName } from './question.ts'
import { encodeReply, errorReply } from './reply.ts'
import { canonicalAddress, viewOf } from './view.ts'
import { noZones } from './zones.ts'
import type { Clock } from '../../base/clock.ts'
import type { Admissions } from './admissions.ts'
import type { Forward, Judged, UpstreamAnswer } from './answer.ts'
import type { BadQuery, Query } from './question.ts'
import type { Records } from './records.ts'
import type { Ask, Asked } from './upstream.ts'
import type { View } from './view.ts'
import type { Zones } from './zones.ts'

export interface Resolver {
  /** The reply, or nothing where none is due. Never rejects. */
  readonly handle: (message: Uint8Array, from: Sender) => Promise<Uint8Array | undefined>
  /** From now on; what is no longer allowed leaves the cache, and answers under way are judged again. Throws on zones that make no sense. */
  readonly setZones: (zones: Zones) => void
  /** Forgets every answer, so that each is admitted anew. */
  readonly flush: () => void
}

export interface Sender {
  readonly address: string
  readonly transport: 'udp' | 'tcp'
}

export interface ResolverParts {
  readonly ask: Ask
  readonly admissions: Pick<Admissions, 'request'>
  readonly records: Pick<Records, 'add'>
  readonly clock: Clock
}

const cacheLimits = { perAsker: 512, total: 100_000 }
/** Askers that nobody declared share the bounds of one. */
const nobody = '?'

export function createResolver(parts: ResolverParts): Resolver {
  const cache = boundedCache<Kept>(cacheLimits)
  const queries = buckets(askerLimits.queries)
  const newNames = buckets(askerLimits.newNames)
  const wildcardQuestions = buckets(askerLimits.wildcardQuestions)
  const remembered = rememberedNames(askerLimits.rememberedNames)
  const waiting = new Map<string, number>()
  const asking = new Map<string, Promise<Fetched>>()
  let view: View = viewOf(noZones)
  let latest = 0
  let turn = 0
  let generation = 0

  /** What has ended stays ended, also when the machine's clock is set back. */
  const now = (): number => (latest = Math.max(latest, parts.clock()))

  async function handle(message: Uint8Array, from: Sender): Promise<Uint8Array | undefined> {
    const query = readQuery(message)
    if (query.kind === 'ignore') return undefined
    const address = canonicalAddress(from.address)
    const asker = view.askerAt(address)?.asker
    const record = (judged: Judged, answer: string): void => parts.records.add({
      verdict: judged.verdict, reason: judged.reason, ...(asker === undefined ? {} : { asker }), address,
      name: query.shown === '' ? '?' : query.shown, type: typeName(query.type), transport: from.transport, answer,
      ...(judged.verdict === 'allow' && judged.reply.records.length > 0 && !judged.reply.authoritative ? { addresses: judged.reply.records.map(({ data }) => data).sort() } : {}),
      ...(judged.policies.length === 0 ? {} : { policies: judged.policies }),
      ...(judged.detail === undefined ? {} : { detail: judged.detail }),
    }, latest)
    if (!queries.take(asker ?? nobody, now())) {
      // Silence costs the sender more than us; a refusal would do the same work as an answer. The name is left out: all are alike.
      parts.records.add({ verdict: 'deny', reason: 'rate', ...(asker === undefined ? {} : { asker }), address, name: '*', type: '*', transport: from.transport, answer: 'none' }, latest)
      return undefined
    }
    const judged = query.kind === 'bad' ? badQuery(query) : await judge(query, address)
    record(judged, judged.reply.rcode)
    return encodeReply(query, judged.reply, from.transport)
  }

  function badQuery(query: BadQuery): Judged {
    return { reply: errorReply(query.rcode), verdict: 'deny', reason: query.reason, policies: [] }
  }

  async function judge(query: Query, address: string): Promise<Judged> {
    const decision = decide(view, address, query, now(), (turn += 1))
    if (decision.kind === 'answer') return decision
    const { asker } = decision.asker
    const many = waiting.get(asker) ?? 0
    if (many >= askerLimits.waiting) return denied('SERVFAIL', 'busy', decision.policies)
    waiting.set(asker, many + 1)
    try {
      const fetched = await fetch(decision)
      if (fetched.kind === 'denied') return fetched.judged
      // The zones may have changed meanwhile; what counts is what they say when the reply leaves.
      const again = decide(view, address, query, now(), turn)
      if (again.kind === 'answer') return again
      return conclude(view, again, fetched.answer, fetched.ttl, turn)
    } finally {
      const left = (waiting.get(asker) ?? 1) - 1
      if (left > 0) waiting.set(asker, left)
      else waiting.delete(asker)
    }
  }

  /** From the cache, or from upstream and admitted. Equal questions of one asker at the same time are one. */
  async function fetch(forward: Forward): Promise<Fetched> {
    const key = `${forward.type} ${forward.name}`
    const cached = cache.get(forward.asker.asker, key, now())
    if (cached?.value.admitted === true) return { kind: 'answer', answer: cached.value.answer, ttl: Math.ceil(cached.left / 1000) }
    const whole = `${forward.asker.asker} ${key}`
    const there = asking.get(whole)
    if (there !== undefined) return there
    const fetching = fetchAnew(forward, key).finally(() => asking.delete(whole))
    asking.set(whole, fetching)
    return fetching
  }

  async function fetchAnew(forward: Forward, key: string): Promise<Fetched> {
    const { asker, name, policies } = forward
    const there = cache.get(asker.asker, key, now())
    const kept = there?.value ?? (await askUpstream(forward, key))
    if (kept === undefined || 'reply' in kept) return { kind: 'denied', judged: kept ?? denied('REFUSED', 'no-policy') }
    if (kept.failed !== undefined) return { kind: 'denied', judged: { ...denied('SERVFAIL', 'upstream', policies), detail: kept.failed } }
    const { answer } = kept
    const ttl = there === undefined ? answer.ttl : Math.ceil(there.left / 1000)
    for (;;) {
      // Asked only for what is still allowed: a policy may have gone while upstream was thinking.
      if (!stillAllowed(asker.asker, name)) return { kind: 'denied', judged: denied('REFUSED', 'no-policy') }
      const asOf = generation
      const good = conclude(view, forward, answer, ttl, 0).verdict === 'allow'
      if (good && asker.kind === 'workload' && answer.addresses.length > 0) {
        const admitted = await parts.admissions.request({ asker: asker.asker, name, addresses: answer.addresses, ttl })
        if (!admitted) return { kind: 'denied', judged: denied('SERVFAIL', 'not-admitted', policies) }
      }
      // What was admitted under older zones may have been taken back with them.
      if (asOf !== generation) continue
      kept.admitted = good
      return { kind: 'answer', answer, ttl }
    }
  }

  /** Failures are kept too: whoever makes a server fail shall not see every single question. */
  async function askUpstream(forward: Forward, key: string): Promise<Kept | Judged | undefined> {
    const { asker, name } = forward
    const withheld = forward.wildcard ? wildcardWithheld(forward) : undefined
    if (withheld !== undefined) return withheld
    const asked: Asked = await parts.ask(name, forward.type)
    if (!stillAllowed(asker.asker, name)) return undefined
    const kept: Kept = { ...(asked.kind === 'answer' ? { answer: asked.answer, failed: undefined } : { answer: noAnswer, failed: asked.why }), admitted: false }
    cache.set(asker.asker, key, kept, now(), kept.answer.ttl * 1000)
    return kept
  }

  /** Why a question for a name under a `*.` pattern does not leave, or `undefined` when it may. */
  function wildcardWithheld({ asker, name, policies }: Forward): Judged | undefined {
    if (asker.kind === 'gateway') {
      // A gateway asks for what a workload's connection names, so the workload must have been allowed to ask for it.
      return remembered.known(name) ? undefined : denied('REFUSED', 'wildcard-unasked', policies)
    }
    const known = remembered.has(asker.asker, name)
    if (!known && !newNames.take(asker.asker, now())) return denied('REFUSED', 'wildcard-rate', policies)
    if (!wildcardQuestions.take(asker.asker, now())) return denied('REFUSED', 'wildcard-rate', policies)
    remembered.add(asker.asker, name)
    return undefined
  }

  function stillAllowed(asker: string, name: string): boolean {
    const at = now()
    return view.asker(asker)?.outside(name).some(({ entry }) => entry.grants.some(({ until }) => until === undefined || at < until)) === true
  }

  return {
    handle,
    setZones(zones) {
      view = viewOf(zones)
      generation += 1
      const known = (asker: string): boolean => view.asker(asker) !== undefined
      cache.keep((asker, key) => stillAllowed(asker, key.slice(key.indexOf(' ') + 1)))
      remembered.keep(stillAllowed)
      for (const each of [queries, newNames, wildcardQuestions]) each.keep((asker) => known(asker) || asker === nobody)
    },
    flush() {
      generation += 1
      cache.keep(() => false)
    },
  }
}

interface Kept {
  readonly answer: UpstreamAnswer
  /** Why there is none. */
  readonly failed: string | undefined
  /** It can be told as it stands; until then each question for it asks the agent again, and nobody upstream. */
  admitted: boolean
}

/** Seconds for which a failure is remembered (RFC 9520). */
const noAnswer: UpstreamAnswer = Object.freeze({ rcode: 'NOERROR', addresses: Object.freeze([]), ttl: 10 })

type Fetched =
  | { readonly kind: 'answer'; readonly answer: UpstreamAnswer; readonly ttl: number }
  | { readonly kind: 'denied'; readonly judged: Judged }

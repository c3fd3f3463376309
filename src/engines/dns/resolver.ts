/** One query from its bytes to the bytes of its reply, with everything that keeps an asker within its bounds. */
import { conclude, decide, denied } from './answer.ts'
import { boundedCache } from './cache.ts'
import { askerLimits, buckets, rememberedNames } from './limits.ts'
import { readQuery, typeName } from './question.ts'
import { encodeReply, errorReply } from './reply.ts'
import { canonicalAddress, viewOf } from './view.ts'
import { isOpen, noZones } from './zones.ts'
import type { Clock } from '../../base/clock.ts'
import type { Admissions } from './admissions.ts'
import type { Forward, Judged, UpstreamAnswer } from './answer.ts'
import type { BadQuery, Query } from './question.ts'
import type { Records } from './records.ts'
import type { Ask, Asked } from './upstream.ts'
import type { AskerView, View } from './view.ts'
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
    const unasked = query.kind === 'bad' ? undefined : unaskedPattern(query, view.askerAt(address))
    if (unasked !== undefined && query.kind !== 'bad') {
      // Anybody can name such names without end: they are alike, cost nobody anything but this, and are refused with few words.
      const { reply, verdict, reason } = denied('REFUSED', 'wildcard-unasked')
      parts.records.add({ verdict, reason, ...(asker === undefined ? {} : { asker }), address, name: unasked, type: typeName(query.type), transport: from.transport, answer: reply.rcode }, now())
      return encodeReply(query, reply, from.transport)
    }
    if (!queries.take(payerOf(query, view.askerAt(address)), now())) {
      // Silence costs the sender more than us; a refusal would do the same work as an answer. The name is left out: all are alike.
      parts.records.add({ verdict: 'deny', reason: 'rate', ...(asker === undefined ? {} : { asker }), address, name: '*', type: '*', transport: from.transport, answer: 'none' }, latest)
      return undefined
    }
    const judged = query.kind === 'bad' ? badQuery(query) : await judge(query, address)
    record(judged, judged.reply.rcode)
    return encodeReply(query, judged.reply, from.transport)
  }

  /** A gateway asks for everybody, so each name that it asks for pays for itself. */
  function payerOf(query: Query | BadQuery, asker: AskerView | undefined): string {
    if (asker === undefined) return nobody
    if (asker.kind === 'workload') return asker.asker
    const name = query.kind === 'bad' ? undefined : query.name
    return `${asker.asker} ${name !== undefined && asker.outside(name).length > 0 ? name : nobody}`
  }

  /**
   * The pattern that alone holds what a gateway asks for, if no workload has asked for it before: a gateway asks for what a connection
   * names, so its name must have been asked for.
   */
  function unaskedPattern({ name }: Query, asker: AskerView | undefined): string | undefined {
    if (name === undefined || asker?.kind !== 'gateway' || remembered.known(name)) return undefined
    const held = asker.outside(name)
    return held.every(({ below }) => below !== undefined) ? held[0]?.entry.domain : undefined
  }

  function badQuery(query: BadQuery): Judged {
    return { reply: errorReply(query.rcode), verdict: 'deny', reason: query.reason, policies: [] }
  }

  async function judge(query: Query, address: string): Promise<Judged> {
    const decision = decide(view, address, query, now(), (turn += 1))
    if (decision.kind === 'answer') return decision
    const account = accountOf(decision)
    const many = waiting.get(account) ?? 0
    if (many >= askerLimits.waiting) return denied('SERVFAIL', 'busy', decision.policies)
    waiting.set(account, many + 1)
    try {
      const fetched = await fetch(decision)
      if (fetched.kind === 'denied') return fetched.judged
      // The zones may have changed meanwhile; what counts is what they say when the reply leaves.
      const again = decide(view, address, query, now(), turn)
      if (again.kind === 'answer') return again
      return conclude(view, again, fetched.answer, fetched.ttl, turn)
    } finally {
      const left = (waiting.get(account) ?? 1) - 1
      if (left > 0) waiting.set(account, left)
      else waiting.delete(account)
    }
  }

  /** From the cache, or from upstream and admitted. Equal questions of one asker at the same time are one. */
  async function fetch(forward: Forward): Promise<Fetched> {
    const key = `${forward.type} ${forward.name}`
    const cached = cache.get(accountOf(forward), key, now())
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
    const there = cache.get(accountOf(forward), key, now())
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
    cache.set(accountOf(forward), key, kept, now(), kept.answer.ttl * 1000)
    return kept
  }

  /** Why a question for a name under a `*.` pattern does not leave, or `undefined` when it may. */
  function wildcardWithheld({ asker, name, policies }: Forward): Judged | undefined {
    // Then a workload has asked for it, and paid.
    if (asker.kind === 'gateway') return undefined
    const known = remembered.has(asker.asker, name)
    if (!known && !newNames.take(asker.asker, now())) return denied('REFUSED', 'wildcard-rate', policies)
    if (!wildcardQuestions.take(asker.asker, now())) return denied('REFUSED', 'wildcard-rate', policies)
    remembered.add(asker.asker, name)
    return undefined
  }

  function stillAllowed(asker: string, name: string): boolean {
    const at = now()
    return view.asker(asker)?.outside(name).some(({ entry }) => entry.grants.some((grant) => isOpen(grant, at))) === true
  }

  return {
    handle,
    setZones(zones) {
      view = viewOf(zones)
      generation += 1
      const known = (payer: string): boolean => view.asker(askerOf(payer)) !== undefined
      cache.keep((account, key) => stillAllowed(askerOf(account), key.slice(key.indexOf(' ') + 1)))
      remembered.keep(stillAllowed)
      for (const each of [queries, newNames, wildcardQuestions]) each.keep((asker) => known(asker) || asker === nobody)
    },
    flush() {
      generation += 1
      cache.keep(() => false)
    },
  }
}

/** What waits and what is kept has its bounds for each asker, and of a gateway for each pattern of names: servers that never answer hold up their own. */
function accountOf({ asker, entries: [first] }: Forward): string {
  return asker.kind === 'workload' ? asker.asker : `${asker.asker} ${first?.entry.domain ?? ''}`
}

function askerOf(account: string): string {
  return account.split(' ', 1)[0] ?? account
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

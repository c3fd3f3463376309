/** Requests at the gateways: what the Intent lets through, and what the documents say, read independently. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasErrors } from '../base/diagnostic.ts'
import { normalPath } from '../net/http-path.ts'
import { compile } from '../intent/compile.ts'
import { requestDecider } from '../intent/decide-request.ts'
import { referenceRequest } from './reference-request.ts'
import { pathAsJudged } from './reference/request-path.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { bytesPerRequest, requestsFrom } from './testing/arbitrary-request.ts'
import { tapes } from './testing/choices.ts'
import { platformOf } from './testing/load.ts'
import type { Platform } from '../model/platform.ts'
import type { GatewayRequest } from '../model/request.ts'
import type { DocumentSet } from './testing/arbitrary-set.ts'
import type { Tape } from './testing/choices.ts'

const requestsEach = 60
const wanted = 200

type Judge = (platform: Platform, request: GatewayRequest, now: number) => string

const byReference: Judge = (platform, request, now) => {
  const judged = referenceRequest(platform, request, now)
  return 'led' in judged ? `to ${judged.led.join(' ')}` : judged.refused
}

function byIntent(platform: Platform): (request: GatewayRequest, now: number) => string {
  const decide = requestDecider(platform, compile(platform).intent)
  return (request, now) => {
    const decision = decide(request, now)
    return decision.verdict === 'deny' ? decision.why : `to ${decision.to.map(({ workload, port }) => `${workload}:${port}`).sort().join(' ')}`
  }
}

function agreeing(meet: (set: DocumentSet, tape: Tape) => void): fc.IProperty<[DocumentSet, Uint8Array]> {
  return fc.property(documentSets(), fc.noShrink(tapes(requestsEach * bytesPerRequest, requestsEach * bytesPerRequest)), meet)
}

test('the intent decides every request as the documents say, and every answer is met', () => {
  const seen = new Map<string, number>()
  let accepted = 0
  fc.assert(agreeing((set, tape) => {
    const platform = platformOf(set)
    if (platform === undefined || hasErrors(compile(platform).diagnostics)) return
    accepted++
    const decide = byIntent(platform)
    for (const request of requestsFrom(platform, tape, requestsEach)) {
      const one: string = decide(request, set.now)
      assert.equal(one, byReference(platform, request, set.now), `${JSON.stringify(request, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v))}\n${set.files.map(({ text }) => text).join('')}`)
      const answer = one.startsWith('to') ? (request.source.kind === 'workload' ? 'out' : 'in') : one
      seen.set(answer, (seen.get(answer) ?? 0) + 1)
    }
  }), { numRuns: 400, endOnFailure: true })
  assert.ok(accepted >= wanted, `enough sets are accepted: ${accepted}`)
  for (const answer of ['in', 'out', 'host', 'gateway', 'path', 'route', 'caller', 'policy']) assert.ok((seen.get(answer) ?? 0) >= 3, `${answer}: ${JSON.stringify([...seen])}`)
})

const without = (platform: Platform, change: (proxy: Extract<Platform['ingressPolicies'][number]['gateway'], { kind: 'proxy' }>['proxy']) => object): Platform => ({
  ...platform,
  ingressPolicies: platform.ingressPolicies.map((p) => (p.gateway.kind === 'proxy' ? { ...p, gateway: { ...p.gateway, proxy: { ...p.gateway.proxy, ...change(p.gateway.proxy) } } } : p)),
})

/** Judges with one mistake each: what the property does not see here, it would not see in the intent either. */
const mistaken: Readonly<Record<string, Judge>> = {
  'asks nobody who they are': (platform, request, now) => byReference(without(platform, () => ({ authentication: { kind: 'none' } })), request, now),
  'forgets the claims of routes': (platform, request, now) => byReference(without(platform, ({ routes }) => ({ routes: routes.map((r) => ({ ...r, claims: [] })) })), request, now),
  'forgets the identities of routes': (platform, request, now) => byReference(without(platform, ({ routes }) => ({ routes: routes.map((r) => ({ ...r, identities: [] })) })), request, now),
  'forgets methods': (platform, request, now) => byReference(without(platform, ({ routes }) => ({ routes: routes.map((r) => ({ ...r, methods: [] })) })), request, now),
  'takes every path for a prefix': (platform, request, now) => byReference(without(platform, ({ routes }) => ({ routes: routes.map((r) => ({ ...r, prefix: true })) })), request, now),
  'drops the routes of policies that have expired': (platform, request, now) =>
    byReference({ ...platform, ingressPolicies: platform.ingressPolicies.filter(({ expires }) => expires === undefined || now < expires) }, request, now),
  'ignores expires': (platform, request) => byReference(platform, request, -Infinity),
  'believes the path as it is written': (platform, request, now) => byReference(platform, { ...request, path: request.path?.replaceAll('%2e', '.').replaceAll('..', 'x') }, now),
  'lets tokens of any issuer in': (platform, request, now) =>
    byReference(platform, request.caller.kind === 'token' ? { ...request, caller: { ...request.caller, issuer: 'https://id.example.org' } } : request, now),
  'trusts every authority with every name': (platform, request, now) =>
    byReference(platform, request.caller.kind === 'certificate' && !request.caller.authority.startsWith('/') ? { ...request, caller: { ...request.caller, authority: platform.trustDomain } } : request, now),
}

for (const [mistake, wrongly] of Object.entries(mistaken)) {
  test(`a judge that ${mistake} is found out`, () => {
    const found = fc.check(agreeing((set, tape) => {
      const platform = platformOf(set)
      if (platform === undefined) return
      for (const request of requestsFrom(platform, tape, requestsEach)) assert.equal(wrongly(platform, request, set.now), byReference(platform, request, set.now))
    }), { numRuns: 4_000, endOnFailure: true })
    assert.ok(found.failed, 'some request to some platform tells the two apart')
  })
}

test('two readings of a path agree on whatever a client may send', () => {
  const piece = fc.constantFrom('/', '/', '.', '..', '%2e', '%2E', 'a', 'B', ';', '\\', '%61', '%2F', '%5c', '%20', '"', '{', '?', '#', '%25', '%', '%0', '%7f', '2', '66', '%32', ' ', 'é', '~', '%7E')
  fc.assert(fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
    for (const target of [pieces.join(''), `/${pieces.join('')}`]) assert.equal(pathAsJudged(target), normalPath(target), target)
  }), { numRuns: 10_000 })
})

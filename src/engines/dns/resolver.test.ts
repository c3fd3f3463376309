import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { manualClock } from '../../base/clock.ts'
import { admissions } from './admissions.ts'
import { boundedCache } from './cache.ts'
import { askerLimits, buckets, rememberedNames } from './limits.ts'
import { verdictRecords } from './records.ts'
import { createResolver } from './resolver.ts'
import { noZones } from './zones.ts'
import { addressOf, queryBytes, readReply, rendered, testNow } from './testing.ts'
import type { Decided, NameVerdict } from './records.ts'
import type { Asked } from './upstream.ts'

const documents = `
{ apiVersion: bulkhead.dev/v1, kind: Enclave, metadata: { name: e }, spec: {} }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: a, enclave: e }, spec: { ports: [80] } }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: b, enclave: e }, spec: { ports: [80] } }
---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: pypi }, spec: { domains: [pypi.org, "*.cdn.example.com"] } }
---
apiVersion: bulkhead.dev/v1
kind: EgressPolicy
metadata: { name: out, enclave: e }
spec: { source: [a, b], destination: external:pypi, protocol: tcp, port: 443 }
`
const gateways = [{ name: 'outbound', addresses: [addressOf('10.128.0.3')], names: [] }] as const
const zones = rendered(documents, { gateways }).zones
const withoutPolicy = rendered(documents.slice(0, documents.indexOf('apiVersion: bulkhead.dev/v1\nkind: EgressPolicy')), { gateways }).zones
const [a, b, gateway] = ['10.128.0.16', '10.128.0.17', '10.128.0.3']

interface Setup {
  readonly ask?: (name: string, type: string) => Promise<Asked>
  readonly admit?: () => Promise<boolean>
}

function setup({ ask, admit }: Setup = {}) {
  const asked: string[] = []
  const admitted: { asker: string; name: string; addresses: readonly string[]; ttl: number }[] = []
  const records: Decided[] = []
  const clock = manualClock(testNow)
  const resolver = createResolver({
    clock: clock.now,
    records: { add: (record) => void records.push(record) },
    admissions: {
      request(wanted) {
        admitted.push(wanted)
        return admit?.() ?? Promise.resolve(true)
      },
    },
    ask(name, type) {
      asked.push(`${type} ${name}`)
      return ask?.(name, type) ?? Promise.resolve({ kind: 'answer', answer: { rcode: 'NOERROR', addresses: type === 'A' ? ['151.101.0.223'] : ['2a04:4e42::223'], ttl: 60 } })
    },
  })
  resolver.setZones(zones)
  const look = async (name: string, type = 'A', from: string = a): Promise<string> => {
    const told = readReply(await resolver.handle(queryBytes(name, type), { address: from, transport: 'udp' }))
    return told === undefined ? 'nothing' : [told.rcode, ...told.addresses].join(' ')
  }
  return { resolver, look, asked, admitted, records, clock }
}

test('addresses from outside are admitted to the identity before they are told, for as long as they are told', async () => {
  const order: string[] = []
  const { look, admitted, records } = setup({ admit: async () => {
    await sleep(5)
    order.push('admitted')
    return true
  } })
  assert.equal(await look('pypi.org').finally(() => order.push('told')), 'NOERROR 151.101.0.223')
  assert.deepEqual(order, ['admitted', 'told'])
  assert.deepEqual(admitted, [{ asker: 'e/a@running', name: 'pypi.org', addresses: ['151.101.0.223'], ttl: 60 }])
  assert.deepEqual(records, [{
    verdict: 'allow', reason: 'policy', asker: 'e/a@running', address: a, name: 'pypi.org', type: 'A', transport: 'udp', answer: 'NOERROR',
    addresses: ['151.101.0.223'], policies: ['EgressPolicy e/out'],
  }])
})

test('what is not admitted is not told', async () => {
  const { look, records } = setup({ admit: () => Promise.resolve(false) })
  assert.equal(await look('pypi.org'), 'SERVFAIL')
  assert.deepEqual(records.map(({ verdict, reason }) => [verdict, reason]), [['deny', 'not-admitted']])
})

test('what was not admitted, or failed, is not asked upstream again and again', async () => {
  let open = false
  const { look, asked, admitted, clock } = setup({ admit: () => Promise.resolve(open) })
  await look('pypi.org')
  clock.advance(20_000)
  open = true
  assert.equal(await look('pypi.org'), 'NOERROR 151.101.0.223')
  assert.deepEqual([asked.length, admitted.map(({ ttl }) => ttl)], [1, [60, 40]])
  const failing = setup({ ask: () => Promise.resolve({ kind: 'failed', why: 'no answer' }) })
  for (let n = 0; n < 5; n++) assert.equal(await failing.look('pypi.org'), 'SERVFAIL')
  assert.equal(failing.asked.length, 1)
  failing.clock.advance(10_000)
  await failing.look('pypi.org')
  assert.equal(failing.asked.length, 2)
})

test('an answer serves its asker until it is old, and nobody else', async () => {
  const { look, asked, admitted, clock } = setup()
  await look('pypi.org')
  await look('PYPI.org')
  assert.deepEqual([asked.length, admitted.length], [1, 1])
  await look('pypi.org', 'A', b)
  assert.deepEqual(asked, ['A pypi.org', 'A pypi.org'])
  clock.advance(59_000)
  await look('pypi.org')
  assert.equal(asked.length, 2)
  clock.advance(1000)
  await look('pypi.org')
  assert.equal(asked.length, 3)
})

test('equal questions at one time are one question', async () => {
  const { look, asked, admitted } = setup()
  const told = await Promise.all(Array.from({ length: 10 }, () => look('pypi.org')))
  assert.deepEqual([new Set(told).size, asked.length, admitted.length], [1, 1, 1])
})

test('a revoked name is gone at once, also from the cache and from answers on their way', async () => {
  const { promise, resolve } = Promise.withResolvers<Asked>()
  let slow = false
  const { resolver, look, asked, admitted } = setup({ ask: () => (slow ? promise : Promise.resolve({ kind: 'answer', answer: { rcode: 'NOERROR', addresses: ['151.101.0.223'], ttl: 60 } })) })
  await look('pypi.org')
  slow = true
  const underWay = look('pypi.org', 'A', b)
  resolver.setZones(withoutPolicy)
  resolve({ kind: 'answer', answer: { rcode: 'NOERROR', addresses: ['151.101.0.223'], ttl: 60 } })
  assert.equal(await underWay, 'REFUSED')
  assert.equal(await look('pypi.org'), 'REFUSED')
  assert.equal(admitted.length, 1)
  slow = false
  resolver.setZones(zones)
  await look('pypi.org')
  assert.deepEqual([asked.length, admitted.length], [3, 2], 'granted again, it is asked and admitted anew')
})

test('what is admitted while the zones change is admitted again under the new ones', async () => {
  const first = Promise.withResolvers<boolean>()
  let times = 0
  const { resolver, look, admitted } = setup({ admit: () => (times++ === 0 ? first.promise : Promise.resolve(true)) })
  const underWay = look('pypi.org')
  await sleep(1)
  resolver.setZones(zones)
  first.resolve(true)
  assert.equal(await underWay, 'NOERROR 151.101.0.223')
  assert.equal(admitted.length, 2)
})

test('a flush has everything admitted anew', async () => {
  const { resolver, look, admitted } = setup()
  await look('pypi.org')
  resolver.flush()
  await look('pypi.org')
  assert.equal(admitted.length, 2)
})

test('what is upstream and does not answer, answers nonsense or a forbidden address gives no answer', async () => {
  assert.equal(await setup({ ask: () => Promise.resolve({ kind: 'failed', why: 'no answer' }) }).look('pypi.org'), 'SERVFAIL')
  assert.equal(await setup({ ask: () => Promise.resolve({ kind: 'answer', answer: { rcode: 'NXDOMAIN', addresses: [], ttl: 30 } }) }).look('pypi.org'), 'NXDOMAIN')
  const { look, admitted } = setup({ ask: () => Promise.resolve({ kind: 'answer', answer: { rcode: 'NOERROR', addresses: ['10.0.0.1'], ttl: 30 } }) })
  assert.equal(await look('pypi.org'), 'REFUSED')
  assert.equal(admitted.length, 0)
})

test('before there are zones everything is refused', async () => {
  const { resolver, look, asked } = setup()
  resolver.setZones(noZones)
  assert.equal(await look('a'), 'REFUSED')
  assert.equal(await look('pypi.org'), 'REFUSED')
  assert.deepEqual(asked, [])
})

test('the clock of the machine set back revives nothing', async () => {
  const { resolver, look, clock } = setup()
  resolver.setZones(JSON.parse(JSON.stringify(zones).replaceAll('"documents":["EgressPolicy e/out"]', `"documents":["EgressPolicy e/out"],"until":${testNow + 1000}`)) as typeof zones)
  assert.equal(await look('pypi.org'), 'NOERROR 151.101.0.223')
  clock.advance(1000)
  assert.equal(await look('pypi.org'), 'REFUSED')
  clock.advance(-5000)
  assert.equal(await look('pypi.org'), 'REFUSED')
})

test('an asker that asks too much hears nothing, and others notice nothing', async () => {
  const { look, records, clock } = setup()
  const told = []
  for (let n = 0; n < askerLimits.queries.burst + 10; n++) told.push(await look('ghost'))
  assert.equal(told.filter((each) => each === 'nothing').length, 10)
  assert.ok(records.some(({ reason }) => reason === 'rate'))
  assert.equal(await look('b', 'A', b), 'NOERROR 10.128.0.17')
  clock.advance(1000)
  assert.equal(await look('ghost'), 'REFUSED')
})

test('an asker has few questions on their way at a time', async () => {
  const { promise, resolve } = Promise.withResolvers<Asked>()
  const { look } = setup({ ask: () => promise })
  const many = Array.from({ length: askerLimits.waiting }, () => look('pypi.org'))
  assert.equal(await look('pypi.org'), 'SERVFAIL')
  resolve({ kind: 'answer', answer: { rcode: 'NOERROR', addresses: [], ttl: 30 } })
  assert.deepEqual([...new Set(await Promise.all(many))], ['NOERROR'])
})

test('new names under a wildcard leave slowly, and known ones within their own rate', async () => {
  const { look, asked, clock, records } = setup()
  for (let n = 0; n < 100; n++) await look(`n${n}.cdn.example.com`)
  assert.equal(asked.length, askerLimits.newNames.burst)
  assert.ok(records.some(({ reason }) => reason === 'wildcard-rate'))
  assert.equal(await look('n0.cdn.example.com', 'A', b), 'NOERROR 151.101.0.223')
  clock.advance(60_000)
  for (let n = 100; n < 200; n++) await look(`n${n}.cdn.example.com`)
  assert.equal(asked.length - 1, askerLimits.newNames.burst + 6)
})

test('a gateway asks for names under a wildcard only after a workload was allowed to', async () => {
  const { look, asked, admitted } = setup()
  assert.equal(await look('payload.cdn.example.com', 'A', gateway), 'REFUSED')
  assert.deepEqual(asked, [])
  await look('edge.cdn.example.com')
  assert.equal(await look('edge.cdn.example.com', 'AAAA', gateway), 'NOERROR 2a04:4e42::223')
  assert.equal(await look('pypi.org', 'A', gateway), 'NOERROR 151.101.0.223')
  assert.equal(admitted.length, 1, 'the gateway itself needs no admission')
})

test('a gateway asks for everybody: what one makes it ask keeps none of the others from their names', async () => {
  // Names that nobody may ask for, as fast as connections can name them.
  const { look, asked } = setup()
  for (let n = 0; n < 3 * askerLimits.queries.burst; n++) assert.equal(await look(`n${n}.cdn.example.com`, 'A', gateway), 'REFUSED')
  for (let n = 0; n < 3 * askerLimits.queries.burst; n++) assert.equal(await look(`n${n}.other.example`, 'A', gateway), n < askerLimits.queries.burst ? 'REFUSED' : 'nothing')
  assert.deepEqual(asked, [])
  assert.equal(await look('pypi.org', 'A', gateway), 'NOERROR 151.101.0.223')
  // One name, as often as can be.
  for (let n = 0; n < askerLimits.queries.burst; n++) await look('pypi.org', 'A', gateway)
  assert.equal(await look('pypi.org', 'A', gateway), 'nothing')
  await look('edge.cdn.example.com')
  assert.equal(await look('edge.cdn.example.com', 'A', gateway), 'NOERROR 151.101.0.223')
})

test('names whose servers never answer keep a gateway from no other policy\'s names', async () => {
  const never = new Promise<Asked>(() => undefined)
  const good: Asked = { kind: 'answer', answer: { rcode: 'NOERROR', addresses: ['151.101.0.223'], ttl: 60 } }
  let slow = false
  const { look, asked } = setup({ ask: (name) => (slow && name.endsWith('.cdn.example.com') ? never : Promise.resolve(good)) })
  for (let n = 0; n < askerLimits.newNames.burst; n++) await look(`n${n}.cdn.example.com`)
  slow = true
  const before = asked.length
  const waiting = Array.from({ length: askerLimits.newNames.burst }, (_, n) => ['A', 'AAAA'].map((type) => look(`n${n}.cdn.example.com`, type, gateway))).flat()
  assert.ok(waiting.length > askerLimits.waiting)
  assert.equal(await waiting.at(-1), 'SERVFAIL')
  assert.equal(asked.length - before, askerLimits.waiting)
  assert.equal(await look('pypi.org', 'A', gateway), 'NOERROR 151.101.0.223')
})

test('buckets, remembered names and caches hold what they are told to hold', () => {
  const { take, keep } = buckets({ burst: 2, perSecond: 1 })
  assert.deepEqual([take('x', 0), take('x', 0), take('x', 0), take('x', 1000), take('x', 1000), take('y', 1000)], [true, true, false, true, false, true])
  keep(() => false)
  assert.equal(take('x', 1000), true)

  const names = rememberedNames(2)
  for (const name of ['1', '2', '1', '3']) names.add('x', name)
  names.add('y', '2')
  assert.deepEqual([names.has('x', '1'), names.has('x', '2'), names.known('2'), names.known('9')], [true, false, true, false])
  names.keep((asker) => asker === 'x')
  assert.deepEqual([names.known('2'), names.known('1')], [false, true])

  const cache = boundedCache<number>({ perAsker: 2, total: 3 })
  for (const [asker, key] of [['x', 'a'], ['x', 'b'], ['x', 'c'], ['y', 'a'], ['z', 'a']] as const) cache.set(asker, key, 1, 0, 1000)
  assert.deepEqual([cache.get('x', 'a', 0), cache.get('x', 'c', 400)?.left, cache.get('y', 'a', 0)?.value, cache.get('z', 'a', 0), cache.size()], [undefined, 600, 1, undefined, 3])
  assert.equal(cache.get('x', 'c', 1000), undefined)
  cache.keep((asker) => asker === 'y')
  assert.equal(cache.size(), 1)
})

test('an admission that nobody answers in time, or that cannot be sent, is none', async () => {
  const sent: number[] = []
  const { request, settle } = admissions(({ id }) => sent.push(id) > 0, 30)
  const wanted = { asker: 'e/a@running', name: 'pypi.org', addresses: ['151.101.0.223'], ttl: 60 }
  const late = request(wanted)
  assert.equal(await late, false)
  const inTime = request(wanted)
  settle(sent[1] ?? 0, true)
  settle(sent[0] ?? 0, true)
  assert.equal(await inTime, true)
  assert.equal(await admissions(() => false, 30).request(wanted), false)
})

test('like decisions are one record with their count, and what cannot be kept is counted', () => {
  const written: NameVerdict[] = []
  const lost: number[] = []
  const records = verdictRecords((record) => record.name !== 'unkept' && written.push(record) > 0, (count) => lost.push(count))
  const decided = { verdict: 'deny', reason: 'no-policy', address: a, name: 'x', type: 'A', transport: 'udp', answer: 'REFUSED' } as const
  records.add(decided, testNow)
  records.add(decided, testNow + 5)
  records.add({ ...decided, name: 'unkept' }, testNow)
  for (let n = 0; n < 3000; n++) records.add({ ...decided, name: `n${n}` }, testNow)
  records.flush()
  assert.deepEqual([written[0]?.count, written[0]?.time, written[0]?.until], [2, '2030-01-01T00:00:00.000Z', '2030-01-01T00:00:00.005Z'])
  assert.deepEqual([written.length, lost], [1999, [1003]])
})

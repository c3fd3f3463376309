import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allows, read } from '../engines/nats/read.ts'
import { render } from '../engines/nats/render.ts'
import { compile } from '../intent/compile.ts'
import { decide } from '../intent/decide.ts'
import { federation, group, platformOf, service, workload } from '../model/testing.ts'
import { coversSubject } from '../net/subject.ts'
import { referenceDecide } from './reference.ts'
import { messageAllowed } from './reference/messages.ts'
import type { Platform, WorkloadId } from '../model/platform.ts'

const brokers: readonly WorkloadId[] = ['e/bus', 'e/bus2']
const others: readonly WorkloadId[] = ['e/a', 'e/b', 'e/c', 'f/g', 'f/h']
const now = 1_000

const part = fc.constantFrom('x', 'y', '*')
const pattern = fc.tuple(fc.constantFrom('s', 't'), fc.array(part, { maxLength: 2 }), fc.boolean()).map(([first, rest, more]) => [first, ...rest, ...(more ? ['>'] : [])].join('.'))
const list = fc.array(pattern, { maxLength: 2 }).map((all) => (all.length === 0 ? '-' : [...new Set(all)].join(',')))
const traffic = fc.oneof({ weight: 4, arbitrary: fc.tuple(list, list).map(([out, heard]) => `nats ${out} ${heard}`) }, { weight: 1, arbitrary: fc.constantFrom('tcp nats', 'tcp 4222', 'any') })
const expires = fc.constantFrom({}, {}, {}, { expires: now }, { expires: now + 1 })
const inside = fc.constantFrom('e/a', 'e/b', 'e/c', 'e/*', 'group:e/all', 'labels:e:k=v', 'e/bus')
const guest = fc.constantFrom('f/g', 'f/h', 'f/*')
const broker = fc.constantFrom('e/bus', 'e/bus2', 'e/*')

const services = fc.array(fc.tuple(inside, broker, traffic, expires), { maxLength: 4 })
const halves = fc.array(fc.tuple(guest, broker, traffic, expires), { maxLength: 3 })

const platforms: fc.Arbitrary<Platform> = fc.tuple(services, halves, halves).map(([own, exported, imported]) =>
  platformOf({
    workloads: [
      ...others.map((id) => workload(id, { groups: id.startsWith('e/') ? ['all'] : [], labels: { k: id === 'e/c' ? 'w' : 'v' }, ports: [{ name: 'nats', port: 4222, protocol: 'tcp' }] })),
      ...brokers.map((id) => workload(id, { broker: 'nats', ports: [{ name: 'nats', port: 4222, protocol: 'tcp' }] })),
    ],
    groups: [group('e/all', ['e/a', 'e/b'])],
    servicePolicies: own.map(([source, destination, what, end], i) => service(`e/p${i}`, source, destination, what, end)),
    federationPolicies: [
      ...exported.map(([source, destination, what, end], i) => federation(`e/x${i}`, { exports: [[source, destination, what]] }, end)),
      ...imported.map(([source, destination, what, end], i) => federation(`f/i${i}`, { imports: [[source, destination, what]] }, end)),
    ],
  }),
)

const subjects = ['s', 't', 's.x', 's.y', 's.x.y', 's.x.x', 's.y.x', 's.x.y.x', 't.z', 'u', '$SYS.x', '_INBOX', '_INBOX.e', '_INBOX.e.a', '_INBOX.e.a.1', '_INBOX.e.b.1.2', '_INBOX.f.g.1', '_INBOX.e.bus.1']
const placed = { listen: '0.0.0.0', certificateFile: '/c', keyFile: '/k', bundleFile: '/b' }

interface Tried {
  allowed: number
  denied: number
  refused: number
}

/** Throws where the configuration, changed by `broken`, says anything else than the documents. */
function agreement(tried: Tried, broken: (text: string) => string): fc.IProperty<[Platform]> {
  return fc.property(platforms, (platform) => {
    const { configurations, refused } = render(platform, compile(platform).intent, { brokers: new Map(brokers.map((id) => [id, placed])) }, { now })
    for (const at of brokers) {
      const reading = read(broken(configurations.get(at) ?? ''))
      for (const source of [...others, ...brokers]) {
        for (const action of ['publish', 'subscribe'] as const) {
          for (const subject of subjects) {
            const meant = messageAllowed(platform, { source, broker: at, action, subject }, now)
            const found = allows(reading, `spiffe://${platform.trustDomain}/enclave/${source.replace('/', '/workload/')}`, action, subject)
            tried[meant ? 'allowed' : 'denied']++
            if (meant === found) continue
            const hers = refused.filter(({ path }) => path.destination.kind === 'workload' && path.destination.workload === at)
            const own = hers.filter(({ path }) => path.source.kind === 'workload' && path.source.workload === source)
            // Who may not hear a question may not answer it either.
            const explained = action === 'subscribe' ? own.some((r) => coversSubject(r.subject ?? '', subject)) : own.length > 0 && subject.startsWith('_INBOX.')
            assert.ok(meant && explained, `${source} ${action} ${subject} at ${at}: meant ${meant}, found ${found}`)
            tried.refused++
          }
        }
      }
    }
  })
}

test('what the configuration of a broker permits is what the documents permit, less what is refused by name', () => {
  const tried = { allowed: 0, denied: 0, refused: 0 }
  fc.assert(agreement(tried, (text) => text), { numRuns: 300 })
  assert.ok(tried.allowed > 1_000 && tried.denied > 1_000 && tried.refused > 0, JSON.stringify(tried))
})

const mistakes: Readonly<Record<string, (text: string) => string>> = {
  'denies nothing below a star': (text) => text.replaceAll(/, deny: \["[a-z].*\]/g, ''),
  'writes an empty list for nothing': (text) => text.replaceAll('{ deny: [">"] }', '{ allow: [] }'),
  'shares its inboxes': (text) => text.replaceAll(/subscribe: \{ allow: \["_INBOX\.[a-z.]+>"/g, 'subscribe: { allow: ["_INBOX.>"'),
  'lets everybody answer': (text) => text.replaceAll('publish: { allow: [', 'publish: { allow: ["_INBOX.>", '),
  'knows nobody by certificate': (text) => text.replace('verify_and_map: true', 'verify: true'),
}

for (const [mistake, broken] of Object.entries(mistakes)) {
  test(`a configuration that ${mistake} is found out`, () => {
    assert.ok(fc.check(agreement({ allowed: 0, denied: 0, refused: 0 }, broken), { numRuns: 200, endOnFailure: true }).failed)
  })
}

test('a policy about messages opens the way to the broker and to nothing else, for the intent and for the reference', () => {
  const seen = { allow: 0, deny: 0 }
  fc.assert(fc.property(platforms, (platform) => {
    const { intent } = compile(platform)
    for (const from of [...others, ...brokers]) {
      for (const to of [...others, ...brokers]) {
        for (const port of [4222, 4223]) {
          const flow = { source: { kind: 'workload', workload: from }, destination: { kind: 'workload', workload: to }, protocol: 'tcp', port, phase: undefined } as const
          const verdict = referenceDecide(platform, flow, now)
          seen[verdict]++
          assert.equal(decide(platform, intent, flow, now).verdict, verdict, `${from} to ${to} on ${port}`)
        }
      }
    }
  }), { numRuns: 200 })
  assert.ok(seen.allow > 500, JSON.stringify(seen))
})

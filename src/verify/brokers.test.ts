import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareBroker } from './brokers.ts'
import { compile } from '../intent/compile.ts'
import { federation, platformOf, service, workload } from '../model/testing.ts'
import { render } from '../engines/nats/render.ts'
import type { BrokerComparison } from './brokers.ts'

const port = { name: 'nats', port: 4222, protocol: 'tcp' } as const
const platform = platformOf({
  workloads: [...['e/a', 'e/b', 'e/c', 'f/g'].map((id) => workload(id as 'e/a', { ports: [port] })), workload('e/bus', { broker: 'nats', ports: [port] })],
  servicePolicies: [service('e/out', 'e/a', 'e/bus', 'nats news.> -'), service('e/in', 'e/b', 'e/bus', 'nats - news.today,star.*')],
  federationPolicies: [federation('e/far', { exports: [['f/g', 'e/bus', 'nats jobs.* -']] }), federation('f/near', { imports: [['f/g', 'e/bus', 'nats jobs.one -']] })],
})
const placed = { listen: '0.0.0.0', certificateFile: '/c', keyFile: '/k', bundleFile: '/b' }
const { configurations, refused } = render(platform, compile(platform).intent, { brokers: new Map([['e/bus', placed]]) }, { now: 0 })
const text = configurations.get('e/bus') ?? ''
const comparing = (changed: string): BrokerComparison => compareBroker(platform, 'e/bus', changed, refused, placed, 0)

test('a broker\'s configuration that was made from the documents says what they say', () => {
  const { compared, permitted, differences } = comparing(text)
  assert.deepEqual(differences, [])
  assert.ok(compared > 100 && permitted >= 8, `${compared} ${permitted}`)
})

const user = '{ user: "spiffe://stranger.example/x", permissions: { publish: { allow: ["news.x"] }, subscribe: { deny: [">"] } } }'
const mistakes: Readonly<Record<string, readonly [(text: string) => string, RegExp]>> = {
  'more subjects': [(t) => t.replace('"jobs.one"', '"jobs.>"'), /f\/g may publish `jobs\.any`, should not/],
  'fewer subjects': [(t) => t.replace('"news.today"', '"news.later"'), /e\/b may not subscribe `news\.today`, should be able to/],
  'what lies below a star': [(t) => t.replace(/, deny: \["star[^\]]*\]/, ''), /e\/b may subscribe `star\.any\.more`, should not/],
  'everybody\'s inbox': [(t) => t.replaceAll('_INBOX.e.a.>', '_INBOX.>'), /e\/a may subscribe `_INBOX\.f\.g\.any`, should not/],
  'the rights of another': [(t) => t.replace('/workload/b"', '/workload/c"'), /e\/c may subscribe `news\.today`, should not/],
  'a user of nobody': [(t) => t.replace('users: [', `users: [ ${user}`), /lets in `spiffe:\/\/stranger\.example\/x`/],
  'another authority': [(t) => t.replace('ca_file: "/b"', 'ca_file: "/other"'), /believes `\/other`, should believe `\/b`/],
  'another port': [(t) => t.replace('"0.0.0.0:4222"', '"0.0.0.0:4223"'), /listens at `0\.0\.0\.0:4223`, should listen at `0\.0\.0\.0:4222`/],
  'nobody known by a certificate': [(t) => t.replace('verify_and_map: true', 'verify: true'), /clients are not known by their certificates/],
  'another way in': [(t) => `http_port: 8222\nhttp: 8222\n${t}`, /`http` is another way in/],
}

for (const [mistake, [change, found]] of Object.entries(mistakes)) {
  test(`a broker's configuration with ${mistake} is found out`, () => {
    assert.notEqual(change(text), text)
    assert.match(comparing(change(text)).differences.join('\n'), found)
  })
}

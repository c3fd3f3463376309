import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { compile } from '../../intent/compile.ts'
import { platformOf, service, workload } from '../../model/testing.ts'
import { capabilities } from './capabilities.ts'
import { render } from './render.ts'
import type { ServicePolicy } from '../../model/platform.ts'
import type { PlacedBroker } from './inventory.ts'

const bus = workload('e/bus', { broker: 'nats', ports: [{ name: 'nats', port: 4222, protocol: 'tcp' }] })
const placed: PlacedBroker = { listen: '0.0.0.0', certificateFile: '/run/svid/svid.pem', keyFile: '/run/svid/svid_key.pem', bundleFile: '/run/svid/bundle.pem' }

function rendered(policies: readonly ServicePolicy[], now = 0, here = true) {
  const platform = platformOf({ workloads: [bus, ...['a', 'b', 'c'].map((name) => workload(`e/${name}`))], servicePolicies: policies })
  const { configurations, refused } = render(platform, compile(platform).intent, { brokers: new Map(here ? [['e/bus', placed]] : []) }, { now })
  return { text: configurations.get('e/bus'), refused }
}

test('a whole configuration is as it was written down by hand', () => {
  const { text, refused } = rendered([
    service('e/asks', 'e/a', 'e/bus', 'nats orders.new,time.* -'), service('e/hears', 'e/b', 'e/bus', 'nats - orders.*,audit.>'),
    service('e/both', 'e/c', 'e/bus', 'nats audit.c time.now'), service('e/connects', 'e/a', 'e/bus', 'tcp nats'),
  ])
  assert.equal(text, readFileSync(join(import.meta.dirname, 'testdata/broker.conf'), 'utf8'))
  assert.deepEqual(refused, [])
})

test('nobody is in the configuration of a broker that no policy leads to, and an ended policy leads nowhere', () => {
  const { text } = rendered([])
  assert.match(text ?? '', /users: \[\n {2}\]/)
  assert.equal(rendered([service('e/ended', 'e/a', 'e/bus', 'nats x -', { expires: 5 })], 5).text, text)
  assert.notEqual(rendered([service('e/ended', 'e/a', 'e/bus', 'nats x -', { expires: 5 })], 4).text, text)
})

test('a broker that is not here is refused by name', () => {
  const { text, refused } = rendered([service('e/p', 'e/a', 'e/bus', 'nats x -')], 0, false)
  assert.equal(text, undefined)
  assert.deepEqual(refused.map(({ code, path }) => [code, path.origin[0]?.document]), [['no-broker', 'ServicePolicy e/p']])
})

test('what a subscriber would lose beside `a.*` is refused by name', () => {
  const { text = '', refused } = rendered([service('e/p', 'e/a', 'e/bus', 'nats - a.*,a.b.c,a.b.>,b.c.d')])
  assert.deepEqual(refused.map(({ code, subject }) => [code, subject]), [['below-star', 'a.b.>']])
  assert.match(text, /subscribe: \{ allow: \["a\.\*", "b\.c\.d"\], deny: \["a\.\*\.>"\] \}/)
  assert.match(refused[0]?.reason ?? '', /`a\.b\.>` beside `a\.\*`/)
})

test('each row of the capabilities says whether and how', () => {
  assert.ok(capabilities.length > 0 && capabilities.every(({ what, how }) => what !== '' && how !== ''))
})

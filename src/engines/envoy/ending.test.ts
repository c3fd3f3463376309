import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endings, listeningPorts, ruleOf } from './ending.ts'
import { everything, intentOf, inventoryOf } from './testing.ts'
import { render } from './render.ts'
import type { Platform } from '../../model/platform.ts'

const file = (platform: Platform, direction: 'inbound' | 'outbound'): string => render(platform, intentOf(platform), inventoryOf(platform), { now: 0 })[direction].files.get('lds.json') ?? ''
const platform = everything()

test('the same configuration ends nothing, and neither does a new chain', () => {
  for (const direction of ['inbound', 'outbound'] as const) {
    const whole = file(platform, direction)
    assert.deepEqual(endings(whole, whole), [])
    const less = JSON.parse(whole) as { resources: { filter_chains: unknown[] }[] }
    less.resources[0]?.filter_chains.shift()
    assert.deepEqual(endings(JSON.stringify(less), whole), [])
    assert.equal(endings(whole, JSON.stringify(less)).length, 1)
    const { resources } = JSON.parse(whole) as { resources: { address: { socket_address: { port_value: number } } }[] }
    assert.deepEqual([...listeningPorts(whole)].sort(), [...new Set(resources.map(({ address }) => address.socket_address.port_value))].sort())
  }
})

test('a rule that goes ends its own chain, a listener that changes ends all of its own, and what cannot be read says nothing', () => {
  const whole = file(platform, 'outbound')
  const [first] = platform.egressPolicies
  const ended = endings(whole, file({ ...platform, egressPolicies: platform.egressPolicies.filter((policy) => policy !== first) }, 'outbound'))
  assert.ok(ended.length > 0 && ended.every(({ listener, chains }) => listener.startsWith('names:') && chains.length > 0))
  const other = JSON.parse(whole) as { resources: { name: string; per_connection_buffer_limit_bytes: number; filter_chains: { name: string }[] }[] }
  const [listener] = other.resources
  assert.ok(listener !== undefined)
  listener.per_connection_buffer_limit_bytes += 1
  assert.deepEqual(endings(whole, JSON.stringify(other)).map(({ chains }) => chains), [listener.filter_chains.map(({ name }) => name).sort()])
  assert.deepEqual(endings(whole, '').length, other.resources.length)
  assert.deepEqual([endings('', whole), endings('no file', whole), listeningPorts('{}')], [[], [], []])
})

test('a rule is called as long as it is one, whatever its content', () => {
  assert.equal(ruleOf('tls:e/api@running:443:pypi.org:0123456789abcdef'), 'tls:e/api@running:443:pypi.org')
  assert.equal(ruleOf('redirect'), 'redirect')
})

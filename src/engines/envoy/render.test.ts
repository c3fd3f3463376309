import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyPlatform, ingress, proxyOf, route } from '../../model/testing.ts'
import { envoyOrSkip, everything, intentOf, inventoryOf } from './testing.ts'
import { isFault } from '../../base/fault.ts'
import { readGateway } from './read.ts'
import { render } from './render.ts'
import { validate } from './testing/validate.ts'
import type { Platform } from '../../model/platform.ts'

const rendered = (platform: Platform, now = 0) => render(platform, intentOf(platform), inventoryOf(platform), { now })

for (const [name, platform] of [['a platform with something of everything', everything()], ['no documents', emptyPlatform()], ['a proxy on the way out', { ...everything(), egressProxy: { host: 'proxy.example.org', port: 3128 } }]] as const) {
  test(`Envoy accepts what is rendered for ${name}`, async (t) => {
    const envoy = envoyOrSkip(t)
    if (envoy === undefined) return
    const artefacts = rendered(platform)
    assert.deepEqual(artefacts.refused.map(({ code, path }) => `${code} ${path.origin[0]?.document}`), [])
    for (const direction of ['outbound', 'inbound'] as const) await validate(envoy, artefacts[direction], '/run/envoy')
  })
}

test('what Envoy does not accept is a fault that says what it said', async (t) => {
  const envoy = envoyOrSkip(t)
  if (envoy === undefined) return
  const { outbound } = rendered(everything())
  const files = new Map([...outbound.files, ['lds.json', (outbound.files.get('lds.json') ?? '').replaceAll('"filter_chains"', '"filter_chainz"')]])
  await assert.rejects(validate(envoy, { files, needs: outbound.needs }, '/run/envoy'), (error) => isFault(error) && /does not accept the configuration: .*filter_chainz/.test(error.message))
})

test('the same platform gives the same bytes, and nothing opens nothing', () => {
  assert.deepEqual(rendered(everything()).inbound.files, rendered(everything()).inbound.files)
  const { outbound, inbound } = rendered(emptyPlatform())
  assert.deepEqual([outbound.used, inbound.used, outbound.rules.size, inbound.needs.length], [false, false, 0, 0])
})

test('a policy that has expired leaves no chain to outside', () => {
  const platform = everything()
  const ended = { ...platform, egressPolicies: platform.egressPolicies.map((policy) => ({ ...policy, expires: 5 })) }
  assert.ok(![...rendered(ended, 5).outbound.rules.values()].flat().some((document) => document.startsWith('EgressPolicy')))
  assert.ok([...rendered(ended, 4).outbound.rules.values()].flat().some((document) => document.startsWith('EgressPolicy')))
})

test('a key set that cannot be read, and an External without addresses, are refused by name', () => {
  const platform = everything()
  const inventory = { ...inventoryOf(platform), keySets: new Map() }
  assert.deepEqual(render(platform, intentOf(platform), inventory, { now: 0 }).refused.map(({ code }) => code), ['key-set'])
  const named = { ...platform, ingressPolicies: [ingress('a/named', 'external:pypi', 'a/api', 'tcp 8080', undefined, { proxy: proxyOf() })] }
  assert.deepEqual(rendered(named).refused.map(({ code }) => code), ['source-addresses'])
})

test('what a policy with an unreadable key set asks for falls to no other policy of the name', () => {
  const platform = everything()
  const guarded = (now: number, keySets: ReadonlyMap<string, string>) => {
    const [name, token] = ['both.example.org', platform.ingressPolicies.find((policy) => policy.name === 'token')]
    assert.ok(token?.gateway.kind === 'proxy')
    const { authentication } = token.gateway.proxy
    const policies = [
      ingress('a/guarded', 'external:anyone', 'a/api', 'tcp 8080', undefined, { proxy: proxyOf({ hosts: [name], authentication, routes: [route('/admin*')] }), expires: 5 }),
      ingress('a/wide', 'external:anyone', 'a/api', 'tcp 8080', undefined, { proxy: proxyOf({ hosts: [name], authentication: { kind: 'none' } }) }),
    ]
    const set = { ...platform, ingressPolicies: policies }
    const inventory = { ...inventoryOf(set), keySets }
    const read = readGateway(render(set, intentOf(set), inventory, { now }).inbound.files, new Map())
    return ['/admin', '/'].map((path) => {
      const outcome = read({ arrives: 9443, source: '203.0.113.9', destination: '10.128.0.4', port: 9443, sni: name, request: { host: name, method: 'GET', path }, caller: { kind: 'nobody' } })
      return outcome.kind === 'answered' ? outcome.status : outcome.kind
    })
  }
  assert.deepEqual(guarded(0, inventoryOf(platform).keySets), [401, 'addresses'])
  assert.deepEqual(guarded(0, new Map()), [403, 'addresses'])
  assert.deepEqual(guarded(5, new Map()), [403, 'addresses'])
})

test('without a gateway in the platform nothing comes in, by name', () => {
  const { refused, inbound } = rendered({ ...everything(), gateway: undefined })
  assert.ok(refused.length > 0 && refused.every(({ code }) => code === 'no-gateway'))
  assert.ok([...inbound.rules.keys()].every((name) => name.startsWith('mesh:spiffe://bulkhead.internal/')))
})

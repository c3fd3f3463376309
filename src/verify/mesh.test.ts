/** What goes encrypted between gateways, read back from their files, against the reference: every way that is open, and every one that should be. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressFromBits } from '../net/address.ts'
import { compareMesh } from './mesh.ts'
import { compile } from '../intent/compile.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { everything, intentOf, inventoryOf } from '../engines/envoy/testing.ts'
import { hasErrors } from '../base/diagnostic.ts'
import { platformOf } from './testing/load.ts'
import { render } from '../engines/envoy/render.ts'
import type { GatewayComparison } from './gateways.ts'
import type { GatewayInventory } from '../engines/envoy/inventory.ts'
import type { Platform } from '../model/platform.ts'

const minute = 60_000

/** A stand-in for each workload, beside its place. */
function withShadows(platform: Platform): GatewayInventory {
  const inventory = inventoryOf(platform)
  const shadows = inventory.workloads.map(({ workload, phase }, i) => ({ workload, phase, addresses: [addressFromBits(4, 0x0a80_ff00n + BigInt(i)), addressFromBits(6, (0xfdbb_0001n << 96n) + 0xff00n + BigInt(i))] }))
  const peers = platform.federationPolicies.flatMap(({ imports }) => imports.flatMap(({ destination }) => destination.flatMap((ref) => (ref.kind === 'peer' && ref.workload !== '*' ? [`${ref.peer}/${ref.enclave}/${ref.workload}`] : []))))
  const virtual = [...new Set(peers)].map((key, i) => {
    const [peer = '', enclave = '', workload = ''] = key.split('/')
    return { peer, enclave, workload, addresses: [addressFromBits(4, 0x0a80_1000n + BigInt(i)), addressFromBits(6, (0xfdbb_0001n << 96n) + 4096n + BigInt(i))] }
  })
  return { ...inventory, shadows, virtual }
}

test('what goes encrypted is what the documents say, for any documents', () => {
  const seen = { sets: 0, outbound: 0, inbound: 0 }
  fc.assert(
    fc.property(documentSets(), (set) => {
      const platform = platformOf(set)
      if (platform === undefined) return
      const { intent, diagnostics } = compile(platform)
      if (hasErrors(diagnostics)) return
      const inventory = withShadows(platform)
      const artefacts = render(platform, intent, inventory, { now: set.now })
      for (const direction of ['outbound', 'inbound'] as const) {
        const { compared, planned, led, differences } = compareMesh(platform, { direction, files: artefacts[direction].files }, artefacts, inventory, set.now, minute)
        assert.deepEqual(differences, [])
        assert.equal(compared, planned)
        seen[direction] += led
      }
      seen.sets++
    }),
    { numRuns: 300, endOnFailure: true },
  )
  assert.ok(seen.sets > 150 && seen.outbound > 50 && seen.inbound > 50, JSON.stringify(seen))
})

const platform = everything()
const inventory = withShadows(platform)
const artefacts = render(platform, intentOf(platform), inventory, { now: 0 })

function comparing(direction: 'outbound' | 'inbound', files: ReadonlyMap<string, string>): GatewayComparison {
  return compareMesh(platform, { direction, files }, artefacts, inventory, 0, minute)
}

type Json = Record<string, unknown>

/** The files with one thing changed: in the first part of that name, as a text. */
function changed(direction: 'outbound' | 'inbound', file: 'lds.json' | 'cds.json', change: (resources: Json[]) => void): ReadonlyMap<string, string> {
  const { files } = artefacts[direction]
  const whole = JSON.parse(files.get(file) ?? '') as { resources: Json[] }
  change(whole.resources)
  return new Map([...files, [file, JSON.stringify(whole)]])
}

const bundleOf = (domain: string): string => artefacts.outbound.needs.concat(artefacts.inbound.needs).find((need) => need.kind === 'bundle' && need.trustDomains.join() === domain)?.file ?? assert.fail(domain)
const replacing = (from: string, to: string) => (resources: Json[]): void => {
  const text = JSON.stringify(resources)
  assert.ok(text.includes(from), from)
  resources.splice(0, resources.length, ...(JSON.parse(text.replaceAll(from, to)) as Json[]))
}
const cluster = (resources: Json[], beginning: string): Json => resources.find((each) => String(each['name']).startsWith(beginning)) ?? assert.fail(beginning)
const chains = (resources: Json[]): Json[] => resources.find((each) => each['name'] === 'mesh')?.['filter_chains'] as Json[]
const tlsOf = (of: Json): Json => (of['transport_socket'] as { typed_config: Json }).typed_config
const trustOf = (of: Json): Json => (tlsOf(of)['common_tls_context'] as { combined_validation_context: Json }).combined_validation_context
const sealed = 'mesh:spiffe://bulkhead.internal/enclave/a/workload/api:bulkhead.internal/a/db:5432'

const widenings: Readonly<Record<string, readonly ['outbound' | 'inbound', 'lds.json' | 'cds.json', (resources: Json[]) => void, RegExp]>> = {
  'no name asked of the caller': ['inbound', 'lds.json', (all) => chains(all).forEach((chain) => void (trustOf(chain)['default_validation_context'] = {})), /everybody is let in whom an authority vouches for/],
  'every name of a trust domain taken': ['inbound', 'lds.json', replacing('"exact":"spiffe://bulkhead.internal/enclave/a/workload/api"', '"prefix":"spiffe://bulkhead.internal/"'), /whatever begins with `spiffe:\/\/bulkhead.internal\/` is let in/],
  'another caller taken': ['inbound', 'lds.json', replacing('"exact":"spiffe://bulkhead.internal/enclave/a/workload/api"', '"exact":"spiffe://bulkhead.internal/enclave/a/workload/web"'), /a\/web -> a\/db port 5432: is let in, should be closed/],
  'a foreign bundle for callers': ['inbound', 'lds.json', replacing(bundleOf('bulkhead.internal'), bundleOf('north.example')), /believes `sds-bundle-.*should believe the authority of `bulkhead.internal` alone/],
  'certificates of anybody taken': ['inbound', 'lds.json', (all) => chains(all).forEach((chain) => Object.assign(trustOf(chain)['default_validation_context'] as Json, { trust_chain_verification: 'ACCEPT_UNTRUSTED' })), /takes certificates of anybody/],
  'no certificate asked for': ['inbound', 'lds.json', (all) => chains(all).forEach((chain) => void (tlsOf(chain)['require_client_certificate'] = false)), /asks for no certificate/],
  'no encryption at all': ['inbound', 'lds.json', (all) => chains(all).forEach((chain) => delete chain['transport_socket']), /everybody is let in|goes in the clear/],
  'an older TLS': ['inbound', 'lds.json', replacing('"tls_minimum_protocol_version":"TLSv1_3"', '"tls_minimum_protocol_version":"TLSv1_2"'), /takes less than TLS 1.3/],
  'sessions taken up again': ['inbound', 'lds.json', replacing('"disable_stateless_session_resumption":true', '"disable_stateless_session_resumption":false'), /takes sessions up again/],
  'workloads asked before the handshake': ['inbound', 'lds.json', replacing('ON_DOWNSTREAM_TLS_HANDSHAKE', 'IMMEDIATE'), /before the caller has shown a certificate/],
  'a chain for every name': ['inbound', 'lds.json', (all) => chains(all).forEach((chain) => delete chain['filter_chain_match']), /is asked for by any name/],
  'a chain for whatever no other takes': ['inbound', 'lds.json', (all) => all.forEach((each) => void (each['default_filter_chain'] = chains(all)[0])), /a chain takes whatever no other takes/],
  'a chain more': ['inbound', 'lds.json', (all) => void chains(all).push(JSON.parse(JSON.stringify(chains(all).find((chain) => String(chain['name']).startsWith('mesh:spiffe://bulkhead.internal/enclave/a/workload/api:a/db:'))).replaceAll('workload/api"', 'workload/web"')) as Json), /a\/web -> a\/db port 5432: is let in, should be closed/],
  'a chain to another port': ['inbound', 'cds.json', replacing('"port_value":5432', '"port_value":5433'), /port 5433: is let in, should be closed/],
  'a chain to another workload': ['inbound', 'cds.json', replacing('"10.128.0.17"', '"10.128.0.19"'), /a\/api -> b\/model port 5432: is let in, should be closed/],
  'another identity shown to callers': ['inbound', 'lds.json', replacing('sds-svid-a.db.json', 'sds-svid-a.api.json'), /should show the identity of a\/db/],
  'a listener more': ['inbound', 'lds.json', (all) => void all.push({ ...all.find((each) => each['name'] === 'mesh'), name: 'more', additional_addresses: [], address: { socket_address: { address: '0.0.0.0', port_value: 15_999 } } }), /listens at port 15999/],
  'no name asked of the server': ['outbound', 'cds.json', (all) => void (trustOf(cluster(all, sealed))['default_validation_context'] = {}), /takes every name for/],
  'a server that is another': ['outbound', 'cds.json', (all) => replacing('"exact":"spiffe://bulkhead.internal/enclave/a/workload/db"', '"exact":"spiffe://bulkhead.internal/enclave/a/workload/web"')(all), /takes `spiffe:.*web` for `spiffe:.*db`/],
  'a foreign bundle for servers': ['outbound', 'cds.json', replacing(bundleOf('bulkhead.internal'), bundleOf('south.example')), /should believe the authority of `bulkhead.internal` alone/],
  'the identity of somebody else': ['outbound', 'cds.json', replacing('sds-svid-a.api.json', 'sds-svid-b.model.json'), /should show the identity of a\/api/],
  'a secret from another file': ['outbound', 'cds.json', replacing('"path":"/run/envoy/sds-svid-a.api.json"', '"path":"/run/envoy/sds-svid-b.model.json"'), /shows no certificate/],
  'servers in the clear': ['outbound', 'cds.json', (all) => delete cluster(all, sealed)['transport_socket'], /goes in the clear/],
  'sessions that are kept': ['outbound', 'cds.json', (all) => delete tlsOf(cluster(all, sealed))['max_session_keys'], /takes sessions up again/],
  'a way past the inbound gateway': ['outbound', 'cds.json', replacing('"10.128.0.4"', '"10.128.0.17"'), /leads to 10.128.0.17:15443, should lead to 10.128.0.4:15443/],
  'one pool for two identities': ['outbound', 'lds.json', (all) => replacing('mesh:spiffe://bulkhead.internal/enclave/b/workload/model:bulkhead.internal/a/api:8080', sealed)(all), /connections are shared by/],
  'a way for another caller': ['outbound', 'lds.json', replacing('"10.128.0.16":', '"10.128.0.18":'), /a\/web -> a\/db port 5432: is led on by mutual TLS, should be closed/],
  'a way at another port': ['outbound', 'lds.json', replacing('"5432":', '"5433":'), /port 5433: is led on by mutual TLS, should be closed/],
  'a way whatever is asked for': ['outbound', 'lds.json', (all) => all.forEach((each) => each['name'] === 'mesh' && Object.assign(each['filter_chain_matcher'] as Json, { on_no_match: { action: { typed_config: { value: 'any' } } } })), /takes what it was not asked for/],
  'a way for a whole source': ['outbound', 'lds.json', (all) => {
    const map = ((all.find((each) => each['name'] === 'mesh')?.['filter_chain_matcher'] as { matcher_tree: { exact_match_map: { map: Json } } }).matcher_tree.exact_match_map).map
    map['10.128.0.18'] = { action: { typed_config: { value: chains(all)[0]?.['name'] } } }
  }, /asked for by less than a source, a destination and a port/],
  'a stand-in led to a workload': ['outbound', 'lds.json', replacing('"10.128.255.1":', '"10.128.0.17":'), /stand-in of verification and a workload/],
}

for (const [mistake, [direction, file, change, found]] of Object.entries(widenings)) {
  test(`the ${direction} gateway with ${mistake} is found out`, () => {
    assert.deepEqual(comparing(direction, artefacts[direction].files).differences, [])
    const { differences } = comparing(direction, changed(direction, file, change))
    assert.match(differences.join('\n'), found)
  })
}

test('a way that is gone is told as well', () => {
  const without = changed('outbound', 'lds.json', (all) => void all.splice(all.findIndex((each) => each['name'] === 'mesh'), 1))
  assert.ok(comparing('outbound', without).differences.includes('a/api -> a/db port 5432: is closed, should be open by mutual TLS'))
  const closed = changed('inbound', 'lds.json', (all) => void chains(all).splice(0))
  assert.ok(comparing('inbound', closed).differences.includes('lab/* of north.example -> a/db port 5432: is closed, should be open by mutual TLS'))
})

test('who runs out of time says how far it came', () => {
  const { compared, planned } = compareMesh(platform, { direction: 'outbound', files: artefacts.outbound.files }, artefacts, inventory, 0, -1)
  assert.ok(compared === 0 && planned > 10)
})

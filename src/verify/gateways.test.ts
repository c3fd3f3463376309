/** The files of both gateways, read back, against the reference: every request is led where the documents say, or nowhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attemptOf, authoritiesOf, ledOf, mayBeNarrower } from './gateway-attempts.ts'
import { compareGateway } from './gateways.ts'
import { compile } from '../intent/compile.ts'
import { externalAddresses } from '../intent/externals.ts'
import { firstAddress } from '../net/address-set.ts'
import { hasErrors } from '../base/diagnostic.ts'
import { everything, intentOf, inventoryOf } from '../engines/envoy/testing.ts'
import { platformOf } from './testing/load.ts'
import { readGateway } from '../engines/envoy/read.ts'
import { referenceRequest } from './reference-request.ts'
import { render } from '../engines/envoy/render.ts'
import { requestsFrom } from './testing/arbitrary-request.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { tapes } from './testing/choices.ts'
import type { Attempt } from '../engines/envoy/read.ts'
import type { GatewayRequest } from '../model/request.ts'
import type { Platform } from '../model/platform.ts'

const requestsEach = 40

/** An External calls from an address of its own; without one it calls from nowhere. */
function placed(platform: Platform, request: GatewayRequest): GatewayRequest | undefined {
  if (request.source.kind !== 'external') return request
  const external = platform.externals.get(request.source.external)
  const address = external === undefined ? undefined : firstAddress(externalAddresses(platform)(external))
  return address === undefined ? undefined : { ...request, source: { kind: 'address', address } }
}

test('the files of both gateways lead every request where the documents say', () => {
  const seen = { sets: 0, inboundLed: 0, inboundNot: 0, outboundLed: 0, outboundNot: 0, narrower: 0 }
  fc.assert(
    fc.property(documentSets(), tapes(0, 1200), (set, tape) => {
      const platform = platformOf(set)
      if (platform === undefined) return
      const { intent, diagnostics } = compile(platform)
      if (hasErrors(diagnostics)) return
      seen.sets++
      const keys = { keys: [{ kty: 'EC', kid: 'any' }] }
      const inventory = { ...inventoryOf(platform), keySets: new Map([['/etc/keys.json', JSON.stringify(keys)]]) }
      const artefacts = render(platform, intent, inventory, { now: set.now })
      const outbound = readGateway(artefacts.outbound.files, authoritiesOf(artefacts.outbound.needs))
      const inbound = readGateway(artefacts.inbound.files, authoritiesOf(artefacts.inbound.needs))
      const by = platform.egressProxy === undefined ? '' : ` by ${platform.egressProxy.host}:${platform.egressProxy.port}`
      for (const drawn of requestsFrom(platform, tape, requestsEach)) {
        const request = placed(platform, drawn)
        const attempt: Attempt | undefined = request === undefined ? undefined : attemptOf(platform, inventory, request)
        if (request === undefined || attempt === undefined) continue
        const leaving = request.source.kind === 'workload'
        const judged = referenceRequest(platform, request, set.now)
        const name = (request.host ?? '').toLowerCase().replace(/\.$/, '')
        const meant = 'refused' in judged ? [] : leaving ? [`${name}:${request.port}${by}`] : judged.led
        const found = ledOf((leaving ? outbound : inbound)(attempt), inventory)
        if (found.length === 0 && meant.length > 0 && mayBeNarrower(artefacts.refused, request)) {
          seen.narrower++
          continue
        }
        seen[leaving ? (meant.length > 0 ? 'outboundLed' : 'outboundNot') : meant.length > 0 ? 'inboundLed' : 'inboundNot']++
        assert.deepEqual(found, meant, `${JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n${JSON.stringify(attempt)}\n${JSON.stringify(judged)}`)
      }
    }),
    { numRuns: 800, endOnFailure: true },
  )
  assert.ok(seen.inboundLed >= 100 && seen.inboundNot >= 300 && seen.outboundLed >= 100 && seen.outboundNot >= 100, JSON.stringify(seen))
})

const minute = 60_000

test('requests that are planned from the documents find nothing in files that were rendered from them', () => {
  const seen = { planned: 0, led: 0 }
  fc.assert(
    fc.property(documentSets(), (set) => {
      const platform = platformOf(set)
      if (platform === undefined) return
      const { intent, diagnostics } = compile(platform)
      if (hasErrors(diagnostics)) return
      const inventory = { ...inventoryOf(platform), keySets: new Map([['/etc/keys.json', JSON.stringify({ keys: [{ kty: 'EC', kid: 'any' }] })]]) }
      const artefacts = render(platform, intent, inventory, { now: set.now })
      for (const direction of ['outbound', 'inbound'] as const) {
        const { compared, planned, led, differences } = compareGateway(platform, { direction, files: artefacts[direction].files }, artefacts, inventory, set.now, minute)
        assert.deepEqual(differences, [])
        assert.ok(compared <= planned)
        seen.planned += planned
        seen.led += led
      }
    }),
    { numRuns: 60, endOnFailure: true },
  )
  assert.ok(seen.planned > 1000 && seen.led > 100, JSON.stringify(seen))
})

const behindProxy: Platform = { ...everything(), egressProxy: { host: 'proxy.example.org', port: 3128 } }

const mistakes: Readonly<Record<string, readonly ['outbound' | 'inbound', (text: string) => string, Platform?]>> = {
  'a name outside that is not its own': ['outbound', (text) => text.replaceAll('"pypi.org"', '"nobody.bulkhead.invalid"')],
  'a host that is another': ['inbound', (text) => text.replaceAll('"open.example.org"', '"not-open.example.org"')],
  'a path that is wider': ['inbound', (text) => text.replaceAll('"/public"', '"/"')],
  'an audience that is another': ['inbound', (text) => text.replaceAll(/("audiences":\s*\[\s*)"portal"/g, '$1"nobody"')],
  'another proxy on the way out': ['outbound', (text) => text.replaceAll('"proxy.example.org"', '"proxy.example.net"'), behindProxy],
  'a tunnel to where the client says': ['outbound', (text) => text.replaceAll('%REQUESTED_SERVER_NAME%:', '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%:'), behindProxy],
  'a port for the proxy that a client chooses': ['outbound', (text) => text.replaceAll('%REQ(:authority)%:%DOWNSTREAM_LOCAL_PORT%', '%REQ(:authority)%'), behindProxy],
  'another workload behind a route': ['inbound', (text) => text.replaceAll('"10.128.0.16"', '"10.128.0.17"')],
}

for (const [mistake, [direction, change, platform = everything()]] of Object.entries(mistakes)) {
  test(`a gateway's files with ${mistake} are found out by planned requests`, () => {
    const inventory = inventoryOf(platform)
    const artefacts = render(platform, intentOf(platform), inventory, { now: 0 })
    const { files } = artefacts[direction]
    const before = compareGateway(platform, { direction, files }, artefacts, inventory, 0, minute)
    assert.deepEqual(before.differences, [])
    assert.ok(before.led > 5 && before.compared === before.planned)
    const broken = new Map([...files].map(([name, text]) => [name, change(text)]))
    assert.ok([...broken].some(([name, text]) => text !== files.get(name)), 'the mistake changes something')
    assert.ok(compareGateway(platform, { direction, files: broken }, artefacts, inventory, 0, minute).differences.length > 0)
  })
}

/** The files of both gateways, read back, against the reference: every request is led where the documents say, or nowhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compile } from '../intent/compile.ts'
import { externalAddresses } from '../intent/externals.ts'
import { firstAddress } from '../net/address-set.ts'
import { formatAddress } from '../net/address.ts'
import { hasErrors } from '../base/diagnostic.ts'
import { inventoryOf } from '../engines/envoy/testing.ts'
import { normalPath } from '../net/http-path.ts'
import { parseDomain } from '../net/domain.ts'
import { platformOf } from './testing/load.ts'
import { readGateway } from '../engines/envoy/read.ts'
import { referenceRequest } from './reference-request.ts'
import { render } from '../engines/envoy/render.ts'
import { requestsFrom } from './testing/arbitrary-request.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { tapes } from './testing/choices.ts'
import type { Attempt, Authorities, Outcome } from '../engines/envoy/read.ts'
import type { EnvoyArtefacts, GatewayFiles } from '../engines/envoy/render.ts'
import type { GatewayInventory } from '../engines/envoy/inventory.ts'
import type { GatewayRequest } from '../model/request.ts'
import type { Platform } from '../model/platform.ts'

const requestsEach = 40

function authoritiesOf({ needs }: GatewayFiles): Authorities {
  const found = new Map<string, { readonly trustDomains: readonly string[] } | { readonly file: string }>()
  for (const need of needs) {
    if (need.kind === 'bundle') found.set(need.file, { trustDomains: need.trustDomains })
    if (need.kind === 'ca') found.set(need.file, { file: need.caFile })
  }
  return found
}

/** An External calls from an address of its own; without one it calls from nowhere. */
function placed(platform: Platform, request: GatewayRequest): GatewayRequest | undefined {
  if (request.source.kind !== 'external') return request
  const external = platform.externals.get(request.source.external)
  const address = external === undefined ? undefined : firstAddress(externalAddresses(platform)(external))
  return address === undefined ? undefined : { ...request, source: { kind: 'address', address } }
}

/** Names of a handshake end without a dot (RFC 6066). */
function attemptOf(platform: Platform, inventory: GatewayInventory, { source, port, host, method, path, caller }: GatewayRequest): Attempt | undefined {
  const request = method === undefined || path === undefined ? undefined : { host: host ?? '', method, path }
  if (source.kind === 'address') {
    const rules = platform.ingressPolicies.flatMap(({ gateway }) => (gateway.kind === 'proxy' && (gateway.proxy.listenPort ?? platform.gateway?.httpsPort) === port ? [gateway.proxy] : []))
    const plain = rules.some(({ tls }) => tls.mode === 'none')
    return { arrives: port, source: formatAddress(source.address), destination: '10.128.0.4', port, sni: plain ? undefined : (host ?? '').toLowerCase().replace(/\.$/, ''), request, caller }
  }
  if (source.kind !== 'workload') return undefined
  const place = inventory.workloads.find(({ workload }) => workload === source.workload)
  const [address] = place?.addresses ?? []
  if (address === undefined) return undefined
  return { arrives: 15_001, source: formatAddress(address), destination: '192.0.2.1', port, sni: request === undefined ? (host ?? '').toLowerCase().replace(/\.$/, '') : undefined, request, caller }
}

/** `WORKLOAD:PORT` for each place, or the name, or nothing. */
function ledOf(outcome: Outcome, inventory: GatewayInventory): readonly string[] {
  // The platform's resolver, which the gateway asks, answers names alone.
  if (outcome.kind === 'name') return parseDomain(outcome.name) === outcome.name ? [`${outcome.name}:${outcome.port}`] : []
  if (outcome.kind === 'not understood') return [`not understood: ${outcome.what}`]
  if (outcome.kind !== 'addresses') return []
  return [...new Set(outcome.to.map((each) => {
    const [address, port] = [each.replace(/:\d+$/, ''), each.replace(/.*:/, '')]
    return `${inventory.workloads.find(({ addresses }) => addresses.some((own) => formatAddress(own) === address))?.workload ?? address}:${port}`
  }))].sort()
}

/** What the rendering refused by name may be closed; and what no server reads in one way may be refused although a policy takes every path. */
function mayBeNarrower(artefacts: EnvoyArtefacts, request: GatewayRequest): boolean {
  if (request.path !== undefined && normalPath(request.path) === undefined) return true
  if (request.source.kind === 'workload' && request.path === undefined && request.host !== undefined && parseDomain(request.host) !== request.host.toLowerCase()) return true
  const refused = artefacts.refused.filter(({ code }) => code !== 'source-addresses' && code !== 'name-protocol')
  return refused.some(({ path }) => (request.source.kind === 'workload' ? path.kind === 'egress' : path.kind === 'ingress'))
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
      const outbound = readGateway(artefacts.outbound.files, authoritiesOf(artefacts.outbound))
      const inbound = readGateway(artefacts.inbound.files, authoritiesOf(artefacts.inbound))
      for (const drawn of requestsFrom(platform, tape, requestsEach)) {
        const request = placed(platform, drawn)
        const attempt: Attempt | undefined = request === undefined ? undefined : attemptOf(platform, inventory, request)
        if (request === undefined || attempt === undefined) continue
        const leaving = request.source.kind === 'workload'
        const judged = referenceRequest(platform, request, set.now)
        const name = (request.host ?? '').toLowerCase().replace(/\.$/, '')
        const meant = 'refused' in judged ? [] : leaving ? [`${name}:${request.port}`] : judged.led
        const found = ledOf((leaving ? outbound : inbound)(attempt), inventory)
        if (found.length === 0 && meant.length > 0 && mayBeNarrower(artefacts, request)) {
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

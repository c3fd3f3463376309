/** Requests of the model as a gateway of this host meets them, and what it does with them in the words of the reference. */
import { namesPortOf } from '../engines/envoy/inventory.ts'
import { formatAddress } from '../net/address.ts'
import { parseDomain } from '../net/domain.ts'
import { normalPath } from '../net/http-path.ts'
import type { Attempt, Authorities, Outcome } from '../engines/envoy/read.ts'
import type { GatewayInventory } from '../engines/envoy/inventory.ts'
import type { GatewayRequest } from '../model/request.ts'
import type { Platform } from '../model/platform.ts'
import type { Refusal } from '../engines/envoy/capabilities.ts'
import type { SecretNeed } from '../engines/envoy/secrets.ts'

/** Whom the secrets that a configuration names vouch for. */
export function authoritiesOf(needs: readonly SecretNeed[]): Authorities {
  const found = new Map<string, { readonly trustDomains: readonly string[] } | { readonly file: string }>()
  for (const need of needs) {
    if (need.kind === 'bundle') found.set(need.file, { trustDomains: need.trustDomains })
    if (need.kind === 'ca') found.set(need.file, { file: need.caFile })
  }
  return found
}

/** `undefined` for who has no place here. Names of a handshake end without a dot (RFC 6066). */
export function attemptOf(platform: Platform, inventory: GatewayInventory, { source, port, host, method, path, caller }: GatewayRequest): Attempt | undefined {
  const request = method === undefined || path === undefined ? undefined : { host: host ?? '', method, path }
  const name = (host ?? '').toLowerCase().replace(/\.$/, '')
  if (source.kind === 'address') {
    const rules = platform.ingressPolicies.flatMap(({ gateway }) => (gateway.kind === 'proxy' && (gateway.proxy.listenPort ?? platform.gateway?.httpsPort) === port ? [gateway.proxy] : []))
    const plain = rules.some(({ tls }) => tls.mode === 'none')
    const [own] = inventory.inbound.addresses
    return { arrives: port, source: formatAddress(source.address), destination: own === undefined ? '' : formatAddress(own), port, sni: plain ? undefined : name, request, caller }
  }
  if (source.kind !== 'workload') return undefined
  const place = inventory.workloads.find(({ workload }) => workload === source.workload)
  const [address] = place?.addresses ?? []
  if (address === undefined) return undefined
  return { arrives: namesPortOf(address), source: formatAddress(address), destination: '192.0.2.1', port, sni: request === undefined ? name : undefined, request, caller }
}

/** `WORKLOAD:PORT` for each place, or the name, or nothing. */
export function ledOf(outcome: Outcome, inventory: GatewayInventory): readonly string[] {
  // The platform's resolver, which the gateway asks, answers names alone.
  if (outcome.kind === 'name') return parseDomain(outcome.name) === outcome.name ? [`${outcome.name}:${outcome.port}${outcome.proxy === undefined ? '' : ` by ${outcome.proxy}`}`] : []
  if (outcome.kind === 'not understood') return [`not understood: ${outcome.what}`]
  if (outcome.kind !== 'addresses') return []
  return [...new Set(outcome.to.map((each) => {
    const [address, port] = [each.replace(/:\d+$/, ''), each.replace(/.*:/, '')]
    return `${inventory.workloads.find(({ addresses }) => addresses.some((own) => formatAddress(own) === address))?.workload ?? address}:${port}`
  }))].sort()
}

/** What the rendering refused by name may be closed; and what no server reads in one way may be refused although a policy takes every path. */
export function mayBeNarrower(refused: readonly Refusal[], request: GatewayRequest): boolean {
  if (request.path !== undefined && normalPath(request.path) === undefined) return true
  if (request.source.kind === 'workload' && request.path === undefined && request.host !== undefined && parseDomain(request.host) !== request.host.toLowerCase()) return true
  return refused.some(({ code, path }) => code !== 'source-addresses' && code !== 'name-protocol' && path.kind === (request.source.kind === 'workload' ? 'egress' : 'ingress'))
}

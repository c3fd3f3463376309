/** Random requests near decisions: they start from what some policy takes and are then perhaps bent in one part or another. */
import { addressEnds, edgesOf, nameNear } from './arbitrary-ends.ts'
import { caFile, issuer, ownSubject } from './arbitrary-proxy.ts'
import { choicesFrom } from './choices.ts'
import { trustDomain } from './words.ts'
import { addressSet } from '../../net/address-set.ts'
import { formatDomainPattern } from '../../net/domain.ts'
import { prefix } from '../../net/prefix.ts'
import type { EgressPolicy, ExternalRef, FlowEnd, IngressPolicy, IngressProxy, Platform, WorkloadId } from '../../model/platform.ts'
import type { Caller, GatewayRequest } from '../../model/request.ts'
import type { Choices, Tape } from './choices.ts'

/** Bytes that one request reads at most. */
export const bytesPerRequest = 30

export function requestsFrom(platform: Platform, tape: Tape, count: number): readonly GatewayRequest[] {
  const choices = choicesFrom(tape)
  const inward = platform.ingressPolicies.flatMap((policy) => (policy.gateway.kind === 'proxy' ? [{ policy, proxy: policy.gateway.proxy }] : []))
  const { egressPolicies } = platform
  return Array.from({ length: count }, () => {
    if (inward.length === 0 && egressPolicies.length === 0) return stranger
    if (inward.length > 0 && (egressPolicies.length === 0 || choices.chance(75))) return inbound(choices, platform, choices.pick(inward))
    return outbound(choices, platform, choices.pick(egressPolicies))
  })
}

const stranger: GatewayRequest = { source: { kind: 'external', external: 'nobody' }, port: 443, host: 'www.example.net', method: 'GET', path: '/', caller: { kind: 'nobody' } }

function inbound(choices: Choices, platform: Platform, { policy, proxy }: { readonly policy: IngressPolicy; readonly proxy: IngressProxy }): GatewayRequest {
  const https = platform.gateway?.httpsPort ?? 443
  const route = choices.pick(proxy.routes)
  const host = hostOf(choices, proxy, route.host)
  const request = proxy.protocol === 'http' || choices.chance(20)
  return {
    source: sourceOf(choices, platform, policy.source),
    port: choices.chance(90) ? (proxy.listenPort ?? https) : choices.pick([80, 443, 8443, 9443]),
    host: choices.chance(97) ? host : undefined,
    method: request ? (route.methods.length > 0 && choices.chance(80) ? choices.pick(route.methods) : choices.pick(['GET', 'POST', 'DELETE'])) : undefined,
    path: request ? spelled(choices, route.path) : undefined,
    caller: choices.chance(85) ? fitting(choices, proxy) : choices.pick(callers),
  }
}

function hostOf(choices: Choices, { hosts }: IngressProxy, wanted: string | undefined): string | undefined {
  if (hosts.length === 0) return choices.chance(50) ? 'any.example.net' : undefined
  const host = wanted ?? choices.pick(hosts)
  const plain = host.replace('*', choices.pick(['deep', 'x', 'www', 'a.b']))
  return choices.chance(85) ? plain : choices.pick([plain.toUpperCase(), `${plain}.`, `x.${plain}`, plain.replace(/^[^.]*\./, ''), 'common.example.net', '198.51.100.77', '', `x${plain}`])
}

function sourceOf(choices: Choices, platform: Platform, refs: readonly ExternalRef[]): FlowEnd {
  const { external: name } = choices.pick(refs)
  const addresses = edgesOf(platform.externals.get(name)?.cidrs ?? []).slice(0, 40)
  if (addresses.length > 0 && choices.chance(50)) return choices.pick(addressEnds(addresses))
  return choices.chance(90) ? { kind: 'external', external: name } : choices.pick([{ kind: 'external', external: 'nobody' } as const, ...addressEnds(edgesOf(addressSet([prefix('192.0.2.7/32')])))])
}

/** The path itself, something below it, or another way to write one of them. */
function spelled(choices: Choices, path: string): string {
  const below = choices.chance(50) ? `${path}${choices.pick(['', 'b', 'b/c', '/x', 'x?q=1'])}` : path
  if (choices.chance(65)) return below
  const letter = below.indexOf('a')
  return choices.pick([
    `${below}/../a`, `/x/..${below}`, below.replace('/', '//'), below.replace('a', '%61'), `${below}%2fx`, `${below}%2e%2e`, `${below}/%2e%2e/b`, `${below}\\..`, `/.;${below}`,
    `${below}/..;/x`, `${below}%zz`, `${below}#a`, below.toUpperCase(), `${below}/`, letter < 0 ? '/a' : `${below.slice(0, letter)}./${below.slice(letter)}`, below.slice(1), `${below}"`, `/x/%2e%2e;${below}`,
  ])
}

const token = (audiences: readonly string[], claims: Readonly<Record<string, unknown>>, by = issuer): Caller => ({ kind: 'token', issuer: by, audiences, claims })
const certificate = (authority: string, ...names: readonly string[]): Caller => ({ kind: 'certificate', authority, names })

const callers: readonly Caller[] = [
  { kind: 'nobody' },
  token(['results', 'portal'], { group: 'staff', realm: { role: 'reader' } }), token(['results'], { group: ['guests', 'lab'] }), token(['portal'], { realm: { role: ['reader'] } }),
  token(['portal'], { 'realm.role': 'reader', group: 7 }), token(['elsewhere'], { group: 'staff' }), token(['results'], { group: 'staff' }, 'https://evil.example.org'),
  certificate(trustDomain, ownSubject), certificate(trustDomain, `spiffe://${trustDomain}/enclave/beta/workload/db`), certificate(trustDomain, 'client.example.org'),
  certificate('north.example', ownSubject), certificate('north.example', 'spiffe://north.example/enclave/a/workload/b'),
  certificate(caFile, 'client.example.org'), certificate(caFile, 'other.example.org'), certificate(caFile), certificate('/etc/other.pem', 'client.example.org'),
]

function fitting(choices: Choices, { authentication }: IngressProxy): Caller {
  const wanted = authentication.kind === 'mtls' ? 'certificate' : authentication.kind === 'none' ? undefined : 'token'
  return choices.pick(callers.filter(({ kind }) => wanted === undefined || kind === wanted))
}

function outbound(choices: Choices, platform: Platform, policy: EgressPolicy): GatewayRequest {
  const [item] = policy.traffic.ports
  const near = [...platform.workloads.values()].filter((w) => w.enclave === policy.enclave).map((w): WorkloadId => w.id)
  const domains = policy.destination.flatMap(({ external }) => platform.externals.get(external)?.domains ?? [])
  const named = domains.length === 0 ? 'stranger.example.com' : choices.pick([formatDomainPattern(choices.pick(domains)).replace('*', 'deep'), nameNear(choices, choices.pick(domains))])
  const path = policy.http === undefined || policy.http.paths.length === 0 ? '/a' : choices.pick(policy.http.paths).replace('*', '')
  return {
    source: { kind: 'workload', workload: choices.chance(95) ? choices.pick(near) : 'alpha/ghost' },
    port: item?.kind === 'range' && choices.chance(80) ? item.from : choices.pick([80, 443]),
    host: named,
    method: choices.chance(95) ? choices.pick(['GET', 'HEAD', 'POST']) : undefined,
    path: choices.chance(95) ? spelled(choices, path) : undefined,
    caller: { kind: 'nobody' },
  }
}

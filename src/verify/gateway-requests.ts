/**
 * Requests that show whether gateways do what a platform asks (pure): for every ingress route and every name outside one that is
 * right, and others that differ from it in one thing.
 */
import { firstAddress } from '../net/address-set.ts'
import { parseAddress } from '../net/address.ts'
import { workloadName } from './mesh-ends.ts'
import { effectiveAddresses } from './reference/external.ts'
import type { Authentication, Claim, EgressPolicy, FlowEnd, IngressPolicy, IngressProxy, Platform, Route, WorkloadId } from '../model/platform.ts'
import type { Caller, GatewayRequest } from '../model/request.ts'

/** An address of nobody (RFC 5737), and a name of nobody (RFC 2606). */
const strangerAddress = '192.0.2.77'
const strangerHost = 'nobody.bulkhead.invalid'
const strangerPort = 31_337
const nobody: Caller = Object.freeze({ kind: 'nobody' })

export function gatewayRequests(platform: Platform): readonly GatewayRequest[] {
  const inward = platform.ingressPolicies.flatMap((policy) => (policy.gateway.kind === 'proxy' ? inboundRequests(platform, policy, policy.gateway.proxy) : []))
  return distinct([...inward, ...outboundRequests(platform)])
}

function inboundRequests(platform: Platform, { source: refs }: IngressPolicy, proxy: IngressProxy): readonly GatewayRequest[] {
  const sources = refs.flatMap(({ external: name }): readonly FlowEnd[] => {
    const external = platform.externals.get(name)
    const address = external === undefined ? undefined : firstAddress(effectiveAddresses(platform, external))
    return address === undefined ? [] : [{ kind: 'address', address }]
  })
  const [source] = sources
  if (source === undefined) return []
  const port = proxy.listenPort ?? platform.gateway?.httpsPort ?? 443
  const hosts = proxy.hosts.length === 0 ? [undefined] : proxy.hosts.map((host) => host.replace('*', 'any'))
  return proxy.routes.flatMap((route) => {
    const [host = hosts[0]] = route.host === undefined ? [] : [route.host.replace('*', 'any')]
    const asked = proxy.protocol === 'http' ? { method: route.methods[0] ?? 'GET', path: route.prefix ? `${route.path}any` : route.path } : { method: undefined, path: undefined }
    const callers = rightCallers(platform, proxy.authentication, route)
    const [caller = nobody] = callers
    const right: GatewayRequest = { source, port, host, ...asked, caller }
    const bent = (change: Partial<GatewayRequest>): GatewayRequest => ({ ...right, ...change })
    return [
      ...(route.host === undefined ? hosts : [host]).map((each) => bent({ host: each })),
      ...sources.map((each) => bent({ source: each })), ...stranger().map((each) => bent({ source: each })),
      ...callers.map((each) => bent({ caller: each })), ...wrongCallers(caller).map((each) => bent({ caller: each })),
      bent({ port: strangerPort }), bent({ host: strangerHost }),
      ...(host === undefined ? [] : [`below.${host}`, `not-${host}`, host.replace(/^[^.]*\./, '')].map((each) => bent({ host: each }))),
      ...(asked.path === undefined ? [] : [
        ...(['GET', 'POST', 'DELETE'] as const).map((method) => bent({ method })),
        ...['/', '/bulkhead-nowhere', `${asked.path}x`, `${asked.path}/below`, asked.path.slice(0, -1) || '/', `/x/..${asked.path}`, `${asked.path}%2f`].map((path) => bent({ path })),
      ]),
    ]
  })
}

function stranger(): readonly FlowEnd[] {
  const address = parseAddress(strangerAddress)
  return address === undefined ? [] : [{ kind: 'address', address }]
}

function rightCallers(platform: Platform, authentication: Authentication, route: Route): readonly Caller[] {
  switch (authentication.kind) {
    case 'none': return [nobody]
    case 'mtls': {
      const { caFile, subjects } = authentication
      const names = route.identities.length > 0 ? route.identities : subjects.length > 0 ? subjects : [workloadName(platform, { enclave: 'any', name: 'any' })]
      return names.map((name) => ({ kind: 'certificate', authority: caFile ?? /^spiffe:\/\/([^/]+)\//.exec(name)?.[1] ?? platform.trustDomain, names: [name] }))
    }
    case 'jwt':
    case 'oidc': {
      const { issuer, audiences, claims } = authentication
      return [{ kind: 'token', issuer, audiences: audiences.slice(0, 1), claims: claimsOf([...claims, ...route.claims]) }]
    }
  }
}

/** An object in which every claim has its first value. */
function claimsOf(claims: readonly Claim[]): Readonly<Record<string, unknown>> {
  const whole: Record<string, unknown> = {}
  for (const { path, values } of claims) {
    let at = whole
    for (const step of path.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>
    const [last] = path.slice(-1)
    if (last !== undefined) at[last] = last in at ? [at[last], values[0]].flat() : values[0]
  }
  return whole
}

function wrongCallers(right: Caller): readonly Caller[] {
  const others: readonly Caller[] = [nobody]
  if (right.kind === 'certificate') return [...others, { ...right, names: ['spiffe://stranger.invalid/enclave/any/workload/any'] }, { ...right, names: [] }, { ...right, authority: 'stranger.invalid' }]
  if (right.kind === 'token') return [...others, { ...right, issuer: 'https://stranger.invalid' }, { ...right, audiences: ['nobody'] }, { ...right, claims: {} }]
  return others
}

function outboundRequests(platform: Platform): readonly GatewayRequest[] {
  const named = platform.egressPolicies.flatMap((policy) => {
    const domains = policy.destination.flatMap(({ external }) => platform.externals.get(external)?.domains ?? [])
    return domains.length === 0 ? [] : [{ policy, names: domains.flatMap(({ name }) => [name, `below.${name}`, `not-${name}`, `${name}.example`]) }]
  })
  return [...platform.workloads.keys()].flatMap((workload) => named.flatMap(({ policy, names }) => [...names, strangerHost].flatMap((host) => outward(workload, policy, host))))
}

function outward(workload: WorkloadId, { traffic, http }: EgressPolicy, host: string): readonly GatewayRequest[] {
  const port = traffic.ports.flatMap((item) => (item.kind === 'range' ? [item.from] : []))[0] ?? 443
  const connection: GatewayRequest = { source: { kind: 'workload', workload }, port, host, method: undefined, path: undefined, caller: nobody }
  const path = (http?.paths[0] ?? '/any').replace('*', 'any')
  const request = { ...connection, method: http?.methods[0] ?? 'GET', path }
  return [connection, { ...connection, port: strangerPort }, request, { ...request, method: 'DELETE' }, { ...request, path: '/bulkhead-nowhere' }, { ...request, port: strangerPort }]
}

function distinct(requests: readonly GatewayRequest[]): readonly GatewayRequest[] {
  const known = new Map<string, GatewayRequest>()
  for (const request of requests) known.set(JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)), request)
  return [...known.values()]
}

/** One request at the inbound gateway, decided from the documents: host, path, caller, and what the policies say of the rest. */
import { holdsAddress } from './external.ts'
import { opensLayer } from './layers.ts'
import { pathAsJudged } from './request-path.ts'
import { callerProves, routeTakesCaller } from './request-caller.ts'
import { anySelects, carries, hasExpired } from './select.ts'
import { nobody } from './rules.ts'
import type { IngressPolicy, IngressProxy, Platform, Route, Workload } from '../../model/platform.ts'
import type { GatewayRequest, RequestRefusal } from '../../model/request.ts'

/** `WORKLOAD:PORT` for each place where it may be led, sorted; or the first reason that keeps it out. */
export type Judged = { readonly led: readonly string[] } | { readonly refused: RequestRefusal }

export function judgeInbound(platform: Platform, request: GatewayRequest, now: number): Judged {
  if (platform.gateway !== undefined && request.port === platform.gateway.httpPort) return { refused: 'gateway' }
  const name = plainName(request.host)
  const serving: { readonly policy: IngressPolicy; readonly proxy: IngressProxy }[] = []
  let closest = -1
  for (const policy of platform.ingressPolicies) {
    if (policy.gateway.kind !== 'proxy') continue
    const { proxy } = policy.gateway
    if ((proxy.listenPort ?? platform.gateway?.httpsPort ?? 443) !== request.port) continue
    const close = closeness(proxy, name)
    if (close < 0 || close < closest) continue
    if (close > closest) serving.length = 0
    closest = close
    serving.push({ policy, proxy })
  }
  if (serving.length === 0) return { refused: 'host' }
  let path: string | undefined
  if (serving.some(({ proxy }) => proxy.protocol === 'http')) {
    path = request.path === undefined || request.method === undefined ? undefined : pathAsJudged(request.path)
    if (path === undefined) return { refused: 'path' }
    for (const { proxy } of serving) {
      if (proxy.authentication.kind === 'oidc' && [proxy.authentication.callbackPath, proxy.authentication.signOutPath].includes(path)) return { refused: 'gateway' }
    }
  }
  const deciding: { readonly policy: IngressPolicy; readonly proxy: IngressProxy; readonly route: Route }[] = []
  for (const each of serving) {
    for (const route of each.proxy.routes) {
      if (!holdsRequest(route, name, path)) continue
      const order = deciding[0] === undefined ? 1 : moreSpecific(route, deciding[0].route)
      if (order > 0) deciding.length = 0
      if (order >= 0) deciding.push({ ...each, route })
    }
  }
  const [any] = deciding
  if (any === undefined) return { refused: 'route' }
  if (!callerProves(platform, any.proxy.authentication, request.caller)) return { refused: 'caller' }
  const led = new Set<string>()
  for (const { policy, route } of deciding) {
    if (hasExpired(policy, now, nobody) || !isFrom(platform, policy, request)) continue
    if (request.method !== undefined && route.methods.length > 0 && !route.methods.includes(request.method)) continue
    if (!routeTakesCaller(route, request.caller)) continue
    for (const workload of platform.workloads.values()) {
      if (!opensLayer(policy, workload, nobody)) continue
      const port = portAt(platform, policy, route, workload)
      if (port !== undefined) led.add(`${workload.id}:${port}`)
    }
  }
  return led.size === 0 ? { refused: 'policy' } : { led: [...led].sort() }
}

/** Lower case and without the final dot; undefined for what is no domain name. */
function plainName(host: string | undefined): string | undefined {
  const name = host?.toLowerCase().replace(/\.$/, '')
  if (name === undefined || name.length > 253) return undefined
  const labels = name.split('.')
  const fine = labels.length >= 2 && labels.every((label) => /^[a-z0-9_-]{1,63}$/.test(label) && !label.startsWith('-') && !label.endsWith('-')) && !/^[0-9]+$/.test(labels.at(-1) ?? '')
  return fine ? name : undefined
}

/** How closely the policy's hosts hold the name: the name itself most, a longer wildcard more than a shorter, a policy without hosts least. */
function closeness({ hosts }: IngressProxy, name: string | undefined): number {
  if (hosts.length === 0) return 0
  let best = -1
  for (const host of hosts) {
    if (name === undefined) continue
    if (host === name) best = Math.max(best, 1000)
    else if (host.startsWith('*.') && name.endsWith(host.slice(1))) best = Math.max(best, host.length)
  }
  return best
}

function holdsRequest(route: Route, name: string | undefined, path: string | undefined): boolean {
  if (route.host !== undefined && route.host !== name) return false
  return path === undefined || path === route.path || (route.prefix && path.startsWith(route.path))
}

/** Above 0: `a` comes before `b`; 0: both decide together. */
function moreSpecific(a: Route, b: Route): number {
  if (a.prefix !== b.prefix) return a.prefix ? -1 : 1
  if (a.path.length !== b.path.length) return a.path.length - b.path.length
  return (a.host === undefined ? 0 : 1) - (b.host === undefined ? 0 : 1)
}

function isFrom(platform: Platform, policy: IngressPolicy, { source }: GatewayRequest): boolean {
  for (const ref of policy.source) {
    if (source.kind === 'external' && source.external === ref.external) return true
    const external = platform.externals.get(ref.external)
    if (source.kind === 'address' && external !== undefined && holdsAddress(platform, external, source.address, nobody)) return true
  }
  return false
}

/** The port at which the route leads to the workload, when both the policy and the route do. */
function portAt(platform: Platform, policy: IngressPolicy, route: Route, workload: Workload): number | undefined {
  if (workload.enclave !== policy.enclave || !anySelects(platform, policy.destination, workload)) return undefined
  if (route.destination !== undefined && route.destination !== workload.id) return undefined
  const wanted: number[] = []
  const named = (name: string): void => {
    for (const port of workload.ports) if (port.name === name && port.protocol === 'tcp') wanted.push(port.port)
  }
  if (route.port?.kind === 'number') wanted.push(route.port.port)
  else if (route.port?.kind === 'name') named(route.port.name)
  else {
    for (const item of policy.traffic.ports) {
      if (item.kind === 'range') wanted.push(item.from)
      if (item.kind === 'name') named(item.name)
    }
  }
  const end = { kind: 'workload', workload: workload.id } as const
  const open = wanted.filter((port) => carries(policy.traffic, { source: end, destination: end, protocol: 'tcp', port, phase: undefined }, workload, nobody))
  return open.length === 0 ? undefined : Math.min(...open)
}

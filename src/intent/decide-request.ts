/** Allow or deny for one request at a gateway: the host and the most specific path choose the routes, and then these alone are asked. */
import { formatOrigins } from './format.ts'
import { callerMeets, routeAdmits } from './request-caller.ts'
import { hostTable } from './request-host.ts'
import { decider } from './decide.ts'
import { externalHolds } from './path-index.ts'
import { isExpired } from '../model/platform.ts'
import { normalPath } from '../net/http-path.ts'
import { hasPort } from '../net/ports.ts'
import { parseDomain } from '../net/domain.ts'
import type { IngressPolicy, Platform, Route } from '../model/platform.ts'
import type { GatewayRequest, Led, RequestRefusal } from '../model/request.ts'
import type { Intent, Path } from './intent.ts'

export type RequestDecision =
  /** `to` is empty for the way out. */
  | { readonly verdict: 'allow'; readonly to: readonly Led[]; readonly paths: readonly Path[]; readonly reason: string }
  | { readonly verdict: 'deny'; readonly why: RequestRefusal; readonly reason: string }

/** Prepares the Intent once for any number of requests. `intent` must be that of `platform`; `now` is in milliseconds since the epoch. */
export function requestDecider(platform: Platform, intent: Intent): (request: GatewayRequest, now: number) => RequestDecision {
  const hosts = hostTable(platform)
  const holds = externalHolds(platform)
  const flows = decider(platform, intent)
  const byDocument = Map.groupBy(intent.paths.filter(({ via }) => via.kind === 'proxy'), ({ origin }) => origin[0]?.document ?? '')

  function comesFrom({ source }: Path, asked: GatewayRequest['source']): boolean {
    if (source.kind !== 'external') return false
    return asked.kind === 'external' ? asked.external === source.external : asked.kind === 'address' && holds(source.external, asked)
  }

  function inbound(request: GatewayRequest, now: number): RequestDecision {
    const { gateway } = platform
    if (gateway?.httpPort !== undefined && request.port === gateway.httpPort) return deny('gateway', 'the gateway answers with a redirect to https')
    const served = hosts(request.host, request.port)
    if (served.length === 0) return deny('host', `no policy serves \`${request.host ?? 'a connection without a name'}\` at port ${request.port}`)
    const http = served.filter(({ proxy }) => proxy.protocol === 'http')
    const path = request.path === undefined ? undefined : normalPath(request.path)
    if (http.length > 0 && (path === undefined || request.method === undefined)) return deny('path', 'the path cannot be read in one way')
    const own = http.find(({ proxy: { authentication: a } }) => a.kind === 'oidc' && (path === a.callbackPath || path === a.signOutPath))
    if (own !== undefined) return deny('gateway', 'the gateway answers that path itself, for people who sign in or out')
    const group = mostSpecific(served.flatMap(({ policy, proxy }) => proxy.routes.map((route) => ({ policy, proxy, route }))), http.length > 0 ? path : undefined, request.host)
    const [first] = group
    if (first === undefined) return deny('route', `no route of \`${request.host ?? ''}\` holds ${path ?? ''}`)
    if (!callerMeets(platform, first.proxy.authentication, request.caller)) return deny('caller', `callers have to prove who they are by \`${first.proxy.authentication.kind}\``)
    const found = group.flatMap(({ policy, route }) => {
      if (request.method !== undefined && route.methods.length > 0 && !route.methods.includes(request.method)) return []
      if (!routeAdmits(route, request.caller)) return []
      const paths = byDocument.get(`IngressPolicy ${policy.enclave}/${policy.name}`) ?? []
      return paths.filter((p) => comesFrom(p, request.source) && !isExpired(p, now)).flatMap((p) => targetOf(platform, p, route))
    })
    if (found.length === 0) return deny('policy', `no policy that serves \`${request.host ?? ''}\` lets this caller ask for ${request.method ?? ''} ${path ?? 'a connection'}`)
    return allow(found.map(({ led }) => led), found.map(({ path: by }) => by))
  }

  function outbound(request: GatewayRequest, now: number): RequestDecision {
    const name = request.host === undefined ? undefined : parseDomain(request.host)
    if (name === undefined) return deny('host', 'a request to no name does not pass the gateway')
    const decision = flows.decide({ source: request.source, destination: { kind: 'name', name }, protocol: 'tcp', port: request.port, phase: undefined }, now)
    if (decision.verdict === 'deny') return deny('policy', decision.reason)
    const path = request.path === undefined ? undefined : normalPath(request.path)
    const paths = decision.paths.filter(({ via }) => via.kind === 'egress' && (via.http === undefined || (path !== undefined && httpTakes(via.http, request.method, path))))
    if (paths.length > 0) return allow([], paths)
    return path === undefined ? deny('path', 'the path cannot be read in one way') : deny('policy', `the \`http\` of ${decision.paths.map((p) => formatOrigins(p.origin)).join('; ')} does not take ${request.method ?? ''} ${path}`)
  }

  return (request, now) => (request.source.kind === 'workload' ? outbound(request, now) : inbound(request, now))
}

interface Choice {
  readonly policy: IngressPolicy
  readonly proxy: { readonly authentication: Parameters<typeof callerMeets>[1] }
  readonly route: Route
}

/**
 * Those of the routes that share the most specific pattern which holds the path: exact before prefix, longer before shorter, and of two
 * equal ones the one that names the host. Routes of policies that have expired still stand there, so that nothing falls to a wider one.
 */
function mostSpecific<C extends Choice>(choices: readonly C[], path: string | undefined, host: string | undefined): readonly C[] {
  const name = host === undefined ? undefined : parseDomain(host)
  const held = choices.filter(({ route }) => (route.host === undefined || route.host === name) && (path === undefined || (route.prefix ? path.startsWith(route.path) : path === route.path)))
  const rank = ({ route }: C): number => (route.prefix ? route.path.length : 100_000) * 2 + (route.host === undefined ? 0 : 1)
  const best = Math.max(...held.map(rank))
  return held.filter((choice) => rank(choice) === best)
}

/** The one port at which the route meets the workload of the path, if it does. */
function targetOf(platform: Platform, path: Path, { destination, port }: Route): readonly { readonly led: Led; readonly path: Path }[] {
  if (path.destination.kind !== 'workload' || (destination !== undefined && destination !== path.destination.workload)) return []
  const { workload } = path.destination
  const declared = platform.workloads.get(workload)?.ports ?? []
  const numbers = port === undefined ? path.ports.map(({ from }) => from) : port.kind === 'number' ? [port.port] : declared.flatMap((p) => (p.name === port.name && p.protocol === 'tcp' ? [p.port] : []))
  const open = numbers.filter((number) => hasPort(path.ports, number)).sort((a, b) => a - b)
  return open[0] === undefined ? [] : [{ led: { workload, port: open[0] }, path }]
}

function httpTakes({ methods, paths }: { readonly methods: readonly string[]; readonly paths: readonly string[] }, method: string | undefined, path: string): boolean {
  const takesMethod = methods.length === 0 || (method !== undefined && methods.includes(method))
  return takesMethod && (paths.length === 0 || paths.some((p) => (p.endsWith('*') ? path.startsWith(p.slice(0, -1)) : p === path)))
}

function deny(why: RequestRefusal, reason: string): RequestDecision {
  return { verdict: 'deny', why, reason }
}

function allow(to: readonly Led[], paths: readonly Path[]): RequestDecision {
  const once = [...new Map(to.map((led) => [`${led.workload}:${led.port}`, led] as const))].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, led]) => led)
  return { verdict: 'allow', to: once, paths: [...new Set(paths)], reason: `allowed by ${[...new Set(paths.map((path) => formatOrigins(path.origin)))].join('; ')}` }
}

/** Gateways that serve several policies: one connection and one request lead to one place, whoever wrote the policy. */
import { canonicalJson } from '../../base/canonical-json.ts'
import { quote } from '../../base/diagnostic.ts'
import { formatLocation } from '../../base/location.ts'
import { refText } from '../reference-text.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { IngressPolicy, IngressProxy, Platform, Route } from '../platform.ts'

interface Entry {
  readonly policy: IngressPolicy
  readonly proxy: IngressProxy
  readonly route: Route
}

interface Host {
  readonly enclaves: Set<string>
  /** By path pattern. */
  readonly paths: Map<string, Entry[]>
}

/** What is served at one port of the gateway, by host pattern; `''` stands for no host at all. */
type Table = Map<string, Host>

/** Each policy is told once, with the first of those before it that it cannot stand beside. */
export function ingressConflicts({ ingressPolicies, gateway }: Pick<Platform, 'ingressPolicies' | 'gateway'>): readonly Diagnostic[] {
  const tables = new Map<number, Table>()
  return ingressPolicies.flatMap((policy) => {
    if (policy.gateway.kind !== 'proxy') return []
    const { proxy } = policy.gateway
    const port = proxy.listenPort ?? gateway?.httpsPort ?? 443
    let table = tables.get(port)
    if (table === undefined) tables.set(port, (table = new Map<string, Host>()))
    const found = conflictIn(table, policy, proxy)
    if (found === undefined) return []
    const { other, why } = found
    const message = `the gateway cannot serve ${quote(`${policy.enclave}/${policy.name}`)} beside ${quote(`${other.enclave}/${other.name}`)} (${formatLocation(other.at)}): ${why}`
    return [{ code: 'ingress-conflict', severity: 'error', message, at: policy.at, help: 'give one of them hosts or paths of its own, or make them agree' } as const]
  })
}

interface Conflict {
  readonly other: IngressPolicy
  readonly why: string
}

function conflictIn(table: Table, policy: IngressPolicy, proxy: IngressProxy): Conflict | undefined {
  const whole = proxy.hosts.length === 0 ? first([...table].find(([host]) => host !== '')?.[1]) : first(table.get(''))
  let found: Conflict | undefined = whole === undefined ? undefined : { other: whole.policy, why: 'one of them takes every connection to that port' }
  for (const route of proxy.routes) {
    for (const host of hostsOf(proxy, route)) found ??= hostConflict(table, host, { policy, proxy, route })
    // Its own routes are held against each other too.
    add(table, { policy, proxy, route })
  }
  return found
}

function hostConflict(table: Table, host: string, entry: Entry): Conflict | undefined {
  for (const [pattern, there] of overlapping(table, host)) {
    if (alone(there, entry.policy.enclave)) continue
    const stranger = [...there.paths.values()].flat().find(({ policy }) => policy.enclave !== entry.policy.enclave)
    if (stranger !== undefined) return { other: stranger.policy, why: `names under ${quote(pattern)} would belong to two enclaves` }
  }
  const here = table.get(host)
  const other = first(here)
  if (here === undefined || other === undefined) return undefined
  const why = connectionConflict(host, entry.proxy, other.proxy)
  if (why !== undefined) return { other: other.policy, why }
  for (const [key, entries] of meeting(here, entry)) {
    for (const near of entries) {
      if (near.policy.enclave !== entry.policy.enclave) return { other: near.policy, why: `requests for ${quote(`${host}${pathOf(entry.route)}`)} would belong to two enclaves` }
      const reason = key === pathOf(entry.route) ? routeConflict(key, entry, near) : undefined
      if (reason !== undefined) return { other: near.policy, why: reason }
    }
  }
  return undefined
}

/** Patterns other than `host` itself that hold some name with it. */
function overlapping(table: Table, host: string): readonly (readonly [string, Host])[] {
  const name = host.replace(/^\*\./, '')
  const labels = name.split('.')
  const above = labels.map((_, i) => `*.${labels.slice(i + 1).join('.')}`).filter((pattern) => pattern !== host)
  const below = host.startsWith('*.') ? [...table.keys()].filter((pattern) => pattern !== host && pattern.endsWith(`.${name}`)) : []
  return [...above, ...below].flatMap((pattern) => {
    const there = table.get(pattern)
    return there === undefined ? [] : [[pattern, there] as const]
  })
}

/** What a name has only one of: its handshake comes before any path. */
function connectionConflict(host: string, a: IngressProxy, b: IngressProxy): string | undefined {
  const at = host === '' ? 'that port' : quote(host)
  if (a.protocol !== b.protocol) return `${at} cannot be \`mode: http\` and \`mode: tcp\` at once`
  if (canonicalJson(a.tls) !== canonicalJson(b.tls)) return `${at} has one way to speak TLS, and their \`tls\` differ`
  if (authorityOf(a) !== authorityOf(b)) return `${at} asks for certificates of one authority or of none, and their \`authentication\` differ`
  return undefined
}

function authorityOf({ authentication }: IngressProxy): string {
  return authentication.kind === 'mtls' ? `mtls ${authentication.caFile ?? ''}` : ''
}

/** The same path may have several policies, which add up; they lead to one place and ask in one way. */
function routeConflict(path: string, { policy, proxy, route }: Entry, other: Entry): string | undefined {
  if (canonicalJson(proxy.authentication) !== canonicalJson(other.proxy.authentication)) return `callers of ${quote(path)} would prove who they are in two ways`
  if (canonicalJson(proxy.limits) !== canonicalJson(other.proxy.limits) || proxy.websocket !== other.proxy.websocket) return `${quote(path)} would have two sets of limits`
  const meet = route.methods.length === 0 || other.route.methods.length === 0 || route.methods.some((method) => other.route.methods.includes(method))
  return meet && targetOf(policy, route) !== targetOf(other.policy, other.route) ? `requests for ${quote(path)} would lead to two places` : undefined
}

/** Of the path patterns there, those that hold some path with this one. One enclave alone settles its own by which is longer. */
function meeting(there: Host, { policy, route }: Entry): readonly (readonly [string, Entry[]])[] {
  const keys = new Set([pathOf(route)])
  if (!alone(there, policy.enclave)) {
    for (let i = 1; i <= route.path.length; i++) keys.add(`${route.path.slice(0, i)}*`)
    if (route.prefix) for (const key of there.paths.keys()) if (key.startsWith(route.path)) keys.add(key)
  }
  return [...keys].flatMap((key) => {
    const entries = there.paths.get(key)
    return entries === undefined ? [] : [[key, entries] as const]
  })
}

function add(table: Table, entry: Entry): void {
  const { policy, proxy, route } = entry
  for (const host of hostsOf(proxy, route)) {
    let there = table.get(host)
    if (there === undefined) table.set(host, (there = { enclaves: new Set<string>(), paths: new Map<string, Entry[]>() }))
    there.enclaves.add(policy.enclave)
    const known = there.paths.get(pathOf(route))
    if (known === undefined) there.paths.set(pathOf(route), [entry])
    else known.push(entry)
  }
}

function alone({ enclaves }: Host, enclave: string): boolean {
  return enclaves.size === 1 && enclaves.has(enclave)
}

function first(there: Host | undefined): Entry | undefined {
  const [entries] = there?.paths.values() ?? []
  return entries?.[0]
}

function hostsOf({ hosts }: IngressProxy, { host }: Route): readonly string[] {
  return host !== undefined ? [host] : hosts.length === 0 ? [''] : hosts
}

function pathOf({ path, prefix }: Route): string {
  return prefix ? `${path}*` : path
}

function targetOf({ destination, traffic }: IngressPolicy, route: Route): string {
  const to = route.destination ?? destination.map(refText).sort().join(' ')
  const [only] = traffic.ports
  const port = route.port?.kind === 'number' ? route.port.port : (route.port?.name ?? (only?.kind === 'range' ? only.from : only?.kind === 'name' ? only.name : 'any'))
  return `${to}:${port}`
}

/** What comes in by host name, sorted as Envoy asks: port of the gateway, then the name of the handshake, then the policies that list it. */
import { intersectAddresses, subtractAddresses, toPrefixes } from '../../net/address-set.ts'
import { everySource, externalSpace } from './sources.ts'
import { formatPrefix } from '../../net/prefix.ts'
import { isExpired } from '../../model/platform.ts'
import { refuse } from './capabilities.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { IngressProxy, Platform, WorkloadId } from '../../model/platform.ts'
import type { Path } from '../../intent/intent.ts'
import type { PortSet } from '../../net/ports.ts'
import type { Refusal } from './capabilities.ts'

/** One IngressPolicy. */
export interface IngressRule {
  readonly document: string
  readonly proxy: IngressProxy
  readonly sources: AddressSet
  readonly destinations: ReadonlyMap<WorkloadId, PortSet>
  /** False once it has expired: its routes stand, so that nothing falls to a wider one, and let nobody in. */
  readonly open: boolean
  /** One of its paths, to be named in a refusal. */
  readonly path: Path
}

/** Policies that share a port, a name and a class of sources. */
export interface Door {
  readonly port: number
  /** Undefined: connections without TLS, or any name. */
  readonly host: string | undefined
  /** Undefined: every source, or it is for the routes to say. */
  readonly sources: readonly string[] | undefined
  readonly rules: readonly IngressRule[]
}

/** In the order of the documents' names: where two cannot stand together, the first stands. */
export function ingressRules(platform: Platform, paths: readonly Path[], now: number): { readonly rules: readonly IngressRule[]; readonly refused: readonly Refusal[] } {
  const space = externalSpace(platform)
  const found = new Map<string, { proxy: IngressProxy; sources: Set<string>; destinations: Map<WorkloadId, PortSet>; open: boolean; path: Path }>()
  const refused: Refusal[] = []
  for (const path of paths) {
    const { via, source, destination, origin } = path
    if (via.kind !== 'proxy' || source.kind !== 'external' || destination.kind !== 'workload') continue
    if (platform.gateway === undefined) {
      refused.push(refuse('no-gateway', path))
      continue
    }
    if (platform.externals.get(source.external)?.cidrs.length === 0) refused.push(refuse('source-addresses', path))
    const document = origin[0]?.document ?? ''
    const rule = found.get(document) ?? { proxy: via.proxy, sources: new Set<string>(), destinations: new Map<WorkloadId, PortSet>(), open: !isExpired(path, now), path }
    rule.sources.add(source.external)
    rule.destinations.set(destination.workload, path.ports)
    found.set(document, rule)
  }
  const rules = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([document, { sources, ...rest }]) => ({ document, ...rest, sources: space([...sources]) }))
  return { rules, refused }
}

/** The port of the gateway where a policy is asked for. */
export function portOf(platform: Platform, { proxy }: IngressRule): number {
  return proxy.listenPort ?? platform.gateway?.httpsPort ?? 443
}

/** Connections without a name to choose by have their port for themselves. */
export function nameless({ proxy }: IngressRule): boolean {
  return proxy.tls.mode === 'none'
}

export function doorsOf(platform: Platform, rules: readonly IngressRule[]): { readonly doors: readonly Door[]; readonly refused: readonly Refusal[] } {
  const refused: Refusal[] = []
  const doors: Door[] = []
  const ports = [...new Set(rules.map((rule) => portOf(platform, rule)))].sort((a, b) => a - b)
  for (const port of ports) {
    const all = rules.filter((rule) => portOf(platform, rule) === port)
    const first = all[0]
    if (first === undefined) continue
    const here = all.filter((rule) => nameless(rule) === nameless(first))
    refused.push(...all.filter((rule) => !here.includes(rule)).map(({ path }) => refuse('listener-conflict', path)))
    for (const host of hostsOf(here)) {
      const listing = here.filter(({ proxy }) => (host === undefined ? proxy.hosts.length === 0 : proxy.hosts.includes(host)))
      const same = listing.filter(({ proxy }) => proxy.protocol === listing[0]?.proxy.protocol)
      refused.push(...listing.filter((rule) => !same.includes(rule)).map(({ path }) => refuse('listener-conflict', path)))
      if (same[0]?.proxy.protocol === 'http') doors.push({ port, host, sources: undefined, rules: same })
      else for (const { sources, rules: some } of classesOf(same.filter(({ open }) => open))) doors.push({ port, host, sources, rules: some })
    }
  }
  return { doors, refused }
}

function hostsOf(rules: readonly IngressRule[]): readonly (string | undefined)[] {
  const hosts = new Set(rules.flatMap(({ proxy }) => proxy.hosts))
  return [...[...hosts].sort(), ...(rules.some(({ proxy }) => proxy.hosts.length === 0) ? [undefined] : [])]
}

/** Sources from which the same policies may decide are one class. */
function classesOf(rules: readonly IngressRule[]): readonly { readonly sources: readonly string[] | undefined; readonly rules: readonly IngressRule[] }[] {
  let classes: readonly { readonly set: AddressSet; readonly rules: readonly IngressRule[] }[] = [{ set: everySource, rules: [] }]
  for (const rule of rules) {
    classes = classes.flatMap(({ set, rules: before }) => [
      { set: intersectAddresses(set, rule.sources), rules: [...before, rule] },
      { set: subtractAddresses(set, rule.sources), rules: before },
    ]).filter(({ set }) => set.length > 0)
  }
  return classes
    .filter((each) => each.rules.length > 0)
    .map(({ set, rules: some }) => ({ sources: subtractAddresses(everySource, set).length === 0 ? undefined : toPrefixes(set).map(formatPrefix), rules: some }))
}

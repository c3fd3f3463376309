/**
 * What comes in by host name, sorted for Envoy: per port of the gateway, per name, per class of source addresses, the policies that
 * may then decide. A name's list holds every policy whose pattern holds it, because Envoy asks the most specific name alone.
 */
import { addressesOverlap, intersectAddresses, subtractAddresses, toPrefixes } from '../../net/address-set.ts'
import { covers } from './permits.ts'
import { everySource, externalSpace } from './sources.ts'
import { parseDomainPattern } from '../../net/domain.ts'
import { formatPrefix } from '../../net/prefix.ts'
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
  /** One of its paths, to be named in a refusal. */
  readonly path: Path
}

/** Policies that share a port, a name and a class of sources. */
export interface Door {
  readonly port: number
  /** Undefined: connections without TLS, or any name. */
  readonly host: string | undefined
  /** Undefined: every source. */
  readonly sources: readonly string[] | undefined
  readonly rules: readonly IngressRule[]
}

/** In the order of the documents' names: where two cannot stand together, the first stands. */
export function ingressRules(platform: Platform, paths: readonly Path[]): { readonly rules: readonly IngressRule[]; readonly refused: readonly Refusal[] } {
  const space = externalSpace(platform)
  const found = new Map<string, { proxy: IngressProxy; sources: Set<string>; destinations: Map<WorkloadId, PortSet>; path: Path }>()
  const refused: Refusal[] = []
  for (const path of paths) {
    const { via, source, destination, origin } = path
    if (via.kind !== 'proxy' || source.kind !== 'external' || destination.kind !== 'workload') continue
    if (platform.gateway === undefined) {
      refused.push(refuse('no-gateway', path))
      continue
    }
    const document = origin[0]?.document ?? ''
    const rule = found.get(document) ?? { proxy: via.proxy, sources: new Set<string>(), destinations: new Map<WorkloadId, PortSet>(), path }
    rule.sources.add(source.external)
    rule.destinations.set(destination.workload, path.ports)
    found.set(document, rule)
  }
  const rules = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([document, { proxy, sources, destinations, path }]) => ({ document, proxy, sources: space([...sources]), destinations, path }))
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
      const matching = host === undefined ? here.filter(({ proxy }) => proxy.hosts.length === 0) : here.filter((rule) => holdsHost(rule, host))
      const { standing, falling } = together(matching)
      refused.push(...falling)
      for (const { sources, rules: some } of classesOf(standing)) doors.push({ port, host, sources, rules: some })
    }
  }
  return { doors, refused }
}

function hostsOf(rules: readonly IngressRule[]): readonly (string | undefined)[] {
  const hosts = new Set(rules.flatMap(({ proxy }) => [...proxy.hosts, ...proxy.routes.flatMap(({ host }) => host ?? [])]))
  return [...[...hosts].sort(), ...(rules.some(({ proxy }) => proxy.hosts.length === 0) ? [undefined] : [])]
}

function holdsHost({ proxy }: IngressRule, host: string): boolean {
  const inner = parseDomainPattern(host)
  return inner !== undefined && proxy.hosts.some((text) => {
    const outer = parseDomainPattern(text)
    return outer !== undefined && covers(outer, inner)
  })
}

/** A name either has its requests judged, or its connections led on by one policy; never both from one source. */
function together(rules: readonly IngressRule[]): { readonly standing: readonly IngressRule[]; readonly falling: readonly Refusal[] } {
  const standing: IngressRule[] = []
  const falling: Refusal[] = []
  for (const rule of rules) {
    const other = standing.find((each) => addressesOverlap(each.sources, rule.sources) && (each.proxy.protocol === 'tcp' || rule.proxy.protocol === 'tcp'))
    if (other === undefined) standing.push(rule)
    else falling.push(refuse('listener-conflict', rule.path, other.document))
  }
  return { standing, falling }
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


/** Policies between workloads, from flows that were seen: by name, on the ports that were used. */
import { compareText } from '../base/location.ts'
import { coverCells } from './cover.ts'
import { freeName, proposed } from './names.ts'
import { portSet } from '../net/ports.ts'
import type { FederationHalf, FederationPolicy, PortItem, ServicePolicy, TrafficSpec, WorkloadId, WorkloadRef } from '../model/platform.ts'
import type { Protocol } from '../net/protocol.ts'
import type { Product } from './cover.ts'
import type { Recommended, SeenFlow } from './seen.ts'

/** A policy in words that a DNS label can hold, different from all that were given before. */
export function namer(): (text: string) => string {
  const taken = new Set<string>()
  return (text) => {
    const name = freeName(text, (one) => taken.has(one))
    taken.add(name)
    return name
  }
}

export function recommendServices(flows: readonly SeenFlow[]): readonly Recommended[] {
  const inside = flows.filter((flow) => enclaveOf(sourceOf(flow)) === enclaveOf(destinationOf(flow)))
  return [...groupBy(inside, (flow) => enclaveOf(sourceOf(flow)))].flatMap(([enclave, here]) => {
    const name = namer()
    return rectangles(here).map(({ protocol, product, evidence }) => {
      const document: ServicePolicy = {
        kind: 'ServicePolicy', enclave, expires: undefined, at: proposed, name: name(nameOf(product, protocol)),
        source: product.sources.map(ref), destination: product.destinations.map(ref), traffic: trafficOfProduct(product, protocol), encryption: undefined,
      }
      return { document, evidence }
    })
  })
}

/** One document of each enclave for all that it lets out, and one for all that it lets in, with each other enclave. */
export function recommendFederation(flows: readonly SeenFlow[]): readonly Recommended[] {
  const across = flows.filter((flow) => enclaveOf(sourceOf(flow)) !== enclaveOf(destinationOf(flow)))
  const halves = [...groupBy(across, (flow) => `${enclaveOf(sourceOf(flow))} ${enclaveOf(destinationOf(flow))}`)].flatMap(([pair, here]) => {
    const [from = '', to = ''] = pair.split(' ')
    return rectangles(here).map(({ protocol, product, evidence }) => {
      const half: FederationHalf = { source: product.sources.map(ref), destination: product.destinations.map(ref), traffic: trafficOfProduct(product, protocol), at: proposed }
      return { from, to, half, evidence }
    })
  })
  const enclaves = [...new Set(halves.flatMap(({ from, to }) => [from, to]))].sort(compareText)
  return enclaves.map((enclave) => {
    const [imports, exports] = [halves.filter(({ from }) => from === enclave), halves.filter(({ to }) => to === enclave)]
    const document: FederationPolicy = {
      kind: 'FederationPolicy', enclave, name: 'recommended', expires: undefined, at: proposed, encryption: undefined,
      imports: imports.map(({ half }) => half), exports: exports.map(({ half }) => half),
    }
    return { document, evidence: [...imports, ...exports].flatMap(({ evidence }) => evidence) }
  })
}

interface Rectangle {
  readonly protocol: Protocol
  readonly product: Product
  readonly evidence: readonly SeenFlow[]
}

function rectangles(flows: readonly SeenFlow[]): readonly Rectangle[] {
  return [...groupBy(flows, ({ protocol }) => protocol)].flatMap(([protocol, here]) =>
    coverCells(here.map((flow) => ({ source: sourceOf(flow), destination: destinationOf(flow), traffic: String(flow.port ?? '') }))).map((product) => ({
      protocol: protocol as Protocol,
      product,
      evidence: here.filter(
        (flow) => product.sources.includes(sourceOf(flow)) && product.destinations.includes(destinationOf(flow)) && product.traffic.includes(String(flow.port ?? '')),
      ),
    })),
  )
}

export function trafficOfProduct({ traffic }: Pick<Product, 'traffic'>, protocol: Protocol): TrafficSpec {
  if (protocol === 'icmp') return { protocol, ports: [] }
  return { protocol, ports: portSet(traffic.map(Number).map((port) => ({ from: port, to: port }))).map((range): PortItem => ({ kind: 'range', ...range })) }
}

export function nameOf({ sources, destinations, traffic }: Product, protocol: Protocol): string {
  const some = (ids: readonly string[]): string => {
    const [first = ''] = ids
    return ids.length === 1 ? first.slice(first.indexOf('/') + 1) : `${ids.length}-workloads`
  }
  const ports = protocol === 'icmp' ? '' : traffic.length === 1 ? `-${traffic[0] ?? ''}` : ''
  return `${some(sources)}-to-${some(destinations)}-${protocol}${ports}`
}

function ref(id: string): WorkloadRef {
  return { kind: 'workload', workload: id as WorkloadId, at: proposed }
}

export function sourceOf({ source }: SeenFlow): string {
  return source.kind === 'workload' ? source.workload : ''
}

function destinationOf({ destination }: SeenFlow): string {
  return destination.kind === 'workload' ? destination.workload : ''
}

export function enclaveOf(id: string): string {
  return id.slice(0, id.indexOf('/'))
}

export function groupBy<T>(items: readonly T[], keyed: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  return new Map([...Map.groupBy(items, keyed)].sort(([a], [b]) => compareText(a, b)))
}

/** Policies and Externals as documents that a person can paste into a file and the loader reads back as the same. */
import { stringify } from 'yaml'
import { formatInstant } from '../base/clock.ts'
import { formatAddress } from '../net/address.ts'
import { toPrefixes } from '../net/address-set.ts'
import { formatDomainPattern } from '../net/domain.ts'
import { formatPrefix } from '../net/prefix.ts'
import { phases } from '../model/platform.ts'
import { apiVersion } from '../model/schema/kinds.ts'
import { writtenProxy } from './write-proxy.ts'
import type { External, FederationHalf, LocalRef, PeerRef, Policy, Ref, TrafficSpec } from '../model/platform.ts'

export type Writable = Policy | External

/** A complete document as plain data. References inside the owner's enclave are written short. */
export function plainDocument(document: Writable): Readonly<Record<string, unknown>> {
  const metadata = document.kind === 'External' ? { name: document.name } : { name: document.name, enclave: document.enclave }
  return { apiVersion, kind: document.kind, metadata, spec: specOf(document) }
}

/** YAML text of one document, without `---`. */
export function documentYaml(document: Writable): string {
  return stringify(plainDocument(document), { lineWidth: 0, singleQuote: true })
}

function specOf(document: Writable): Readonly<Record<string, unknown>> {
  switch (document.kind) {
    case 'External': {
      const { domains, cidrs, infrastructure, telemetry } = document
      return {
        ...(domains.length === 0 ? {} : { domains: domains.map(formatDomainPattern) }),
        ...(cidrs.length === 0 ? {} : { cidrs: toPrefixes(cidrs).map(formatPrefix) }),
        ...(infrastructure ? { infrastructure } : {}),
        ...(telemetry ? { telemetry } : {}),
      }
    }
    case 'ServicePolicy':
      return { ...endsOf(document, document.enclave), ...encryption(document), ...expiry(document) }
    case 'EgressPolicy': {
      const { methods = [], paths = [] } = document.http ?? {}
      const http = { ...(methods.length === 0 ? {} : { methods }), ...(paths.length === 0 ? {} : { paths }) }
      return {
        ...endsOf(document, document.enclave),
        ...(document.phases.length === phases.length ? {} : { phases: document.phases }),
        ...(document.http === undefined ? {} : { http }),
        ...expiry(document),
      }
    }
    case 'IngressPolicy':
      return { ...endsOf(document, document.enclave), ...gatewayOf(document), ...expiry(document) }
    case 'FederationPolicy': {
      const halves = (list: readonly FederationHalf[]) => list.map((half) => endsOf(half, document.enclave))
      return {
        ...(document.exports.length === 0 ? {} : { exports: halves(document.exports) }),
        ...(document.imports.length === 0 ? {} : { imports: halves(document.imports) }),
        ...encryption(document),
        ...expiry(document),
      }
    }
  }
}

function gatewayOf({ gateway }: Extract<Policy, { readonly kind: 'IngressPolicy' }>): Readonly<Record<string, unknown>> {
  if (gateway.kind === 'publish') return { authentication: 'none', publish: { address: one(gateway.addresses.map(formatAddress)), port: gateway.port } }
  return writtenProxy(gateway.proxy)
}

function encryption({ encryption: mark }: { readonly encryption: 'required' | undefined }): { readonly encryption?: string } {
  return mark === undefined ? {} : { encryption: mark }
}

function endsOf(ends: { readonly source: readonly Ref[]; readonly destination: readonly Ref[]; readonly traffic: TrafficSpec }, enclave: string) {
  return { source: one(ends.source.map((ref) => writtenRef(ref, enclave))), destination: one(ends.destination.map((ref) => writtenRef(ref, enclave))), ...trafficFields(ends.traffic) }
}

function trafficFields({ protocol, ports }: TrafficSpec): Readonly<Record<string, unknown>> {
  const items = ports.map((item) => {
    if (item.kind === 'any') return 'any'
    if (item.kind === 'name') return item.name
    return item.from === item.to ? item.from : `${item.from}-${item.to}`
  })
  return protocol === 'icmp' ? { protocol } : { protocol, port: one(items) }
}

/** As a document of that enclave would write it. */
export function writtenRef(ref: Ref | LocalRef | PeerRef, enclave: string): string | { readonly labels: Readonly<Record<string, string>> } {
  const short = (key: string): string => (key.startsWith(`${enclave}/`) ? key.slice(enclave.length + 1) : key)
  switch (ref.kind) {
    case 'workload':
      return short(ref.workload)
    case 'enclave':
      return `${ref.enclave}/*`
    case 'group':
      return `group:${short(ref.group)}`
    case 'labels':
      return { labels: Object.fromEntries(ref.labels) }
    case 'external':
      return `external:${ref.external}`
    case 'peer':
      return `peer:${ref.peer}/${ref.enclave}/${ref.workload}`
  }
}

function expiry({ expires }: { readonly expires: number | undefined }): Readonly<Record<string, unknown>> {
  return expires === undefined ? {} : { expires: formatInstant(expires) }
}

function one<T>(items: readonly T[]): T | readonly T[] {
  const [first] = items
  return items.length === 1 && first !== undefined ? first : items
}

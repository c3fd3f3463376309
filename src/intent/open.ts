/** What the documents that need nobody else's consent open: services, groups, egress and ingress. */
import { allPhases, direct, insideVia, originOf } from './builder.ts'
import { declaredTraffic, trafficOf } from './traffic.ts'
import type { EgressPolicy, Group, IngressPolicy, LocalRef, ServicePolicy, Workload, WorkloadId } from '../model/platform.ts'
import type { Builder } from './builder.ts'
import type { Via } from './intent.ts'
import type { Selector } from './select.ts'

export function openService(build: Builder, select: Selector, policy: ServicePolicy): void {
  const shared = { kind: 'service', phases: allPhases, expires: policy.expires, via: insideVia(policy), origin: Object.freeze([originOf(policy)]) } as const
  const traffic = trafficOf(policy.traffic)
  const sources = own(select, policy.source, policy.enclave)
  const destinations = own(select, policy.destination, policy.enclave)
  for (const d of destinations) {
    const opened = traffic(d)
    if (opened.length === 0) continue
    const destination = build.workload(d.id)
    for (const s of sources) {
      if (s.id !== d.id || writesOut(policy, s.id)) build.add({ source: build.workload(s.id), destination }, opened, shared)
    }
  }
}

export function openGroup(build: Builder, members: readonly Workload[], group: Group): void {
  const shared = { kind: 'group', phases: allPhases, expires: undefined, via: direct, origin: Object.freeze([originOf(group)]) } as const
  for (const d of members) {
    const opened = declaredTraffic(d)
    if (opened.length === 0) continue
    const destination = build.workload(d.id)
    for (const s of members) {
      if (s.id !== d.id) build.add({ source: build.workload(s.id), destination }, opened, shared)
    }
  }
}

export function openEgress(build: Builder, select: Selector, policy: EgressPolicy): void {
  const via: Via = Object.freeze({ kind: 'egress', http: policy.http })
  const phases = Object.freeze(allPhases.filter((phase) => policy.phases.includes(phase)))
  if (phases.length === 0) return
  const shared = { kind: 'egress', phases, expires: policy.expires, via, origin: Object.freeze([originOf(policy)]) } as const
  const opened = trafficOf(policy.traffic)(undefined)
  const destinations = new Set(policy.destination.map((ref) => ref.external))
  for (const s of own(select, policy.source, policy.enclave)) {
    const source = build.workload(s.id)
    for (const name of destinations) build.add({ source, destination: build.external(name) }, opened, shared)
  }
}

export function openIngress(build: Builder, select: Selector, policy: IngressPolicy): void {
  const shared = {
    kind: 'ingress',
    phases: allPhases,
    expires: policy.expires,
    via: gatewayOf(policy),
    origin: Object.freeze([originOf(policy)]),
  } as const
  const traffic = trafficOf(policy.traffic)
  const sources = new Set(policy.source.map((ref) => ref.external))
  for (const d of own(select, policy.destination, policy.enclave)) {
    const opened = traffic(d)
    const destination = build.workload(d.id)
    for (const name of sources) build.add({ source: build.external(name), destination }, opened, shared)
  }
}

function gatewayOf({ gateway }: IngressPolicy): Via {
  return gateway.kind === 'publish'
    ? Object.freeze({ kind: 'publish', addresses: gateway.addresses, port: gateway.port })
    : Object.freeze({ kind: 'proxy', hosts: gateway.hosts, authentication: gateway.authentication, proxy: gateway.proxy })
}

/** A local end counts only inside the owner's enclave; what is written beyond it is refused elsewhere and opens nothing here. */
function own(select: Selector, refs: readonly LocalRef[], enclave: string): readonly Workload[] {
  const selected = select.workloads(refs)
  return selected.every((w) => w.enclave === enclave) ? selected : selected.filter((w) => w.enclave === enclave)
}

/** Only a workload that both ends write out by name may reach itself. */
function writesOut({ source, destination }: ServicePolicy, id: WorkloadId): boolean {
  const named = (ref: LocalRef): boolean => ref.kind === 'workload' && ref.workload === id
  return source.some(named) && destination.some(named)
}

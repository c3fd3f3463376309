/** What of the documents takes a gateway: which ports lead to one, and from where, and which of them lead on to a workload. */
import { holdsAddress } from './external.ts'
import { allowedToPeer, federationAllows } from './federation.ts'
import { groupAllows } from './group.ts'
import { nobody } from './rules.ts'
import { anySelects, carries, hasExpired } from './select.ts'
import { serviceAllows } from './service.ts'
import type { EgressPolicy, Flow, IngressPolicy, PeerWorkload, Phase, Platform, TrafficSpec, Workload } from '../../model/platform.ts'
import type { Address } from '../../net/address.ts'

/** Policies by which the workload reaches some name on this tcp port. */
export function namingPolicies(platform: Platform, source: Workload, phase: Phase, port: number, now: number): readonly EgressPolicy[] {
  return platform.egressPolicies.filter((policy) =>
    policy.enclave === source.enclave && anySelects(platform, policy.source, source) && policy.phases.includes(phase) && !hasExpired(policy, now, nobody) &&
    carries(policy.traffic, tcp(source, port), undefined, nobody) &&
    policy.destination.some(({ external }) => (platform.externals.get(external)?.domains.length ?? 0) > 0))
}

/** Whether an External of one of these policies that has names holds the address as well. */
export function namedHold(platform: Platform, policies: readonly EgressPolicy[], address: Address): boolean {
  return policies.some((policy) => policy.destination.some(({ external }) => {
    const found = platform.externals.get(external)
    return found !== undefined && found.domains.length > 0 && holdsAddress(platform, found, address, nobody)
  }))
}

/** What policies that do not ask for encryption open. */
export function plainAllows(platform: Platform, source: Workload, destination: Workload, flow: Flow, now: number): boolean {
  const plain = {
    ...platform, servicePolicies: platform.servicePolicies.filter((p) => p.encryption === undefined), federationPolicies: platform.federationPolicies.filter((p) => p.encryption === undefined),
  }
  return serviceAllows(plain, source, destination, flow, now, nobody) || groupAllows(plain, source, destination, flow, nobody) || federationAllows(plain, source, destination, flow, now, nobody)
}

/** What is open by mutual TLS: one policy that asks for it, or two halves of which one does. */
export function encryptedAllows(platform: Platform, source: Workload, destination: Workload, flow: Flow, now: number): boolean {
  if (flow.protocol !== 'tcp') return false
  const services = platform.servicePolicies.filter((p) => p.encryption === 'required')
  if (services.length > 0 && serviceAllows({ ...platform, servicePolicies: services }, source, destination, flow, now, nobody)) return true
  for (const one of platform.federationPolicies) {
    if (one.encryption !== 'required') continue
    for (const other of platform.federationPolicies) {
      if (federationAllows({ ...platform, federationPolicies: one === other ? [one] : [one, other] }, source, destination, flow, now, nobody)) return true
    }
  }
  return false
}

/** Ingress policies by which the inbound gateway goes on to the workload, on this port or on any. */
export function proxyPolicies(platform: Platform, destination: Workload, port: number | undefined, now: number): readonly IngressPolicy[] {
  return platform.ingressPolicies.filter((policy) =>
    policy.gateway.kind === 'proxy' && policy.enclave === destination.enclave && anySelects(platform, policy.destination, destination) && !hasExpired(policy, now, nobody) &&
    (port === undefined ? carriesSome(policy.traffic, destination) : carries(policy.traffic, tcp(destination, port), destination, nobody)))
}

/** Whether some Peer's workload may come to this one, on this port or on any. */
export function peerEnters(platform: Platform, destination: Workload, port: number | undefined, now: number): boolean {
  return platform.federationPolicies.some((policy) => policy.enclave === destination.enclave && !hasExpired(policy, now, nobody) && policy.exports.some((half) =>
    half.source.some((ref) => ref.kind === 'peer') && anySelects(platform, half.destination, destination) &&
    (port === undefined ? carriesTcp(half.traffic) && carriesSome(half.traffic, destination) : carries(half.traffic, tcp(destination, port), destination, nobody))))
}

export function reachesPeer(platform: Platform, source: Workload, end: PeerWorkload, port: number, now: number): boolean {
  return allowedToPeer(platform, source, { kind: 'peer', ...end }, tcp(source, port), now, nobody)
}

/** Without imports of all workloads of an enclave over there: these have no names that are known here. */
export function withNamedPeers(platform: Platform): Platform {
  const federationPolicies = platform.federationPolicies.map((policy) => ({
    ...policy, imports: policy.imports.map((half) => ({ ...half, destination: half.destination.filter((ref) => ref.kind !== 'peer' || ref.workload !== '*') })),
  }))
  return { ...platform, federationPolicies }
}

/** Whether one of these policies has the inbound gateway listen on this port for this client. */
export function listensTo(platform: Platform, policies: readonly IngressPolicy[], client: Address, port: number): boolean {
  return policies.some(({ gateway, source }) => {
    if (gateway.kind !== 'proxy') return false
    const { listenPort, protocol } = gateway.proxy
    const redirects = listenPort === undefined && protocol === 'http' && platform.gateway?.httpPort === port
    if ((listenPort ?? platform.gateway?.httpsPort) !== port && !redirects) return false
    return source.some(({ external }) => {
      const found = platform.externals.get(external)
      return found !== undefined && holdsAddress(platform, found, client, nobody)
    })
  })
}

function carriesTcp({ protocol }: TrafficSpec): boolean {
  return protocol === 'tcp' || protocol === 'any'
}

function carriesSome({ ports }: TrafficSpec, { ports: declared }: Workload): boolean {
  return ports.some((item) => item.kind !== 'name' || declared.some((p) => p.name === item.name && p.protocol === 'tcp'))
}

function tcp(workload: Workload, port: number): Flow {
  return { source: { kind: 'workload', workload: workload.id }, destination: { kind: 'workload', workload: workload.id }, protocol: 'tcp', port, phase: undefined }
}

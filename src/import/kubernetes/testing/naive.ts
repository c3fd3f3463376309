/**
 * A second reading of the Kubernetes documentation, one flow at a time, straight from the manifests and in the plainest
 * words; it shares nothing with what it checks.
 */
import type { LabelSelector, Manifest } from './manifests.ts'

export interface NaivePod {
  readonly workload: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[]
  readonly addresses: readonly string[]
  readonly hostNetwork: boolean
}

export type NaiveEnd = { readonly pod: NaivePod } | { readonly address: string } | 'anonymous'

export interface NaiveFlow {
  readonly source: NaiveEnd
  readonly destination: NaiveEnd
  /** `TCP`, `UDP`, `SCTP`; anything else has no ports. */
  readonly protocol: string
  readonly port: number
}

export interface NaiveCluster {
  readonly pods: readonly NaivePod[]
  readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly manifests: readonly Manifest[]
  /** In a cluster a block holds of pods too, by their addresses of the family that the flow has; for an analysis without addresses it does not. */
  readonly family: 4 | 6 | undefined
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the manifests are what the generators make; types would say it twice */
export function naiveCluster(manifests: readonly Manifest[], family?: 4 | 6): NaiveCluster {
  const namespaces: Record<string, Record<string, string>> = {}
  for (const m of manifests) {
    const name = m.kind === 'Namespace' ? m.metadata.name : m.metadata.namespace
    if (name === undefined) continue
    namespaces[name] = { ...namespaces[name], ...(m.kind === 'Namespace' ? m.metadata.labels : {}), 'kubernetes.io/metadata.name': name }
  }
  const pods = manifests.flatMap((m): NaivePod[] => {
    const namespace = m.metadata.namespace ?? 'default'
    if (m.kind === 'Pod') {
      const owner = (m.metadata.ownerReferences as any)?.[0]
      const workload = `${namespace}/${owner?.name ?? m.metadata.name}[${owner?.kind ?? 'Pod'}]`
      return [{ workload, namespace, labels: m.metadata.labels ?? {}, ports: portsOf((m.spec as any).containers), addresses: ((m.status as any)?.podIPs ?? []).map((item: any) => item.ip), hostNetwork: (m.spec as any).hostNetwork === true }]
    }
    const template = (m.spec as any)?.template
    if (template === undefined) return []
    return [{ workload: `${namespace}/${m.metadata.name}[${m.kind}]`, namespace, labels: template.metadata.labels ?? {}, ports: portsOf(template.spec.containers), addresses: [], hostNetwork: template.spec.hostNetwork === true }]
  })
  return { pods, namespaces, manifests, family }
}

function portsOf(containers: any): NaivePod['ports'] {
  return containers.flatMap((container: any) => container.ports ?? [])
}

/** Allowed when the source's egress and the destination's ingress both allow it. */
export function naiveAllows(cluster: NaiveCluster, flow: NaiveFlow): boolean {
  return sideAllows(cluster, flow, 'egress', flow.source, flow.destination) && sideAllows(cluster, flow, 'ingress', flow.destination, flow.source)
}

function sideAllows(cluster: NaiveCluster, flow: NaiveFlow, direction: 'ingress' | 'egress', subject: NaiveEnd, peer: NaiveEnd): boolean {
  if (typeof subject === 'string' || !('pod' in subject)) return true
  const { pod } = subject
  const list = direction === 'ingress' ? 'from' : 'to'
  const admins = cluster.manifests
    .filter((m) => m.kind === 'AdminNetworkPolicy' || (m.kind === 'ClusterNetworkPolicy' && (m.spec as any).tier === 'Admin'))
    .sort((a, b) => (a.spec as any).priority - (b.spec as any).priority)
  const baselines = cluster.manifests
    .filter((m) => m.kind === 'BaselineAdminNetworkPolicy' || (m.kind === 'ClusterNetworkPolicy' && (m.spec as any).tier === 'Baseline'))
    .sort((a, b) => ((a.spec as any).priority ?? 0) - ((b.spec as any).priority ?? 0))

  const ruling = (policies: readonly Manifest[]): string | undefined => {
    for (const policy of policies) {
      const spec = policy.spec as any
      if (!matchesPodsOrNamespaces(cluster, spec.subject, subject)) continue
      for (const rule of spec[direction] ?? []) {
        if (!rule[list].some((p: any) => matchesAdminPeer(cluster, p, peer))) continue
        const ports = policy.kind === 'ClusterNetworkPolicy' ? rule.protocols : rule.ports
        if (ports !== undefined && !ports.some((p: any) => matchesAdminPort(p, flow))) continue
        return rule.action
      }
    }
    return undefined
  }

  const first = ruling(admins)
  if (first === 'Allow' || first === 'Accept') return true
  if (first === 'Deny') return false

  const selecting = cluster.manifests.filter((m) => {
    if (m.kind !== 'NetworkPolicy' || (m.metadata.namespace ?? 'default') !== pod.namespace) return false
    const spec = m.spec as any
    const types = spec.policyTypes ?? ['Ingress', ...((spec.egress ?? []).length > 0 ? ['Egress'] : [])]
    return types.includes(direction === 'ingress' ? 'Ingress' : 'Egress') && matchesSelector(spec.podSelector ?? {}, pod.labels)
  })
  if (selecting.length > 0) {
    return selecting.some((m) =>
      ((m.spec as any)[direction] ?? []).some(
        (rule: any) =>
          ((rule[list] ?? []).length === 0 || rule[list].some((p: any) => matchesPeer(cluster, p, peer, pod.namespace))) &&
          ((rule.ports ?? []).length === 0 || rule.ports.some((p: any) => matchesPort(p, flow))),
      ),
    )
  }
  return ruling(baselines) !== 'Deny'
}

function labelsOf(cluster: NaiveCluster, end: NaiveEnd): { readonly pod: Readonly<Record<string, string>>; readonly namespace: Readonly<Record<string, string>>; readonly name: string | undefined } | undefined {
  if (end === 'anonymous') return { pod: {}, namespace: {}, name: undefined }
  if (!('pod' in end)) return undefined
  return { pod: end.pod.labels, namespace: cluster.namespaces[end.pod.namespace] ?? {}, name: end.pod.namespace }
}

function matchesPodsOrNamespaces(cluster: NaiveCluster, where: any, end: NaiveEnd): boolean {
  const labels = labelsOf(cluster, end)
  if (labels === undefined) return false
  // "host-networked pods are not included", as subjects and as peers
  if (typeof end !== 'string' && 'pod' in end && end.pod.hostNetwork) return false
  if (where.namespaces !== undefined) return matchesSelector(where.namespaces, labels.namespace)
  return where.pods !== undefined && matchesSelector(where.pods.namespaceSelector, labels.namespace) && matchesSelector(where.pods.podSelector, labels.pod)
}

function matchesAdminPeer(cluster: NaiveCluster, peer: any, end: NaiveEnd): boolean {
  if (peer.networks !== undefined) return peer.networks.some((cidr: string) => addressesOf(cluster, end).some((address) => inBlock(address, cidr)))
  return matchesPodsOrNamespaces(cluster, peer, end)
}

function matchesPeer(cluster: NaiveCluster, peer: any, end: NaiveEnd, ownNamespace: string): boolean {
  if (peer.ipBlock !== undefined) {
    return addressesOf(cluster, end).some((address) => inBlock(address, peer.ipBlock.cidr) && !(peer.ipBlock.except ?? []).some((cidr: string) => inBlock(address, cidr)))
  }
  const labels = labelsOf(cluster, end)
  if (labels === undefined) return false
  if (peer.namespaceSelector === undefined ? labels.name !== ownNamespace : !matchesSelector(peer.namespaceSelector, labels.namespace)) return false
  return peer.podSelector === undefined || matchesSelector(peer.podSelector, labels.pod)
}

function addressesOf(cluster: NaiveCluster, end: NaiveEnd): readonly string[] {
  if (end === 'anonymous') return []
  if ('address' in end) return [end.address]
  return cluster.family === undefined ? [] : end.pod.addresses.filter((address) => address.includes(':') === (cluster.family === 6))
}

function matchesSelector(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels[key] !== value) return false
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const has = labels[key] !== undefined
    const among = has && values.includes(labels[key] ?? '')
    if (operator === 'In' && !among) return false
    if (operator === 'NotIn' && among) return false
    if (operator === 'Exists' && !has) return false
    if (operator === 'DoesNotExist' && has) return false
  }
  return true
}

function destinationPorts(flow: NaiveFlow): NaivePod['ports'] {
  return typeof flow.destination !== 'string' && 'pod' in flow.destination ? flow.destination.pod.ports : []
}

function matchesPort(port: any, flow: NaiveFlow): boolean {
  if ((port.protocol ?? 'TCP') !== flow.protocol) return false
  if (port.port === undefined) return true
  if (typeof port.port === 'number') return flow.port >= port.port && flow.port <= (port.endPort ?? port.port)
  return destinationPorts(flow).some((p) => p.name === port.port && (p.protocol ?? 'TCP') === flow.protocol && p.containerPort === flow.port)
}

function matchesAdminPort(port: any, flow: NaiveFlow): boolean {
  const name = port.namedPort ?? port.destinationNamedPort
  if (name !== undefined) return destinationPorts(flow).some((p) => p.name === name && (p.protocol ?? 'TCP') === flow.protocol && p.containerPort === flow.port)
  if (port.portNumber !== undefined) return (port.portNumber.protocol ?? 'TCP') === flow.protocol && port.portNumber.port === flow.port
  if (port.portRange !== undefined) return (port.portRange.protocol ?? 'TCP') === flow.protocol && flow.port >= port.portRange.start && flow.port <= port.portRange.end
  const { destinationPort } = port[flow.protocol.toLowerCase()] ?? {}
  if (destinationPort === undefined) return false
  if (destinationPort.number !== undefined) return destinationPort.number === flow.port
  return flow.port >= destinationPort.range.start && flow.port <= destinationPort.range.end
}

/** Octet by octet, bit by bit. */
function inBlock(address: string, cidr: string): boolean {
  const [base = '', length = ''] = cidr.split('/')
  if (address.includes(':') !== base.includes(':')) return false
  return bitsOf(address).slice(0, Number(length)) === bitsOf(base).slice(0, Number(length))
}

function bitsOf(address: string): string {
  if (!address.includes(':')) return address.split('.').map((octet) => Number(octet).toString(2).padStart(8, '0')).join('')
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = tail === undefined ? before : [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after]
  return groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('')
}

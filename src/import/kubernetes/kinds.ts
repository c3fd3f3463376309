/** Which kinds are read, which say nothing about who reaches whom, and which are not known. */

export interface ManifestKind {
  readonly name: KindName
  readonly namespaced: boolean
}

const read = {
  Namespace: { namespaced: false, versions: ['v1'] },
  Pod: { namespaced: true, versions: ['v1'] },
  ReplicationController: { namespaced: true, versions: ['v1'] },
  Service: { namespaced: true, versions: ['v1'] },
  Deployment: { namespaced: true, versions: ['apps/v1'] },
  ReplicaSet: { namespaced: true, versions: ['apps/v1'] },
  StatefulSet: { namespaced: true, versions: ['apps/v1'] },
  DaemonSet: { namespaced: true, versions: ['apps/v1'] },
  Job: { namespaced: true, versions: ['batch/v1'] },
  CronJob: { namespaced: true, versions: ['batch/v1'] },
  Ingress: { namespaced: true, versions: ['networking.k8s.io/v1'] },
  NetworkPolicy: { namespaced: true, versions: ['networking.k8s.io/v1'] },
  AdminNetworkPolicy: { namespaced: false, versions: ['policy.networking.k8s.io/v1alpha1'] },
  BaselineAdminNetworkPolicy: { namespaced: false, versions: ['policy.networking.k8s.io/v1alpha1'] },
  ClusterNetworkPolicy: { namespaced: false, versions: ['policy.networking.k8s.io/v1alpha2'] },
  Gateway: { namespaced: true, versions: ['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1beta1'] },
  HTTPRoute: { namespaced: true, versions: ['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1beta1'] },
  GRPCRoute: { namespaced: true, versions: ['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1alpha2'] },
  TLSRoute: { namespaced: true, versions: ['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1alpha2', 'gateway.networking.k8s.io/v1alpha3'] },
  TCPRoute: { namespaced: true, versions: ['gateway.networking.k8s.io/v1alpha2'] },
  ReferenceGrant: { namespaced: true, versions: ['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1beta1'] },
} as const satisfies Readonly<Record<string, { readonly namespaced: boolean; readonly versions: readonly string[] }>>

export type KindName = keyof typeof read

const byName = new Map(Object.entries(read).map(([name, { namespaced, versions }]) => [name, { kind: { name: name as KindName, namespaced }, versions: versions as readonly string[] }]))

/** API versions whose other kinds do not decide who reaches whom; a kind that is read elsewhere is not one of them. */
const harmless = new Set([
  'v1', 'apps/v1', 'batch/v1', 'autoscaling/v1', 'autoscaling/v2', 'policy/v1', 'rbac.authorization.k8s.io/v1', 'storage.k8s.io/v1',
  'scheduling.k8s.io/v1', 'coordination.k8s.io/v1', 'discovery.k8s.io/v1', 'events.k8s.io/v1', 'node.k8s.io/v1', 'certificates.k8s.io/v1',
  'apiextensions.k8s.io/v1', 'apiregistration.k8s.io/v1', 'admissionregistration.k8s.io/v1', 'authentication.k8s.io/v1', 'authorization.k8s.io/v1',
  'flowcontrol.apiserver.k8s.io/v1', 'resource.k8s.io/v1', 'networking.k8s.io/v1',
])

/** Gateway API kinds that lead nowhere by themselves. */
const harmlessGatewayKinds = new Set(['GatewayClass', 'BackendTLSPolicy'])

export function kindOf(apiVersion: string, kind: string): ManifestKind | 'irrelevant' | 'unknown' {
  const known = byName.get(kind)
  if (known !== undefined) return known.versions.includes(apiVersion) ? known.kind : 'unknown'
  if (/NetworkPolic(y|ies)$/.test(kind)) return 'unknown'
  if (harmless.has(apiVersion)) return 'irrelevant'
  return apiVersion.startsWith('gateway.networking.k8s.io/') && harmlessGatewayKinds.has(kind) ? 'irrelevant' : 'unknown'
}

/** The versions in which a kind is understood; empty for a kind that is not known. */
export function knownVersions(kind: string): readonly string[] {
  return byName.get(kind)?.versions ?? []
}

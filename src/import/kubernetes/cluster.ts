/** Everything that the manifests say about who reaches whom. */
import { hasErrors, sortDiagnostics } from '../../base/diagnostic.ts'
import { compareText } from '../../base/location.ts'
import { readAdminPolicy } from './admin-policy.ts'
import { deadBackends } from './backends.ts'
import { isAttached, readGateway, readGrant } from './grants.ts'
import { readManifests } from './manifest.ts'
import { readNetworkPolicy } from './network-policy.ts'
import { readIngress, readRoute, readService } from './services.ts'
import { readNamespaces, readPods } from './workloads.ts'
import { equalPriorities } from './priorities.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { SourceFile } from '../../base/source-file.ts'
import type { Manifest, ReadOptions } from './manifest.ts'
import type { Policy } from './policy.ts'
import type { Backend, Service } from './services.ts'
import type { Namespace, Pod } from './workloads.ts'

export interface Cluster {
  readonly namespaces: readonly Namespace[]
  readonly pods: readonly Pod[]
  /** Sorted by kind and name. */
  readonly policies: readonly Policy[]
  readonly services: readonly Service[]
  readonly backends: readonly Backend[]
}

export interface ReadCluster {
  /** `undefined` exactly when there is an error among the diagnostics. */
  readonly cluster: Cluster | undefined
  /** Sorted by place. */
  readonly diagnostics: readonly Diagnostic[]
}

export function readCluster(files: readonly SourceFile[], options: ReadOptions): ReadCluster {
  const { manifests, diagnostics } = readManifests(files, options)
  const of = (...kinds: readonly string[]): readonly Manifest[] => manifests.filter(({ kind }) => kinds.includes(kind.name))
  const found: Diagnostic[] = [...diagnostics]
  const namespaces = readNamespaces(manifests)
  const gateways = of('Gateway').map(readGateway)
  const grants = of('ReferenceGrant').map(readGrant)
  const routes = of('HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute').filter((route) => isAttached(route, gateways, namespaces))
  const cluster: Cluster = {
    namespaces,
    pods: readPods(manifests),
    policies: manifests.flatMap((manifest) => readPolicy(manifest) ?? []).sort((a, b) => compareText(a.kind, b.kind) || compareText(a.name, b.name)),
    services: of('Service').map(readService),
    backends: [...of('Ingress').flatMap(readIngress), ...routes.flatMap((route) => readRoute(route, grants))],
  }
  for (const report of new Set(manifests.map(({ field }) => field.origin.report))) found.push(...report)
  found.push(...equalPriorities(cluster.policies, cluster.pods, cluster.namespaces), ...deadBackends(cluster.services, cluster.backends))
  const all = sortDiagnostics(found)
  return { cluster: hasErrors(all) ? undefined : Object.freeze(cluster), diagnostics: all }
}

function readPolicy(manifest: Manifest): Policy | undefined {
  switch (manifest.kind.name) {
    case 'NetworkPolicy':
      return readNetworkPolicy(manifest)
    case 'AdminNetworkPolicy':
    case 'BaselineAdminNetworkPolicy':
    case 'ClusterNetworkPolicy':
      return readAdminPolicy(manifest.kind.name, manifest)
    default:
      return undefined
  }
}

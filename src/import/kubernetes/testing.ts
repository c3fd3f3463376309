/** Clusters for tests, written as manifests. */
import assert from 'node:assert/strict'
import { readCluster } from './cluster.ts'
import { analyseCluster, connections } from './connections.ts'
import { connectionRows, connectionsText } from './format.ts'
import type { Cluster, ReadCluster } from './cluster.ts'

/** Each text is a file of its own. */
export function read(texts: readonly string[], lenient = false): ReadCluster {
  return readCluster(texts.map((text, i) => ({ path: `${i}.yaml`, absolute: `/${i}.yaml`, text })), { lenient })
}

export function cluster(...texts: readonly string[]): Cluster {
  const { cluster, diagnostics } = read(texts)
  assert.ok(cluster, JSON.stringify(diagnostics))
  return cluster
}

/** The lines of `matrix --kubernetes`. */
export function matrixLines(...texts: readonly string[]): readonly string[] {
  const analysis = analyseCluster(cluster(...texts))
  return connectionsText(connectionRows(connections(analysis), analysis.table)).split('\n').slice(0, -1)
}

/** `error 0.yaml:3 code` for every diagnostic. */
export function problems(texts: readonly string[], lenient = false): readonly string[] {
  return read(texts, lenient).diagnostics.map((d) => `${d.severity} ${d.at.file}:${d.at.line} ${d.code}`)
}

export function deployment(name: string, options: { readonly namespace?: string; readonly labels?: string; readonly ports?: string } = {}): string {
  const { namespace = 'default', labels = `app: ${name}`, ports = '' } = options
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  template:
    metadata: { labels: { ${labels} } }
    spec: { containers: [{ name: main, image: x, ports: [${ports}] }] }
`
}

export function pod(name: string, options: { readonly namespace?: string; readonly labels?: string; readonly ports?: string; readonly metadata?: string; readonly status?: string } = {}): string {
  const { namespace = 'default', labels = `app: ${name}`, ports = '', metadata = '', status = '' } = options
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { ${labels} }${metadata === '' ? '' : `, ${metadata}`} }
spec: { containers: [{ name: main, image: x, ports: [${ports}] }] }
status: { ${status} }
`
}

export function namespace(name: string, labels = ''): string {
  return `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${name}, labels: { ${labels} } }\n`
}

export function networkPolicy(name: string, spec: string, where = 'default'): string {
  return `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: ${name}, namespace: ${where} }\nspec: ${spec}\n`
}

export function adminPolicy(name: string, priority: number, spec: string): string {
  return `apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: { name: ${name} }\nspec: { priority: ${priority}, ${spec} }\n`
}

export function baselinePolicy(spec: string): string {
  return `apiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata: { name: default }\nspec: { ${spec} }\n`
}

export function clusterPolicy(name: string, tier: 'Admin' | 'Baseline', priority: number, spec: string): string {
  return `apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: { name: ${name} }\nspec: { tier: ${tier}, priority: ${priority}, ${spec} }\n`
}

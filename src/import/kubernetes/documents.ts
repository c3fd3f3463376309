/**
 * A cluster as documents of this project: an Enclave for each namespace, a Workload for each kind of pod in it, and just
 * the paths that the policies leave open, resolved. What no document can say stays closed and is told.
 */
import { stringify } from 'yaml'
import { compareText } from '../../base/location.ts'
import { addressSet, toPrefixes, unionAddresses } from '../../net/address-set.ts'
import { formatPrefix, prefix } from '../../net/prefix.ts'
import { isAllPorts } from '../../net/ports.ts'
import { analyseCluster, between } from './connections.ts'
import { namer, workloadNames } from './names.ts'
import { mostReplicas, notCarried } from './not-carried.ts'
import { noTraffic, portedProtocols } from './traffic.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { PortSet } from '../../net/ports.ts'
import type { Cluster } from './cluster.ts'
import type { Analysis } from './connections.ts'
import type { Traffic, TrafficId } from './traffic.ts'
import type { Pod } from './workloads.ts'

export interface ImportedFile {
  /** `default.yaml`: one file for each namespace, so that each owner's halves stay in a file of their own. */
  readonly path: string
  readonly text: string
}

export interface Imported {
  readonly files: readonly ImportedFile[]
  readonly workloads: number
  /** Warnings: what the manifests allow and the documents leave closed. */
  readonly diagnostics: readonly Diagnostic[]
}

export interface ImportOptions {
  /** Start what the manifests' containers start; otherwise every pod idles, and is there to be entered. */
  readonly run: boolean
}

type Document = Readonly<Record<string, unknown>>

interface Draft {
  /** Without pods' own addresses: what is said of the outside. */
  readonly analysis: Analysis
  /** What one pod may send to another, by position. */
  readonly inside: (source: number, destination: number) => TrafficId
  readonly names: readonly string[]
  /** By namespace. */
  readonly documents: ReadonlyMap<string, Document[]>
  readonly policyName: ReadonlyMap<string, (wanted: string) => string>
}

/**
 * Blocks hold of pods whose addresses the manifests tell. A document's path is open to IPv4 and IPv6 alike: where a block
 * holds of one address of a pod and not of the other, what both families allow is open.
 */
export function importCluster(cluster: Cluster, { run }: ImportOptions): Imported {
  const analysis = analyseCluster(cluster, { alsoCut: { ingress: [], egress: [addressSet([prefix('::/0')])] } })
  const { inside, differing } = insideTraffic(analysis)
  const names = workloadNames(cluster.pods)
  const namespaces = cluster.namespaces.map(({ name }) => name)
  const draft: Draft = { analysis, inside, names, documents: new Map(namespaces.map((name) => [name, []])), policyName: new Map(namespaces.map((name) => [name, namer()])) }
  for (const name of namespaces) add(draft, name, 'Enclave', { name }, {})
  cluster.pods.forEach((pod, i) => {
    const name = names[i] ?? ''
    // Who does not find the name that the manifests give is told what it stands for.
    const annotations = name === pod.called ? {} : { annotations: { imported: pod.workload } }
    add(draft, pod.namespace, 'Workload', { name, enclave: pod.namespace, ...annotations }, workloadSpec(pod, run))
  })
  addInside(draft)
  const externals = addOutward(draft)
  const files = namespaces.map((name) => ({ path: `${name}.yaml`, text: fileText(draft.documents.get(name) ?? []) }))
  // Also when there is none: what an earlier import wrote there must not stay.
  files.push({ path: 'externals/externals.yaml', text: externals.length === 0 ? '# No workload reaches outside.\n' : fileText(externals) })
  return { files, workloads: cluster.pods.length, diagnostics: [...notCarried(analysis), ...differing()] }
}

function add(draft: Draft, namespace: string, kind: string, metadata: Document, spec: Document): void {
  draft.documents.get(namespace)?.push({ apiVersion: 'bulkhead.dev/v1', kind, metadata, spec })
}

/** A policy of a namespace, under a name that says what it is for. */
function addPolicy(draft: Draft, namespace: string, kind: string, wanted: string, spec: Document): void {
  const name = draft.policyName.get(namespace)?.(wanted) ?? wanted
  add(draft, namespace, kind, { name, enclave: namespace }, spec)
}

function workloadSpec({ ports, replicas, command }: Pod, run: boolean): Document {
  const known = new Map(ports.map((port) => [`${port.port}/${port.protocol}`, port]))
  const declared = [...known.values()].map(({ port, protocol }) => (protocol === 'tcp' ? port : { port, protocol }))
  return {
    ...(declared.length === 0 ? {} : { ports: declared }),
    ...(replicas === 1 ? {} : { replicas: Math.min(replicas, mostReplicas) }),
    run: { command: run && command.length > 0 ? command : ['sleep', 'infinity'] },
  }
}

interface Inside {
  readonly inside: Draft['inside']
  /** After all pairs were asked: warnings for those that were narrowed. */
  readonly differing: () => readonly Diagnostic[]
}

function insideTraffic(plain: Analysis): Inside {
  const { cluster, table } = plain
  const addressed = cluster.pods.some(({ addresses }) => addresses.length > 0)
  if (!addressed) return { inside: (i, j) => between(plain, i, j), differing: () => [] }
  const narrowed = new Set<number>()
  const [four, six] = ([4, 6] as const).map((family) => analyseCluster(cluster, { table, podAddresses: family }))
  // A pod whose addresses nobody knows may have both.
  const has = cluster.pods.map(({ addresses }) => ({ four: addresses.length === 0 || addresses.some(({ family }) => family === 4), six: addresses.length === 0 || addresses.some(({ family }) => family === 6) }))
  const inside = (i: number, j: number): TrafficId => {
    const byFour = four !== undefined && has[i]?.four === true && has[j]?.four === true ? between(four, i, j) : undefined
    const bySix = six !== undefined && has[i]?.six === true && has[j]?.six === true ? between(six, i, j) : undefined
    if (byFour === undefined || bySix === undefined) return byFour ?? bySix ?? noTraffic
    if (byFour !== bySix) narrowed.add(j)
    return table.intersect(byFour, bySix)
  }
  const differing = (): readonly Diagnostic[] =>
    [...narrowed].sort((a, b) => a - b).flatMap((j): readonly Diagnostic[] => {
      const pod = cluster.pods[j]
      const message = `the blocks of the policies treat the IPv4 and IPv6 addresses of \`${pod?.workload ?? ''}\` or its peers differently; the import opens what both allow`
      return pod === undefined ? [] : [{ code: 'not-carried', severity: 'warning', message, at: pod.at }]
    })
  return { inside, differing }
}

/** For each destination, one policy for each kind of traffic, with all its sources. */
function addInside(draft: Draft): void {
  const { analysis, inside, names } = draft
  const { pods } = analysis.cluster
  pods.forEach((destination, j) => {
    const bySource = new Map<TrafficId, Map<string, string[]>>()
    pods.forEach((source, i) => {
      // One pod is always its own; only replicas of each other need a path.
      if (i === j && source.replicas < 2) return
      const traffic = inside(i, j)
      if (traffic === noTraffic) return
      const namespaces = bySource.get(traffic) ?? new Map<string, string[]>()
      bySource.set(traffic, namespaces)
      namespaces.set(source.namespace, [...(namespaces.get(source.namespace) ?? []), names[i] ?? ''])
    })
    const name = names[j] ?? ''
    for (const [traffic, namespaces] of [...bySource].sort(([a], [b]) => a - b)) {
      for (const [namespace, sources] of [...namespaces].sort(([a], [b]) => compareText(a, b))) {
        const spelt = spell(analysis.table.get(traffic))
        if (namespace === destination.namespace) {
          for (const part of spelt) addPolicy(draft, namespace, 'ServicePolicy', `to-${name}-${part.protocol}`, { source: sources, destination: name, ...part })
          continue
        }
        const whole = { source: sources.map((source) => `${namespace}/${source}`), destination: `${destination.namespace}/${name}` }
        addPolicy(draft, destination.namespace, 'FederationPolicy', `from-${namespace}-to-${name}`, { exports: spelt.map((part) => ({ ...whole, ...part })) })
        addPolicy(draft, namespace, 'FederationPolicy', `to-${destination.namespace}-${name}`, { imports: spelt.map((part) => ({ ...whole, ...part })) })
      }
    }
  })
}

/** Every distinct part of the outside becomes an External; gives their documents. */
function addOutward(draft: Draft): readonly Document[] {
  const { analysis, names } = draft
  const externals = new Map<string, { readonly name: string; readonly cidrs: readonly string[] }>()
  const nameOf = namer()
  analysis.cluster.pods.forEach((pod, i) => {
    const parts = new Map<TrafficId, AddressSet>()
    analysis.destinations.ranges.forEach((range, piece) => {
      const traffic = analysis.egress[i]?.outside(piece) ?? noTraffic
      if (traffic !== noTraffic) parts.set(traffic, unionAddresses(parts.get(traffic) ?? [], [range]))
    })
    for (const [traffic, addresses] of [...parts].sort(([a], [b]) => a - b)) {
      const cidrs = toPrefixes(addresses).map(formatPrefix)
      const key = cidrs.join(' ')
      let external = externals.get(key)
      if (external === undefined) {
        external = { name: nameOf(key === '0.0.0.0/0 ::/0' ? 'anywhere' : cidrs.length === 1 ? `net-${key}` : 'networks'), cidrs }
        externals.set(key, external)
      }
      const { name } = external
      for (const part of spell(analysis.table.get(traffic))) {
        addPolicy(draft, pod.namespace, 'EgressPolicy', `${names[i] ?? ''}-to-${name}-${part.protocol}`, { source: names[i] ?? '', destination: `external:${name}`, ...part })
      }
    }
  })
  return Array.from(externals.values(), ({ name, cidrs }) => ({ apiVersion: 'bulkhead.dev/v1', kind: 'External', metadata: { name }, spec: { cidrs } }))
}

interface Spelt {
  readonly protocol: 'any' | 'icmp' | 'sctp' | 'tcp' | 'udp'
  readonly port?: 'any' | readonly (number | string)[]
}

/** Traffic in the fewest protocol and port pairs. What is none of the named protocols is, of all that can be said, echo. */
function spell(traffic: Traffic): readonly Spelt[] {
  if (traffic.rest && portedProtocols.every((protocol) => isAllPorts(traffic[protocol]))) return [{ protocol: 'any', port: 'any' }]
  return [
    ...(traffic.rest ? [{ protocol: 'icmp' } as const] : []),
    ...portedProtocols.flatMap((protocol) => (traffic[protocol].length === 0 ? [] : [{ protocol, port: spellPorts(traffic[protocol]) }])),
  ]
}

function spellPorts(ports: PortSet): 'any' | readonly (number | string)[] {
  return isAllPorts(ports) ? 'any' : ports.map(({ from, to }) => (from === to ? from : `${from}-${to}`))
}

function fileText(documents: readonly Document[]): string {
  return documents.map((document) => stringify(document, { lineWidth: 140, aliasDuplicateObjects: false })).join('---\n')
}

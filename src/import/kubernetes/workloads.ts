/** Pods, what makes pods, and namespaces. Pods of one owner that look alike to policies are one. */
import { compareText } from '../../base/location.ts'
import { quote } from '../../base/diagnostic.ts'
import { formatAddress, parseAddress } from '../../net/address.ts'
import { deep, fail, integer, items, member, oneOf, placeOf, portNumber, required, text, warn } from './field.ts'
import { readLabels } from './selector.ts'
import { protocolOf, protocolWords } from './traffic.ts'
import type { Address } from '../../net/address.ts'
import type { Location } from '../../base/location.ts'
import type { Field } from './field.ts'
import type { Manifest } from './manifest.ts'
import type { Labels } from './selector.ts'
import type { PortedProtocol } from './traffic.ts'

export interface Pod {
  /** `namespace/name[Kind]` of its owner, or of itself. */
  readonly workload: string
  readonly namespace: string
  /** The owner's name and kind, or its own. */
  readonly name: string
  readonly kind: string
  readonly labels: Labels
  readonly ports: readonly ContainerPort[]
  /** It has the addresses of its host and no network of its own. */
  readonly hostNetwork: boolean
  /** What the manifest itself is called. */
  readonly called: string
  /** How many pods this stands for. */
  readonly replicas: number
  /** What its status says; empty before a pod runs. */
  readonly addresses: readonly Address[]
  /** What its first container starts, when the manifest says so. */
  readonly command: readonly string[]
  /** Looked up when it is asked for. */
  readonly at: Location
}

export interface ContainerPort {
  readonly name: string | undefined
  readonly port: number
  readonly protocol: PortedProtocol
}

export interface Namespace {
  readonly name: string
  readonly labels: Labels
}

const nameLabel = 'kubernetes.io/metadata.name'

/** Every namespace that is declared or that something is in; each carries the label that Kubernetes gives it. */
export function readNamespaces(manifests: readonly Manifest[]): readonly Namespace[] {
  const labels = new Map<string, Labels>()
  for (const { kind, name, namespace, field } of manifests) {
    if (kind.name === 'Namespace') {
      const given = deep(field, 'metadata', 'labels')
      labels.set(name, given === undefined ? new Map() : readLabels(given))
    } else if (kind.namespaced && !labels.has(namespace)) labels.set(namespace, new Map())
  }
  return [...labels].map(([name, given]) => ({ name, labels: new Map([...given, [nameLabel, name]]) })).sort((a, b) => compareText(a.name, b.name))
}

interface Owner {
  readonly kind: string
  readonly name: string
}

const templatePaths = {
  Deployment: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
} as const satisfies Readonly<Record<string, readonly string[]>>

function isMaker(kind: string): kind is keyof typeof templatePaths {
  return Object.hasOwn(templatePaths, kind)
}

/**
 * Sorted by workload and name. Running pods stand for the template that made them where it made just such pods; pods that
 * no policy can tell apart are one.
 */
export function readPods(manifests: readonly Manifest[]): readonly Pod[] {
  const owners = ownersOf(manifests)
  const templates = new Map<string, Pod>()
  const running = new Map<string, Pod>()
  for (const manifest of manifests) {
    if (manifest.kind.name === 'Pod') add(running, readPod(manifest, manifest.field, owners))
    else if (isMaker(manifest.kind.name)) {
      const pod = readMaker(manifest, manifest.kind.name, owners)
      if (pod !== undefined) add(templates, pod)
    }
  }
  const made = new Set(Array.from(running.values(), (pod) => lookOf(pod)))
  return [...[...templates.values()].filter((pod) => !made.has(lookOf(pod))), ...running.values()]
    .sort((a, b) => compareText(a.workload, b.workload) || compareText(a.called, b.called))
}

function add(pods: Map<string, Pod>, pod: Pod): void {
  const key = `${lookOf(pod)} ${pod.addresses.map(formatAddress).join(' ')}`
  const known = pods.get(key)
  pods.set(key, known === undefined ? pod : { ...known, replicas: known.replicas + pod.replicas })
}

/** Equal for pods that no selector and no named port tells apart. */
function lookOf({ workload, labels, ports, hostNetwork }: Pod): string {
  return JSON.stringify([workload, [...labels].sort(([a], [b]) => compareText(a, b)), ports, hostNetwork])
}

function readMaker(manifest: Manifest, kind: keyof typeof templatePaths, owners: ReadonlyMap<string, Owner>): Pod | undefined {
  let template: Field | undefined = manifest.field
  for (const key of templatePaths[kind]) template = template === undefined ? undefined : required(template, key)
  if (template === undefined) return undefined
  const count = member(member(manifest.field, 'spec') ?? manifest.field, kind === 'Job' ? 'parallelism' : 'replicas')
  const replicas = count === undefined ? 1 : (integer(count, 0, 1_000_000) ?? 1)
  return podOf(manifest, template, ownerOf(manifest, owners) ?? { kind, name: manifest.name }, { replicas, addresses: [] })
}

function readPod(manifest: Manifest, field: Field, owners: ReadonlyMap<string, Owner>): Pod {
  const addresses = [deep(field, 'status', 'podIP'), ...items(deep(field, 'status', 'podIPs')).map((item) => member(item, 'ip'))].flatMap((ip) => {
    if (ip === undefined) return []
    const address = parseAddress(text(ip))
    if (address === undefined) fail(ip, 'invalid-address', `${quote(text(ip))} is not an address`)
    return address === undefined ? [] : [address]
  })
  const distinct = addresses.filter((a, i) => addresses.findIndex((b) => b.family === a.family && b.bits === a.bits) === i)
  return podOf(manifest, field, ownerOf(manifest, owners) ?? { kind: 'Pod', name: manifest.name }, { replicas: 1, addresses: distinct })
}

/** `template` is the pod, or the template of one: it has `metadata` and `spec` either way. */
function podOf({ namespace, name: called }: Manifest, template: Field, owner: Owner, count: Pick<Pod, 'replicas' | 'addresses'>): Pod {
  const labels = deep(template, 'metadata', 'labels')
  const spec = required(template, 'spec')
  const containers = spec === undefined ? [] : items(required(spec, 'containers'))
  const beside = spec === undefined ? [] : items(member(spec, 'initContainers')).filter((c) => member(c, 'restartPolicy')?.value === 'Always')
  const network = spec === undefined ? undefined : member(spec, 'hostNetwork')
  if (network?.value === true) warn(network, 'wrong-value', 'what a NetworkPolicy means for a pod with `hostNetwork` is not defined: it is read like any other pod; cluster-wide policies pass it over')
  const first = containers[0]
  const words = (key: string): readonly string[] => (first === undefined ? [] : items(member(first, key)).map((word) => text(word)))
  return {
    workload: `${namespace}/${owner.name}[${owner.kind}]`,
    namespace,
    ...owner,
    labels: labels === undefined ? new Map() : readLabels(labels),
    ports: [...containers, ...beside].flatMap((container) => items(member(container, 'ports')).flatMap(readContainerPort)),
    hostNetwork: network?.value === true,
    called,
    ...count,
    command: words('command').length === 0 ? [] : [...words('command'), ...words('args')],
    get at() {
      return placeOf(template)
    },
  }
}

function readContainerPort(field: Field): readonly ContainerPort[] {
  const portField = required(field, 'containerPort')
  const port = portField === undefined ? undefined : portNumber(portField)
  const name = member(field, 'name')
  const protocolField = member(field, 'protocol')
  const word = protocolField === undefined ? 'TCP' : oneOf(protocolField, protocolWords)
  return port === undefined || word === undefined ? [] : [{ name: name === undefined ? undefined : text(name), port, protocol: protocolOf(word) }]
}

/** `Kind namespace/name` to its owner, so that a ReplicaSet leads on to its Deployment. */
function ownersOf(manifests: readonly Manifest[]): ReadonlyMap<string, Owner> {
  const owners = new Map<string, Owner>()
  for (const manifest of manifests) {
    const owner = isMaker(manifest.kind.name) ? directOwner(manifest) : undefined
    if (owner !== undefined) owners.set(`${manifest.kind.name} ${manifest.namespace}/${manifest.name}`, owner)
  }
  return owners
}

/** The owner at the end of the chain, as far as the manifests show it. */
function ownerOf(manifest: Manifest, owners: ReadonlyMap<string, Owner>): Owner | undefined {
  let owner = directOwner(manifest)
  for (let steps = 0; owner !== undefined && steps < 8; steps++) {
    const next = owners.get(`${owner.kind} ${manifest.namespace}/${owner.name}`)
    if (next === undefined) break
    owner = next
  }
  return owner
}

/** The controlling owner; a node that runs a pod of its own is none. */
function directOwner({ field }: Manifest): Owner | undefined {
  const references = items(deep(field, 'metadata', 'ownerReferences'))
  const controlling = references.filter((r) => member(r, 'controller')?.value === true)
  const reference = controlling[0] ?? (references.length === 1 ? references[0] : undefined)
  if (reference === undefined) return undefined
  const [kind, name] = [required(reference, 'kind'), required(reference, 'name')]
  if (kind === undefined || name === undefined) return undefined
  if (!/^[A-Za-z][A-Za-z0-9]{0,62}$/.test(text(kind))) fail(kind, 'invalid-name', `${quote(text(kind))} is not a kind`)
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(text(name))) fail(name, 'invalid-name', `${quote(text(name))} is not an object's name`)
  return text(kind) === 'Node' ? undefined : { kind: text(kind), name: text(name) }
}

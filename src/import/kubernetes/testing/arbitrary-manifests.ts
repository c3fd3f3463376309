/** Random clusters in crowded spaces: few labels, few ports, few addresses, so that rules meet, overlap and contradict each other. */
import fc from 'fast-check'
import type { Json, LabelSelector, Manifest } from './manifests.ts'

const keys = ['a', 'b'] as const
const values = ['x', 'y'] as const
const spaces = ['one', 'two', 'three'] as const
/** Names under which pods declare ports. */
const portNames = ['web', 'dns'] as const
const smallPort = fc.integer({ min: 1, max: 6 })
const protocol = fc.constantFrom('TCP', 'UDP', 'SCTP')
const oddProtocol = fc.oneof(fc.constant(undefined), protocol)

const labels: fc.Arbitrary<Record<string, string>> = fc.dictionary(fc.constantFrom(...keys), fc.constantFrom(...values), { maxKeys: 2 })

const matchExpressions = fc.array(
  fc.oneof(
    fc.record({ key: fc.constantFrom(...keys), operator: fc.constantFrom('In', 'NotIn'), values: fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 }) }),
    fc.record({ key: fc.constantFrom(...keys), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  ),
  { minLength: 1, maxLength: 2 },
)

const selector: fc.Arbitrary<LabelSelector> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  { weight: 3, arbitrary: labels.map((matchLabels) => ({ matchLabels })) },
  { weight: 2, arbitrary: fc.record({ matchExpressions }) },
  { weight: 1, arbitrary: fc.record({ matchLabels: labels, matchExpressions }) },
)

const namespaceSelector: fc.Arbitrary<LabelSelector> = fc.oneof(
  { weight: 3, arbitrary: selector },
  { weight: 1, arbitrary: fc.constantFrom(...spaces).map((name) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } })) },
)

const containerPorts = fc.uniqueArray(
  fc.record({ name: fc.option(fc.constantFrom(...portNames), { nil: undefined }), containerPort: smallPort, protocol: oddProtocol }).map(dropUndefined),
  { maxLength: 3, selector: (port) => JSON.stringify(port) },
)

const podSpec = fc.tuple(containerPorts, fc.integer({ min: 0, max: 4 })).map(([ports, host]) => ({ ...(host === 0 ? { hostNetwork: true } : {}), containers: [{ name: 'main', image: 'x', ports }] }))

const workloads: fc.Arbitrary<readonly Manifest[]> = fc
  .array(fc.tuple(fc.constantFrom(...spaces), labels, podSpec, fc.constantFrom('Deployment', 'StatefulSet', 'Pod', 'owned')), { minLength: 2, maxLength: 6 })
  .map((list) => list.map(([namespace, own, spec, kind], i): Manifest => {
    const name = `w${i}`
    if (kind === 'Pod' || kind === 'owned') {
      const ownerReferences = kind === 'Pod' ? {} : { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set', uid: 'u', controller: true }] }
      return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: own, ...ownerReferences }, spec, status: { podIPs: [{ ip: `10.0.0.${i}` }, ...(i % 3 === 2 ? [] : [{ ip: `2001:db8::${i + 1}` }])] } }
    }
    return { apiVersion: 'apps/v1', kind, metadata: { name, namespace }, spec: { template: { metadata: { labels: own }, spec } } }
  }))

const namespaces: fc.Arbitrary<readonly Manifest[]> = fc
  .tuple(...spaces.map(() => fc.option(labels)))
  .map((list) => list.flatMap((own, i): Manifest[] => (own === null ? [] : [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: spaces[i] ?? '', labels: own } }])))

const blocks = ['0.0.0.0/0', '10.0.0.0/28', '10.0.0.0/30', '10.0.0.4/30', '10.0.0.5/32', '::/0', '2001:db8::/120', '2001:db8::4/127'] as const
const ipBlock = fc.oneof(
  fc.constantFrom(...blocks).map((cidr) => ({ cidr })),
  fc.constantFrom(
    { cidr: '0.0.0.0/0', except: ['10.0.0.0/28'] },
    { cidr: '10.0.0.0/28', except: ['10.0.0.4/30', '10.0.0.1/32'] },
    { cidr: '10.0.0.0/29', except: ['10.0.0.0/30'] },
    { cidr: '2001:db8::/120', except: ['2001:db8::2/127'] },
  ),
)

const peer = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector }),
  fc.record({ namespaceSelector, podSelector: selector }),
  fc.record({ ipBlock }),
)

const port = fc.oneof(
  fc.record({ protocol: oddProtocol, port: smallPort }),
  fc.record({ protocol: oddProtocol, port: smallPort, endPort: fc.integer({ min: 6, max: 8 }) }),
  fc.record({ protocol: oddProtocol, port: fc.constantFrom(...portNames) }),
  fc.record({ protocol }),
).map(dropUndefined)

/** Sometimes absent, sometimes empty: in a NetworkPolicy both mean everything. */
const some = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<readonly T[] | undefined> => fc.option(fc.array(item, { maxLength: 2 }), { nil: undefined })

const networkPolicySpec = fc
  .record({
    podSelector: selector,
    policyTypes: fc.option(fc.constantFrom(['Ingress'], ['Egress'], ['Ingress', 'Egress']), { nil: undefined }),
    ingress: some(fc.record({ from: some(peer), ports: some(port) }).map(dropUndefined)),
    egress: some(fc.record({ to: some(peer), ports: some(port) }).map(dropUndefined)),
  })
  .map(dropUndefined)

const podsOrNamespaces = fc.oneof(
  fc.record({ namespaces: namespaceSelector }),
  fc.record({ pods: fc.record({ namespaceSelector, podSelector: selector }) }),
)
const networks = fc.record({ networks: fc.uniqueArray(fc.constantFrom(...blocks), { minLength: 1, maxLength: 2 }) })

const adminPort = fc.oneof(
  fc.record({ portNumber: fc.record({ protocol: oddProtocol, port: smallPort }).map(dropUndefined) }),
  fc.record({ portRange: fc.record({ protocol: oddProtocol, start: fc.integer({ min: 1, max: 3 }), end: fc.integer({ min: 4, max: 8 }) }).map(dropUndefined) }),
)
const adminName = fc.record({ namedPort: fc.constantFrom(...portNames) })
const clusterPort = fc
  .tuple(fc.constantFrom('tcp', 'udp', 'sctp'), fc.oneof(fc.record({ number: smallPort }), fc.record({ range: fc.record({ start: fc.integer({ min: 1, max: 3 }), end: fc.integer({ min: 4, max: 8 }) }) })))
  .map(([key, destinationPort]) => ({ [key]: { destinationPort } }))
const clusterName = fc.record({ destinationNamedPort: fc.constantFrom(...portNames) })

/** Named ports go with pods alone, numbers with networks too. */
function rules(list: 'from' | 'to', actions: readonly string[], portsKey: string, numbered: fc.Arbitrary<Json>, named: fc.Arbitrary<Json>): fc.Arbitrary<readonly Json[]> {
  const action = fc.constantFrom(...actions)
  const withNumbers = fc
    .tuple(action, fc.array(list === 'to' ? fc.oneof(podsOrNamespaces, networks) : podsOrNamespaces, { minLength: 1, maxLength: 2 }), fc.option(fc.array(numbered, { minLength: 1, maxLength: 2 }), { nil: undefined }))
  const withNames = fc.tuple(action, fc.array(podsOrNamespaces, { minLength: 1, maxLength: 2 }), fc.array(fc.oneof(named, numbered), { minLength: 1, maxLength: 2 }))
  return fc.array(
    fc.oneof({ weight: 3, arbitrary: withNumbers }, { weight: 1, arbitrary: withNames }).map(([does, peers, ports]) => dropUndefined({ action: does, [list]: peers, [portsKey]: ports }) as Json),
    { maxLength: 3 },
  )
}

function clusterWide(apiVersion: string, kind: string, actions: readonly string[], portsKey: string, numbered: fc.Arbitrary<Json>, named: fc.Arbitrary<Json>): fc.Arbitrary<Manifest> {
  return fc
    .tuple(podsOrNamespaces, rules('from', actions, portsKey, numbered, named), rules('to', actions, portsKey, numbered, named))
    .map(([subject, ingress, egress]) => ({ apiVersion, kind, metadata: { name: 'default' }, spec: { subject: subject as Json, ingress, egress } }))
}

const admin = clusterWide('policy.networking.k8s.io/v1alpha1', 'AdminNetworkPolicy', ['Allow', 'Deny', 'Pass'], 'ports', adminPort as fc.Arbitrary<Json>, adminName)
const baseline = clusterWide('policy.networking.k8s.io/v1alpha1', 'BaselineAdminNetworkPolicy', ['Allow', 'Deny'], 'ports', adminPort as fc.Arbitrary<Json>, adminName)
const clusterPolicies = clusterWide('policy.networking.k8s.io/v1alpha2', 'ClusterNetworkPolicy', ['Accept', 'Deny', 'Pass'], 'protocols', clusterPort as fc.Arbitrary<Json>, clusterName)

/** A cluster in which every field that decides something is reachable; priorities differ, so that the answer is defined. */
export const manifestSets: fc.Arbitrary<readonly Manifest[]> = fc
  .tuple(
    namespaces,
    workloads,
    fc.array(fc.tuple(fc.constantFrom(...spaces), networkPolicySpec), { maxLength: 4 }),
    fc.array(admin, { maxLength: 2 }),
    fc.option(baseline),
    fc.array(fc.tuple(clusterPolicies, fc.constantFrom('Admin', 'Baseline')), { maxLength: 2 }),
    fc.boolean(),
  )
  .map(([ns, work, policies, admins, base, wide, reversed]) => {
    const ranked = [
      ...admins.map((m, i) => ({ ...m, metadata: { name: `admin-${i}` }, spec: { ...m.spec, priority: 10 * i + 1 } })),
      ...wide.map(([m, tier], i) => ({ ...m, metadata: { name: `wide-${i}` }, spec: { ...m.spec, tier, priority: 10 * i + 5 } })),
      ...(base === null ? [] : [base]),
    ]
    const list: Manifest[] = [
      ...ns,
      ...work,
      ...policies.map(([namespace, spec], i): Manifest => ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: `p${i}`, namespace }, spec: spec as NonNullable<Manifest['spec']> })),
      ...ranked,
    ]
    return reversed ? list.reverse() : list
  })

function dropUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }
}

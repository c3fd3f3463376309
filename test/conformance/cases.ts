/**
 * The scenarios of Kubernetes' own end-to-end suite for network policies, by their names, each as policies and a truth
 * table written from what the documentation of NetworkPolicy says of them. In every table all that is not closed is open;
 * a pod's traffic to itself is not judged.
 */
import type { ProbeProtocol, State } from './lib/cluster.ts'

export interface Step {
  readonly state: State
  readonly tables: readonly Table[]
}

export interface Table {
  readonly protocol?: ProbeProtocol
  readonly port: number
  /** `x/* -> y/a`; an end is a pod, `x/*` for a namespace, or `*`. */
  readonly closed?: readonly string[]
  /** What is open all the same. */
  readonly open?: readonly string[]
}

export interface Case {
  readonly name: string
  readonly steps: (address: (pod: string) => string) => readonly Step[]
}

const podA = 'podSelector: { matchLabels: { pod: a } }'
const all = 'podSelector: {}'
const ns = (name: string): string => `namespaceSelector: { matchLabels: { ns: ${name} } }`
const defaultLabel = (name: string): string => `namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ${name} } }`
const notX = 'namespaceSelector: { matchExpressions: [{ key: ns, operator: NotIn, values: [x] }] }'
const pod = (name: string): string => `podSelector: { matchLabels: { pod: ${name} } }`

/** A policy of namespace `x` about ingress, with one rule from these peers, on these ports. */
function ingress(subject: string, from?: string, ports?: string): State['policies'][number] {
  const members = [...(from === undefined ? [] : [`from: [${from}]`]), ...(ports === undefined ? [] : [`ports: [${ports}]`])]
  return ['x', `{ ${subject}, policyTypes: [Ingress], ingress: [{ ${members.join(', ')} }] }`]
}

function egress(subject: string, to?: string, ports?: string): State['policies'][number] {
  const members = [...(to === undefined ? [] : [`to: [${to}]`]), ...(ports === undefined ? [] : [`ports: [${ports}]`])]
  return ['x', `{ ${subject}, policyTypes: [Egress], egress: [{ ${members.join(', ')} }] }`]
}

const denyIngress: State['policies'][number] = ['x', `{ ${all}, policyTypes: [Ingress], ingress: [] }`]
const denyAll: State['policies'][number] = ['x', `{ ${all}, policyTypes: [Ingress, Egress] }`]

/** One state and its table of TCP port 80. */
function simple(name: string, policies: State['policies'], closed: readonly string[], open: readonly string[] = [], port = 80, protocol: ProbeProtocol = 'tcp'): Case {
  return { name, steps: () => [{ state: { policies }, tables: [{ protocol, port, closed, open }] }] }
}

const into = ['* -> x/a']

const between: readonly Case[] = [
  simple("should support a 'default-deny-ingress' policy", [denyIngress], ['* -> x/*']),
  simple("should support a 'default-deny-all' policy", [denyAll], ['* -> x/*', 'x/* -> *']),
  simple('should enforce policy to allow traffic from pods within server namespace based on PodSelector', [ingress(podA, `{ ${pod('b')} }`)], into, ['x/b -> x/a']),
  simple('should enforce policy to allow ingress traffic for a target', [denyIngress, ingress(podA, `{ ${all}, namespaceSelector: {} }`)], ['* -> x/b', '* -> x/c']),
  simple('should enforce policy to allow ingress traffic from pods in all namespaces', [ingress(podA, '{ namespaceSelector: {} }')], []),
  simple('should enforce policy to allow traffic only from a different namespace, based on NamespaceSelector', [ingress(podA, `{ ${ns('y')} }`)], into, ['y/* -> x/a']),
  simple('should enforce policy based on PodSelector with MatchExpressions', [ingress(podA, '{ podSelector: { matchExpressions: [{ key: pod, operator: In, values: [b] }] } }')], into, ['x/b -> x/a']),
  simple('should enforce policy based on NamespaceSelector with MatchExpressions', [ingress(podA, '{ namespaceSelector: { matchExpressions: [{ key: ns, operator: In, values: [y] }] } }')], into, ['y/* -> x/a']),
  simple('should enforce policy based on PodSelector or NamespaceSelector', [ingress(podA, `{ ${notX} }, { ${pod('b')} }`)], ['x/c -> x/a']),
  simple('should enforce policy based on PodSelector and NamespaceSelector', [ingress(podA, `{ ${notX}, ${pod('b')} }`)], into, ['y/b -> x/a', 'z/b -> x/a']),
  simple('should enforce policy based on Multiple PodSelectors and NamespaceSelectors', [ingress(podA, `{ ${notX}, podSelector: { matchExpressions: [{ key: pod, operator: In, values: [b, c] }] } }`)],
    into, ['y/b -> x/a', 'y/c -> x/a', 'z/b -> x/a', 'z/c -> x/a']),
  simple('should enforce policy based on any PodSelectors', [ingress(podA, `{ ${pod('b')} }, { ${pod('c')} }`)], into, ['x/b -> x/a', 'x/c -> x/a']),
  simple('should enforce policy to allow traffic only from a pod in a different namespace based on PodSelector and NamespaceSelector', [ingress(podA, `{ ${ns('y')}, ${pod('a')} }`)], into, ['y/a -> x/a']),
  simple('should enforce policy based on Ports', [ingress(podA, `{ ${ns('y')} }`, '{ port: 81 }')], into, ['y/* -> x/a'], 81),
  {
    name: 'should enforce multiple, stacked policies with overlapping podSelectors',
    steps: () => [
      { state: { policies: [ingress(podA, `{ ${ns('y')} }`, '{ port: 81 }')] }, tables: [{ port: 81, closed: into, open: ['y/* -> x/a'] }, { port: 80, closed: into }] },
      { state: { policies: [ingress(podA, `{ ${ns('y')} }`, '{ port: 81 }'), ingress(podA, `{ ${ns('y')} }`, '{ port: 80 }')] }, tables: [{ port: 80, closed: into, open: ['y/* -> x/a'] }] },
    ],
  },
  { name: 'should support allow-all policy', steps: () => [{ state: { policies: [ingress(all)] }, tables: [{ port: 80 }, { port: 81 }] }] },
  { name: 'should allow ingress access on one named port', steps: () => [{ state: { policies: [ingress(all, undefined, '{ port: serve-81-tcp }')] }, tables: [{ port: 81 }, { port: 80, closed: ['* -> x/*'] }] }] },
  {
    name: 'should allow ingress access from namespace on one named port',
    steps: () => [{ state: { policies: [ingress(podA, `{ ${ns('y')} }`, '{ port: serve-80-tcp, protocol: TCP }')] }, tables: [{ port: 80, closed: into, open: ['y/* -> x/a'] }, { port: 81, closed: into }] }],
  },
  { name: 'should allow egress access on one named port', steps: () => [{ state: { policies: [egress(all, undefined, '{ port: serve-80-tcp }')] }, tables: [{ port: 80 }, { port: 81, closed: ['x/* -> *'] }] }] },
  {
    name: 'should enforce updated policy',
    steps: () => [{ state: { policies: [ingress(all)] }, tables: [{ port: 81 }] }, { state: { policies: [denyIngress] }, tables: [{ port: 81, closed: ['* -> x/*'] }] }],
  },
  {
    name: 'should allow ingress access from updated namespace',
    steps: () => {
      const policies = [ingress(podA, '{ namespaceSelector: { matchLabels: { ns2: updated } } }')]
      return [{ state: { policies }, tables: [{ port: 80, closed: into }] }, { state: { policies, namespaceLabels: { y: { ns2: 'updated' } } }, tables: [{ port: 80, closed: into, open: ['y/* -> x/a'] }] }]
    },
  },
  {
    name: 'should allow ingress access from updated pod',
    steps: () => {
      const policies = [ingress(podA, '{ podSelector: { matchLabels: { pod: b, pod2: updated } } }')]
      return [{ state: { policies }, tables: [{ port: 80, closed: into }] }, { state: { policies, podLabels: { 'x/b': { pod2: 'updated' } } }, tables: [{ port: 80, closed: into, open: ['x/b -> x/a'] }] }]
    },
  },
  simple('should deny ingress from pods on other namespaces', [ingress(all, `{ ${all} }`)], ['y/* -> x/*', 'z/* -> x/*']),
  {
    name: 'should deny ingress access to updated pod',
    steps: () => {
      const policies: State['policies'] = [['x', '{ podSelector: { matchLabels: { target: isolated } }, policyTypes: [Ingress] }']]
      return [{ state: { policies }, tables: [{ port: 80 }] }, { state: { policies, podLabels: { 'x/a': { target: 'isolated' } } }, tables: [{ port: 80, closed: into }] }]
    },
  },
  simple('should deny egress from pods based on PodSelector', [['x', `{ ${podA}, policyTypes: [Egress], egress: [] }`]], ['x/a -> *']),
  simple('should deny egress from all pods in a namespace', [['x', `{ ${all}, policyTypes: [Egress] }`]], ['x/* -> *']),
  {
    name: 'should work with Ingress, Egress specified together',
    steps: () => [{
      state: { policies: [['x', `{ ${podA}, policyTypes: [Egress, Ingress], ingress: [{ from: [{ ${pod('b')} }] }], egress: [{ ports: [{ port: 80 }] }] }`]] },
      tables: [{ port: 80, closed: into, open: ['x/b -> x/a'] }, { port: 81, closed: [...into, 'x/a -> *'], open: ['x/b -> x/a'] }],
    }],
  },
  {
    name: 'should support denying of egress traffic on the client side (even if the server explicitly allows this traffic)',
    steps: () => {
      const fromXa = `ingress: [{ from: [{ ${ns('x')}, ${pod('a')} }] }]`
      const policies: State['policies'] = [egress(podA, `{ ${ns('y')}, ${pod('a')} }`), ['y', `{ ${podA}, ${fromXa} }`], ['y', `{ ${pod('b')}, ${fromXa} }`]]
      return [{ state: { policies }, tables: [{ port: 80, closed: ['x/a -> *', '* -> y/a', '* -> y/b'], open: ['x/a -> y/a'] }] }]
    },
  },
  simple('should enforce egress policy allowing traffic to a server in a different namespace based on PodSelector and NamespaceSelector', [egress(podA, `{ ${ns('y')}, ${pod('a')} }`)], ['x/a -> *'], ['x/a -> y/a']),
  {
    name: 'should enforce ingress policy allowing any port traffic to a server on a specific protocol',
    steps: () => [{ state: { policies: [ingress(podA, undefined, '{ protocol: TCP }')] }, tables: [{ port: 80 }, { protocol: 'udp', port: 80, closed: into }] }],
  },
  {
    name: 'should enforce multiple ingress policies with ingress allow-all policy taking precedence',
    steps: () => [
      { state: { policies: [ingress(all, undefined, '{ port: 80 }')] }, tables: [{ port: 81, closed: ['* -> x/*'] }] },
      { state: { policies: [ingress(all, undefined, '{ port: 80 }'), ingress(all)] }, tables: [{ port: 81 }] },
    ],
  },
  {
    name: 'should enforce multiple egress policies with egress allow-all policy taking precedence',
    steps: () => [
      { state: { policies: [egress(all, undefined, '{ port: 80 }')] }, tables: [{ port: 81, closed: ['x/* -> *'] }] },
      { state: { policies: [egress(all, undefined, '{ port: 80 }'), egress(all)] }, tables: [{ port: 81 }] },
    ],
  },
  {
    name: 'should stop enforcing policies after they are deleted',
    steps: () => [{ state: { policies: [denyAll] }, tables: [{ port: 80, closed: ['* -> x/*', 'x/* -> *'] }] }, { state: { policies: [] }, tables: [{ port: 80 }] }],
  },
  {
    name: 'should allow egress access to server in CIDR block',
    steps: (address) => [{ state: { policies: [egress(podA, `{ ipBlock: { cidr: ${address('y/b')}/32 } }`)] }, tables: [{ port: 80, closed: ['x/a -> *'], open: ['x/a -> y/b'] }] }],
  },
  {
    name: 'should enforce except clause while egress access to server in CIDR block',
    steps: (address) => [{ state: { policies: [egress(podA, `{ ipBlock: { cidr: ${address('x/a')}/4, except: [${address('x/b')}/32] } }`)] }, tables: [{ port: 80, closed: ['x/a -> x/b'] }] }],
  },
  {
    name: 'should ensure an IP overlapping both IPBlock.CIDR and IPBlock.Except is allowed',
    steps: (address) => [
      { state: { policies: [egress(podA, `{ ipBlock: { cidr: ${address('x/a')}/4, except: [${address('x/b')}/32] } }`)] }, tables: [{ port: 80, closed: ['x/a -> x/b'] }] },
      { state: { policies: [egress(podA, `{ ipBlock: { cidr: ${address('x/b')}/32 } }`)] }, tables: [{ port: 80, closed: ['x/a -> *'], open: ['x/a -> x/b'] }] },
      // Both at once: what one policy excepts, another may hold.
      {
        state: { policies: [egress(podA, `{ ipBlock: { cidr: ${address('x/a')}/4, except: [${address('x/b')}/32] } }`), egress(podA, `{ ipBlock: { cidr: ${address('x/b')}/32 } }`)] },
        tables: [{ port: 80 }],
      },
    ],
  },
  {
    name: 'should enforce policies to check ingress and egress policies can be controlled independently based on PodSelector',
    steps: () => [
      { state: { policies: [egress(podA)] }, tables: [{ port: 80 }] },
      { state: { policies: [egress(podA), ['x', `{ ${podA}, policyTypes: [Ingress] }`]] }, tables: [{ port: 80, closed: into }] },
    ],
  },
  simple("should not mistakenly treat 'protocol: SCTP' as 'protocol: TCP', even if the plugin doesn't support SCTP", [denyIngress, ingress(podA, undefined, '{ port: 81, protocol: SCTP }')], ['* -> x/*'], [], 81),
  simple("should properly isolate pods that are selected by a policy allowing SCTP, even if the plugin doesn't support SCTP", [ingress(podA, undefined, '{ port: 80, protocol: SCTP }')], into, [], 81),
  simple('should not allow access by TCP when a policy specifies only UDP', [ingress(podA, undefined, '{ port: 81, protocol: UDP }')], into, [], 81),
  simple('should enforce policy to allow traffic based on NamespaceSelector with MatchLabels using default ns label', [ingress(podA, `{ ${defaultLabel('y')} }`)], into, ['y/* -> x/a']),
  simple('should enforce policy based on NamespaceSelector with MatchExpressions using default ns label',
    [egress(podA, '{ namespaceSelector: { matchExpressions: [{ key: kubernetes.io/metadata.name, operator: NotIn, values: [y] }] } }')], ['x/a -> y/*']),
]

/** The three that the suite repeats for the other protocols. */
function repeated(protocol: 'udp' | 'sctp'): readonly Case[] {
  const word = protocol.toUpperCase()
  const using = `using ${word}`
  return [
    simple(`should support a 'default-deny-ingress' policy (${using})`, [denyIngress], ['* -> x/*'], [], 80, protocol),
    simple(`should enforce policy based on Ports (${using})`, [ingress(podA, `{ ${ns('y')} }`, `{ port: 81, protocol: ${word} }`)], into, ['y/* -> x/a'], 81, protocol),
    simple(`should enforce policy to allow traffic only from a pod in a different namespace based on PodSelector and NamespaceSelector (${using})`,
      [ingress(podA, `{ ${ns('y')}, ${pod('a')} }`)], into, ['y/a -> x/a'], 80, protocol),
  ]
}

export const cases: readonly Case[] = [...between, ...repeated('udp'), ...repeated('sctp')]

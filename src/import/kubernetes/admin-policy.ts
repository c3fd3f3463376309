/** The cluster-wide policies: AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1, ClusterNetworkPolicy v1alpha2. */
import { quote } from '../../base/diagnostic.ts'
import { readCidr } from './cidr.ts'
import { exactlyOne, fail, integer, items, member, oneOf, placeOf, portNumber, required, strictMapping, text, warn } from './field.ts'
import { isPortName } from './network-policy.ts'
import { readNamespacesOrPods } from './selector.ts'
import { protocolOf, protocolWords } from './traffic.ts'
import type { Field } from './field.ts'
import type { Manifest } from './manifest.ts'
import type { Direction, Peer, Policy, PortMatch, Rule, Tier } from './policy.ts'
import type { PortedProtocol } from './traffic.ts'

type Kind = 'AdminNetworkPolicy' | 'BaselineAdminNetworkPolicy' | 'ClusterNetworkPolicy'

const actions = {
  AdminNetworkPolicy: { Allow: 'allow', Deny: 'deny', Pass: 'pass' },
  BaselineAdminNetworkPolicy: { Allow: 'allow', Deny: 'deny' },
  ClusterNetworkPolicy: { Accept: 'allow', Deny: 'deny', Pass: 'pass' },
} as const satisfies Readonly<Record<Kind, Readonly<Record<string, Rule['action']>>>>

/** As many rules as the API takes, in each direction. */
const mostRules = { AdminNetworkPolicy: 100, BaselineAdminNetworkPolicy: 100, ClusterNetworkPolicy: 25 } as const

const specFields = {
  AdminNetworkPolicy: ['priority', 'subject', 'ingress', 'egress'],
  BaselineAdminNetworkPolicy: ['subject', 'ingress', 'egress'],
  ClusterNetworkPolicy: ['tier', 'priority', 'subject', 'ingress', 'egress'],
} as const

export function readAdminPolicy(kind: Kind, { name, field }: Manifest): Policy | undefined {
  const before = field.origin.report.length
  if (!strictMapping(field, ['apiVersion', 'kind', 'metadata', 'spec', 'status'])) return undefined
  const spec = required(field, 'spec')
  if (spec === undefined || !strictMapping(spec, specFields[kind])) return undefined
  if (kind === 'BaselineAdminNetworkPolicy' && name !== 'default') fail(field, 'wrong-value', `${quote(name)}: the one baseline policy is called \`default\``)
  const priorityField = kind === 'BaselineAdminNetworkPolicy' ? undefined : required(spec, 'priority')
  const subjectField = required(spec, 'subject')
  const subject = subjectField === undefined ? undefined : readNamespacesOrPods(subjectField, ['namespaces', 'pods'])
  const priority = priorityField === undefined ? 0 : integer(priorityField, 0, 1000)
  const tier = tierOf(kind, spec)
  const ingress = rulesOf(kind, spec, 'ingress')
  const egress = rulesOf(kind, spec, 'egress')
  if (subject === undefined || priority === undefined || tier === undefined) return undefined
  if (field.origin.report.slice(before).some((d) => d.severity === 'error')) return undefined
  if (egress?.some(({ peers = [] }) => peers.some((peer) => peer.kind === 'addresses')) === true) {
    warn(member(spec, 'egress') ?? spec, 'wrong-value', 'in a cluster `networks` holds of pods too, by their addresses; the matrix is about the outside alone', 'put a rule for `namespaces: {}` before it, so that it decides nothing about pods')
  }
  return {
    kind, name, tier, priority, subject, ingress, egress,
    get at() {
      return placeOf(field)
    },
  }
}

function tierOf(kind: Kind, spec: Field): Tier | undefined {
  if (kind === 'AdminNetworkPolicy') return 'admin'
  if (kind === 'BaselineAdminNetworkPolicy') return 'baseline'
  const field = required(spec, 'tier')
  const word = field === undefined ? undefined : oneOf(field, ['Admin', 'Baseline'])
  return word === undefined ? undefined : word === 'Admin' ? 'admin' : 'baseline'
}

/** Rules in the order written; none at all says nothing about the direction. */
function rulesOf(kind: Kind, spec: Field, direction: Direction): readonly Rule[] | undefined {
  const rules = items(member(spec, direction), mostRules[kind]).flatMap((rule) => readRule(kind, rule, direction) ?? [])
  return rules.length === 0 ? undefined : rules
}

function readRule(kind: Kind, field: Field, direction: Direction): Rule | undefined {
  const end = direction === 'ingress' ? 'from' : 'to'
  const portList = kind === 'ClusterNetworkPolicy' ? 'protocols' : 'ports'
  if (!strictMapping(field, ['name', 'action', end, portList])) return undefined
  text(member(field, 'name'))
  const actionField = required(field, 'action')
  const words = Object.keys(actions[kind]) as (keyof (typeof actions)[Kind])[]
  const word = actionField === undefined ? undefined : oneOf(actionField, words)
  const endField = required(field, end)
  const peerFields = items(endField)
  if (endField !== undefined && peerFields.length === 0) fail(endField, 'missing-field', `\`${end}\` is empty`, 'name at least one peer; `namespaces: {}` is every pod')
  const peers = peerFields.flatMap((peer) => readPeer(peer, direction))
  const portsField = member(field, portList)
  const portFields = items(portsField)
  // The API does not say whether an empty list is every port or none.
  if (portsField !== undefined && portFields.length === 0) fail(portsField, 'missing-field', `\`${portList}\` is empty`, 'leave it out to mean every port')
  const ports = portFields.flatMap((port) => (kind === 'ClusterNetworkPolicy' ? readProtocol(port) : readPort(port)) ?? [])
  if (ports.some((port) => port.kind === 'name') && peers.some((peer) => peer.kind === 'addresses')) {
    fail(portsField ?? field, 'conflicting-fields', 'a named port together with `networks`: addresses have no named ports')
  }
  if (word === undefined) return undefined
  return {
    action: (actions[kind] as Readonly<Record<string, Rule['action']>>)[word] ?? 'deny',
    peers,
    ports: portsField === undefined ? undefined : ports,
    get at() {
      return placeOf(field)
    },
  }
}

/** Each network is a peer of its own, so that the outside is cut where one ends and the next begins. */
function readPeer(field: Field, direction: Direction): readonly Peer[] {
  if (direction === 'egress') {
    for (const key of ['nodes', 'domainNames']) {
      const found = member(field, key)
      if (found === undefined) continue
      fail(found, 'unknown-field', `\`${key}\` as a peer is not understood`, 'use `networks` with the addresses meant')
      return []
    }
    const networks = member(field, 'networks')
    if (networks !== undefined) {
      exactlyOne(field, ['namespaces', 'pods', 'networks'])
      const blocks = items(networks, 25)
      if (blocks.length === 0) fail(networks, 'missing-field', '`networks` is empty')
      return blocks.map((block) => ({ kind: 'addresses', addresses: readCidr(block) }))
    }
  }
  const selection = readNamespacesOrPods(field, ['namespaces', 'pods', ...(direction === 'egress' ? ['networks'] : [])])
  return selection === undefined ? [] : [{ kind: 'pods', selection }]
}

function readPort(field: Field): PortMatch | undefined {
  const kind = exactlyOne(field, ['portNumber', 'portRange', 'namedPort'])
  const value = kind === undefined ? undefined : member(field, kind)
  if (value === undefined) return undefined
  if (kind === 'namedPort') return namedPort(value)
  if (!strictMapping(value, kind === 'portNumber' ? ['protocol', 'port'] : ['protocol', 'start', 'end'])) return undefined
  const protocolField = member(value, 'protocol')
  const word = protocolField === undefined ? 'TCP' : oneOf(protocolField, protocolWords)
  if (word === undefined) return undefined
  return kind === 'portNumber' ? range(value, protocolOf(word), 'port', 'port') : range(value, protocolOf(word), 'start', 'end')
}

function readProtocol(field: Field): PortMatch | undefined {
  const kind = exactlyOne(field, ['tcp', 'udp', 'sctp', 'destinationNamedPort'])
  const value = kind === undefined ? undefined : member(field, kind)
  if (value === undefined || kind === undefined) return undefined
  if (kind === 'destinationNamedPort') return namedPort(value)
  const protocol = kind as PortedProtocol
  if (!strictMapping(value, ['destinationPort'])) return undefined
  const port = required(value, 'destinationPort')
  const form = port === undefined ? undefined : exactlyOne(port, ['number', 'range'])
  if (port === undefined || form === undefined) return undefined
  if (form === 'number') return range(port, protocol, 'number', 'number')
  const bounds = member(port, 'range')
  return bounds !== undefined && strictMapping(bounds, ['start', 'end']) ? range(bounds, protocol, 'start', 'end') : undefined
}

function namedPort(field: Field): PortMatch {
  const name = text(field)
  if (!isPortName(name)) fail(field, 'invalid-port', `${quote(name)} is not a port's name`)
  return { kind: 'name', name, protocol: undefined }
}

function range(field: Field, protocol: PortedProtocol, first: string, last: string): PortMatch | undefined {
  const [a, b] = [required(field, first), first === last ? undefined : required(field, last)]
  const from = a === undefined ? undefined : portNumber(a)
  const to = first === last ? from : b === undefined ? undefined : portNumber(b)
  if (from === undefined || to === undefined) return undefined
  if (to < from) fail(field, 'reversed-range', `${from} to ${to} is reversed`)
  return { kind: 'range', protocol, from, to }
}

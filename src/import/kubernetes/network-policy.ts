/** NetworkPolicy of networking.k8s.io/v1, with its defaults written out. */
import { quote } from '../../base/diagnostic.ts'
import { addressesWithin, subtractAddresses } from '../../net/address-set.ts'
import { exactlyOne, fail, integer, items, member, oneOf, placeOf, portNumber, required, strictMapping, text, warn } from './field.ts'
import { readCidr } from './cidr.ts'
import { everything, readSelector } from './selector.ts'
import { protocolOf, protocolWords } from './traffic.ts'
import type { Field } from './field.ts'
import type { Manifest } from './manifest.ts'
import type { Peer, Policy, PortMatch, Rule } from './policy.ts'
import type { AddressSet } from '../../net/address-set.ts'

export function readNetworkPolicy({ name, namespace, field }: Manifest): Policy | undefined {
  const before = field.origin.report.length
  if (!strictMapping(field, ['apiVersion', 'kind', 'metadata', 'spec', 'status'])) return undefined
  const spec = required(field, 'spec')
  if (spec === undefined || !strictMapping(spec, ['podSelector', 'policyTypes', 'ingress', 'egress'])) return undefined
  const selector = member(spec, 'podSelector')
  const ingress = items(member(spec, 'ingress')).map((rule) => readRule(rule, 'from', namespace))
  const egress = items(member(spec, 'egress')).map((rule) => readRule(rule, 'to', namespace))
  const given = items(member(spec, 'policyTypes')).map((type) => oneOf(type, ['Ingress', 'Egress']))
  // Without types a policy is about ingress, and about egress if it has such rules.
  const types = given.length > 0 ? given : ['Ingress', ...(egress.length > 0 ? ['Egress'] : [])]
  for (const [type, list, rules] of [['Ingress', 'ingress', ingress], ['Egress', 'egress', egress]] as const) {
    if (rules.length > 0 && !types.includes(type)) warn(member(spec, list) ?? spec, 'opens-nothing', `the rules under \`${list}\` count for nothing: \`policyTypes\` does not name \`${type}\``)
  }
  const subject = { namespaces: { kind: 'named', name: namespace } as const, pods: selector === undefined ? everything : readSelector(selector) }
  if (field.origin.report.slice(before).some((d) => d.severity === 'error')) return undefined
  return {
    kind: 'NetworkPolicy',
    name: `${namespace}/${name}`,
    tier: 'namespaced',
    priority: 0,
    subject,
    ingress: types.includes('Ingress') ? ingress : undefined,
    egress: types.includes('Egress') ? egress : undefined,
    get at() {
      return placeOf(field)
    },
  }
}

function readRule(field: Field, end: 'from' | 'to', namespace: string): Rule {
  strictMapping(field, [end, 'ports'])
  const peers = items(member(field, end))
  const ports = items(member(field, 'ports'))
  return {
    action: 'allow',
    // A list that is absent and one that is empty both mean everybody, and every port.
    peers: peers.length === 0 ? undefined : peers.flatMap((peer) => readPeer(peer, namespace) ?? []),
    ports: ports.length === 0 ? undefined : ports.flatMap((port) => readPort(port) ?? []),
    get at() {
      return placeOf(field)
    },
  }
}

function readPeer(field: Field, namespace: string): Peer | undefined {
  if (!strictMapping(field, ['podSelector', 'namespaceSelector', 'ipBlock'])) return undefined
  const [pods, namespaces, block] = [member(field, 'podSelector'), member(field, 'namespaceSelector'), member(field, 'ipBlock')]
  if (block !== undefined) {
    exactlyOne(field, ['podSelector', 'namespaceSelector', 'ipBlock'])
    return { kind: 'addresses', addresses: readBlock(block) }
  }
  if (pods === undefined && namespaces === undefined) {
    fail(field, 'conflicting-fields', 'a peer without `podSelector`, `namespaceSelector` and `ipBlock`', 'leave the whole list out to mean everybody')
    return undefined
  }
  return {
    kind: 'pods',
    selection: {
      namespaces: namespaces === undefined ? { kind: 'named', name: namespace } : { kind: 'selected', selector: readSelector(namespaces) },
      pods: pods === undefined ? everything : readSelector(pods),
    },
  }
}

function readBlock(field: Field): AddressSet {
  if (!strictMapping(field, ['cidr', 'except'])) return []
  const cidrField = required(field, 'cidr')
  const cidr = cidrField === undefined ? [] : readCidr(cidrField)
  let addresses = cidr
  for (const except of items(member(field, 'except'))) {
    const part = readCidr(except)
    if (part.length > 0 && cidr.length > 0 && !addressesWithin(part, cidr)) fail(except, 'wrong-value', `${quote(text(except))} is not within the block`)
    addresses = subtractAddresses(addresses, part)
  }
  return addresses
}

function readPort(field: Field): PortMatch | undefined {
  if (!strictMapping(field, ['protocol', 'port', 'endPort'])) return undefined
  const protocolField = member(field, 'protocol')
  const word = protocolField === undefined ? 'TCP' : oneOf(protocolField, protocolWords)
  if (word === undefined) return undefined
  const protocol = protocolOf(word)
  const port = member(field, 'port')
  const end = member(field, 'endPort')
  if (port === undefined) {
    if (end !== undefined) fail(end, 'conflicting-fields', '`endPort` needs `port`')
    return { kind: 'range', protocol, from: 1, to: 65_535 }
  }
  if (typeof port.value === 'string') {
    if (end !== undefined) fail(end, 'conflicting-fields', '`endPort` needs a `port` that is a number')
    if (!isPortName(port.value)) fail(port, 'invalid-port', `${quote(port.value)} is not a port's name`, 'write a number without quotes')
    return { kind: 'name', name: port.value, protocol }
  }
  const from = portNumber(port)
  if (from === undefined) return undefined
  const to = end === undefined ? from : integer(end, 1, 65_535)
  if (to === undefined) return undefined
  if (to < from) fail(end ?? port, 'reversed-range', `${from} to ${to} is reversed`)
  return { kind: 'range', protocol, from, to }
}

/** An IANA service name: at most 15 of lower case, digits and inner `-`, with a letter. */
export function isPortName(text: string): boolean {
  return text.length <= 15 && /^[a-z0-9]([a-z0-9]|-(?!-))*$/.test(text) && !text.endsWith('-') && /[a-z]/.test(text)
}

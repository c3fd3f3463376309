/** The four policies, from documents that their schemas accept. */
import { refText } from '../reference-text.ts'
import { quote } from '../../base/diagnostic.ts'
import { parseAddress } from '../../net/address.ts'
import { widestSubjects } from '../../net/subject.ts'
import { parseInstant, parsePortText } from '../lexical.ts'
import { brokerPort, isExpired, phases } from '../platform.ts'
import { proxyOf } from './ingress-proxy.ts'
import { enclaveOf, isLocal, resolveExternals, resolveFederated, resolveOwn } from './references.ts'
import type { SpecOf } from '../schema/kinds.ts'
import type { EgressPolicy, FederationHalf, FederationPolicy, IngressGateway, IngressPolicy, LocalRef, PeerRef, PortItem, ServicePolicy, TrafficSpec } from '../platform.ts'
import type { Path } from '../source.ts'
import type { Context } from './context.ts'

type Traffic = Pick<SpecOf<'ServicePolicy'>, 'protocol' | 'port' | 'publish' | 'subscribe'>

/** Protocol, ports and subjects; `path` is where they stand inside `spec`. */
export function trafficOf(context: Context, { protocol, port, publish, subscribe }: Traffic, path: Path): TrafficSpec {
  if (protocol === 'nats') {
    const messages = { publish: widestSubjects([publish ?? []].flat()), subscribe: widestSubjects([subscribe ?? []].flat()) }
    return { protocol: 'tcp', ports: [{ kind: 'name', name: brokerPort, at: context.place([...path, 'protocol']) }], messages }
  }
  const items = port === undefined ? [] : Array.isArray(port) ? port : [port]
  const ports = items.map((item, i): PortItem => {
    if (typeof item === 'number') return { kind: 'range', from: item, to: item }
    const text = parsePortText(item)
    // The schema has refused what is no port.
    if ('code' in text) throw new TypeError(text.message)
    return text.kind === 'name' ? { ...text, at: context.place([...path, 'port', ...(Array.isArray(port) ? [i] : [])]) } : text
  })
  return { protocol, ports }
}

function baseOf(context: Context<'ServicePolicy' | 'EgressPolicy' | 'IngressPolicy' | 'FederationPolicy'>) {
  const { name, enclave = '', spec, at } = context.doc
  const expires = spec.expires === undefined ? undefined : parseInstant(spec.expires)
  if (isExpired({ expires }, context.now)) {
    context.report({
      code: 'expired-policy', severity: 'warning', at: context.place(['expires']), given: spec.expires ?? '',
      message: `the policy ${quote(name)} has expired and opens nothing`, help: 'remove it, or set a new `expires`',
    })
  }
  return { name, enclave, expires, at }
}

export function buildService(context: Context<'ServicePolicy'>): ServicePolicy {
  const { spec } = context.doc
  return {
    kind: 'ServicePolicy',
    ...baseOf(context),
    source: resolveOwn(context, spec.source, ['source']),
    destination: resolveOwn(context, spec.destination, ['destination']),
    traffic: trafficOf(context, spec, []),
    encryption: encryptionOf(context, spec.encryption, spec.protocol, ['protocol']),
  }
}

/** Mutual TLS carries tcp alone; anything else under that mark would stay closed or go in the clear. */
function encryptionOf(context: Context, encryption: 'required' | undefined, protocol: string, path: Path): 'required' | undefined {
  if (encryption !== undefined && protocol !== 'tcp') {
    context.problem(path, 'encryption-needs-tcp', `\`encryption: required\` needs \`protocol: tcp\`, not ${quote(protocol)}`, 'write `tcp`, or a policy of its own for what is not encrypted', protocol)
  }
  return encryption
}

export function buildEgress(context: Context<'EgressPolicy'>): EgressPolicy {
  const { spec } = context.doc
  const traffic = trafficOf(context, spec, [])
  if (spec.http !== undefined && spec.protocol !== 'tcp') context.problem(['http'], 'conflicting-fields', `\`http\` needs \`protocol: tcp\`, not ${quote(spec.protocol)}`)
  traffic.ports.forEach((item, i) => {
    if (item.kind !== 'name') return
    const help = 'an External declares no ports: write the number'
    context.problem(Array.isArray(spec.port) ? ['port', i] : ['port'], 'unknown-port-name', `the port name ${quote(item.name)} means nothing outside`, help, item.name)
  })
  return {
    kind: 'EgressPolicy',
    ...baseOf(context),
    source: resolveOwn(context, spec.source, ['source']),
    destination: resolveExternals(context, spec.destination, ['destination']),
    traffic,
    phases: [...new Set(spec.phases ?? phases)].sort(),
    http: spec.http === undefined ? undefined : { methods: [...new Set(spec.http.methods ?? [])].sort(), paths: [...new Set(spec.http.paths ?? [])].sort() },
  }
}

export function buildIngress(context: Context<'IngressPolicy'>): IngressPolicy {
  const { spec } = context.doc
  const destination = resolveOwn(context, spec.destination, ['destination'])
  const { protocol, port } = spec
  const traffic = trafficOf(context, { protocol, port }, [])
  const gateway = spec.publish === undefined ? proxyOf(context, spec) : publishOf(context, spec.publish, destination, traffic)
  return { kind: 'IngressPolicy', ...baseOf(context), source: resolveExternals(context, spec.source, ['source']), destination, traffic, gateway }
}

type Publish = NonNullable<SpecOf<'IngressPolicy'>['publish']>

/** One published port leads to one port of one workload: a translation cannot choose. */
function publishOf(context: Context<'IngressPolicy'>, publish: Publish, destination: readonly LocalRef[], traffic: TrafficSpec): IngressGateway {
  const { spec } = context.doc
  if (spec.authentication !== 'none') {
    context.problem(['authentication'], 'conflicting-fields', 'a published address cannot tell who is calling', 'write `authentication: none`, or use `hosts` instead of `publish`')
  }
  for (const field of ['tls', 'routes', 'limits', 'mode', 'listen', 'websocket'] as const) {
    if (spec[field] !== undefined) context.problem([field], 'conflicting-fields', `\`${field}\` needs a gateway with \`hosts\`; \`publish\` only translates addresses`)
  }
  const [only] = traffic.ports
  if (traffic.protocol === 'icmp' || traffic.protocol === 'any') {
    context.problem(['protocol'], 'wrong-value', `${quote(traffic.protocol)} cannot be published`, 'allowed: tcp, udp, sctp', traffic.protocol)
  } else if (traffic.ports.length !== 1 || only?.kind === 'any' || (only?.kind === 'range' && only.from !== only.to)) {
    context.problem(['port'], 'wrong-value', 'a published port leads to one private port', 'write one number or one port name')
  }
  const [first] = destination
  if (destination.length > 1 || (first !== undefined && first.kind !== 'workload')) {
    context.problem(['destination'], 'published-conflict', 'a published address leads to one workload', 'name one workload; its replicas share its name')
  }
  const texts = Array.isArray(publish.address) ? publish.address : [publish.address]
  return { kind: 'publish', addresses: texts.flatMap((text) => parseAddress(text) ?? []), port: publish.port }
}

export function buildFederation(context: Context<'FederationPolicy'>): FederationPolicy {
  const { spec } = context.doc
  for (const side of ['exports', 'imports'] as const) {
    for (const [i, half] of (spec[side] ?? []).entries()) encryptionOf(context, spec.encryption, half.protocol, [side, i, 'protocol'])
  }
  return {
    kind: 'FederationPolicy',
    ...baseOf(context),
    exports: (spec.exports ?? []).map((half, i) => halfOf(context, half, ['exports', i], 'destination')),
    imports: (spec.imports ?? []).map((half, i) => halfOf(context, half, ['imports', i], 'source')),
    encryption: spec.encryption,
  }
}

type WrittenHalf = NonNullable<SpecOf<'FederationPolicy'>['exports']>[number]

/** `ours` is the end that has to be the owner's; the other has to be somebody else's. */
function halfOf(context: Context<'FederationPolicy'>, half: WrittenHalf, path: Path, ours: 'source' | 'destination'): FederationHalf {
  const owner = context.doc.enclave ?? ''
  const end = (which: 'source' | 'destination'): readonly (LocalRef | PeerRef)[] =>
    resolveFederated(context, half[which], [...path, which]).map(([ref, at]) => {
      const own = isLocal(ref) && enclaveOf(ref) === owner
      const text = quote(ref.kind === 'labels' ? 'labels' : refText(ref))
      if (which === ours && !own) {
        const help = ours === 'source' ? 'an import lets this enclave\'s own workloads out; the other side exports' : 'an export offers this enclave\'s own workloads; the other side imports'
        context.problem(at, 'half-not-owned', `${text} is not in enclave ${quote(owner)}, which owns this document`, help)
      } else if (which !== ours && own) {
        context.problem(at, 'half-inside-enclave', `${text} is in the same enclave as the other end`, 'write a ServicePolicy')
      } else if (ref.kind === 'peer' && half.protocol === 'nats') {
        const why = 'a broker takes every authority that it trusts at its word about everybody, so it could not tell whose workload connects'
        context.problem(at, 'conflicting-fields', `${text} is on another platform, and messages stay on one`, why)
      }
      return ref
    })
  return { source: end('source'), destination: end('destination'), traffic: trafficOf(context, half, path), at: context.place(path) }
}

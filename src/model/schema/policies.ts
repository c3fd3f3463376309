/** Schemas of the four policies, the bare form, and what is asserted of all of them. */
import { z } from 'zod'
import { phases } from '../platform.ts'
import { authentication, hosts, httpMethod, httpPath, limits, mode, publish, route, tls } from './gateway.ts'
import { atLeastOne, exactlyOne, fields, instant, oneOrMany, optional, portName, portNumber, ports, reference, references, required, subject, text } from './fields.ts'

const action = text(
  (t) => {
    if (t === 'allow') return undefined
    if (t === 'deny') return { code: 'action-deny', message: 'is not an action: everything is denied unless a policy allows it', help: 'remove the policy that allows the path, or write a Guardrail that says it must never exist' }
    return { code: 'wrong-value', message: 'is not an action', help: 'the only action is `allow`' }
  },
  { const: 'allow' },
)

const protocol = z.enum(['tcp', 'udp', 'sctp', 'icmp', 'any'])

const traffic = {
  protocol: required(protocol, '`icmp` is echo; `any` stands for all four.'),
  port: optional(ports, 'A number, a range `8000-8100`, a name that destinations declare, `any`, or a list of these. Needed unless the protocol is `icmp`.'),
}

/** Between workloads also messages, which a broker passes on. */
const withMessages = {
  protocol: required(z.enum([...protocol.options, 'nats']), '`icmp` is echo; `any` stands for all four; `nats` is messages, at a destination that is a broker.'),
  port: optional(ports, 'A number, a range `8000-8100`, a name that destinations declare, `any`, or a list of these. Needed unless the protocol is `icmp` or `nats`.'),
  publish: optional(oneOrMany(subject), 'With `nats`: subjects that the source may publish to; `orders.*` holds one part more, `orders.>` one or more.'),
  subscribe: optional(oneOrMany(subject), 'With `nats`: subjects that the source may subscribe to.'),
}

/** Subjects and `nats` belong together; no subject never means all. */
function messagesFit(context: z.core.ParsePayload<{ protocol: string; publish?: unknown; subscribe?: unknown }>): void {
  const { protocol: used, publish: out, subscribe } = context.value
  const push = (code: 'missing-field' | 'conflicting-fields', path: string[], message: string, help: string): void => {
    context.issues.push({ code: 'custom', input: context.value, path, params: { code, message, help }, continue: true })
  }
  if (used === 'nats') {
    if (out === undefined && subscribe === undefined) push('missing-field', [], '`protocol: nats` needs `publish` or `subscribe`', 'write the subjects, as in `publish: orders.new`')
    return
  }
  for (const field of ['publish', 'subscribe'] as const) {
    if (context.value[field] !== undefined) push('conflicting-fields', [field], `\`${field}\` needs \`protocol: nats\``, 'write `nats`, or remove the subjects')
  }
}

/** Which protocols need, take or refuse a port: a missing one never means all. */
function portFits(context: z.core.ParsePayload<{ protocol: string; port?: unknown }>): void {
  const { protocol: used, port } = context.value
  const push = (code: 'missing-port' | 'needless-port', path: string[], message: string, help: string): void => {
    context.issues.push({ code: 'custom', input: context.value, path, params: { code, message, help }, continue: true })
  }
  if (used === 'nats') {
    if (port !== undefined) push('needless-port', ['port'], '`nats` takes no port', 'remove `port`: the broker declares it, under the name `nats`')
  } else if (used === 'icmp' && port !== undefined) push('needless-port', ['port'], '`icmp` takes no port', 'remove `port`')
  else if (used === 'any' && port !== 'any') {
    push(port === undefined ? 'missing-port' : 'needless-port', port === undefined ? [] : ['port'], '`protocol: any` stands for all ports', 'write `port: any`, or name one protocol')
  } else if (used !== 'icmp' && port === undefined) push('missing-port', [], `\`protocol: ${used}\` needs a \`port\``, 'write the port, or `port: any` for all of them')
}

const common = {
  action: optional(action, 'There is only `allow`.', 'allow'),
  expires: optional(instant, 'The policy opens nothing from this instant on.'),
}

const encryption = z.enum(['required'])

export const serviceSpec = fields({
  source: required(references, 'Who may connect: workloads of this enclave.'),
  destination: required(references, 'To whom: workloads of this enclave.'),
  ...withMessages,
  encryption: optional(encryption, '`required`: by mutual TLS between the gateways, with the source\'s own identity; tcp only. Left out: the kernel carries it.'),
  ...common,
}).check(portFits, messagesFit)

export const egressSpec = fields({
  source: required(references, 'Workloads of this enclave.'),
  destination: required(references, 'Externals, as `external:NAME`.'),
  ...traffic,
  phases: optional(z.array(z.enum(phases)).min(1), 'Only in these phases of the source; all when left out.'),
  http: optional(
    fields({
      methods: optional(z.array(httpMethod).min(1), 'Only these methods; any when left out.'),
      paths: optional(z.array(httpPath).min(1), 'Only these paths; a `*` at the end makes a prefix. Any when left out.'),
    }),
    'Only these HTTP requests. The path is then open at the gateway alone.',
  ),
  ...common,
}).check(portFits)

/** Published, or by a gateway: under names, or with `mode: tcp` at a port of its own. */
function way(context: z.core.ParsePayload<{ publish?: unknown; hosts?: unknown; mode?: string | undefined; listen?: unknown }>): void {
  const { hosts: named, publish: published, mode: how, listen } = context.value
  if (how === 'tcp' && listen !== undefined && named === undefined && published === undefined) return
  void exactlyOne(['publish', 'hosts'])(context)
}

export const ingressSpec = fields({
  source: required(references, 'Externals, as `external:NAME`.'),
  destination: required(references, 'Workloads of this enclave.'),
  ...traffic,
  authentication: required(authentication, 'How callers prove who they are: `none`, `mtls`, or one of `mtls`, `jwt`, `oidc` with its settings. A published address can only have `none`, and has to say so.'),
  publish: optional(publish, 'Published addresses that are translated to the private one.'),
  hosts: optional(hosts, 'Names under which a gateway serves the destination; `*.example.org` is every name below.'),
  mode: optional(mode, '`http`: requests are judged one by one. `tcp`: connections are led on whole, by the name of their TLS, or by `listen` alone.', 'http'),
  listen: optional(portNumber, 'A port of the gateway for this policy; the Platform\'s `httpsPort` when left out.'),
  websocket: optional(z.boolean(), 'Whether requests may become WebSockets.', false),
  tls: optional(tls, 'How the gateway speaks TLS.'),
  routes: optional(z.array(route).min(1), 'Which requests lead where; all to the destination when left out.'),
  limits: optional(limits, 'What one caller, or all, may use.'),
  ...common,
}).check(portFits, way)

const half = fields({
  source: required(references, 'Who connects.'),
  destination: required(references, 'To whom.'),
  ...withMessages,
}).check(portFits, messagesFit)

export const federationSpec = fields({
  encryption: optional(encryption, '`required`: also between enclaves of this platform by mutual TLS; tcp only. Towards Peers it always is.'),
  exports: optional(z.array(half), 'Others may come in: `destination` is this enclave\'s, `source` is the other side\'s.', []),
  imports: optional(z.array(half), 'Ours may go out: `source` is this enclave\'s, `destination` is the other side\'s.', []),
  ...common,
}).check(atLeastOne(['exports', 'imports']))

const pair = {
  source: required(references, 'From here.'),
  destination: required(references, 'To here.'),
}

export const guardrailSpec = fields({
  never: optional(fields(pair), 'No chain of initiations leads from a source to a destination, by any number of hops.'),
  noFlow: optional(
    fields({ ...pair, relays: optional(references, 'Nodes trusted to pass nothing on; a chain ends there.') }),
    'No chain of paths, each taken in both directions because replies carry data, joins the two.',
  ),
  onlyVia: optional(fields({ ...pair, via: required(references, 'What every chain has to pass.') }), 'Every chain of initiations passes one of `via`.'),
  isolated: optional(
    fields({ between: required(z.array(references).min(2), 'Two or more sets.') }),
    'No chain of initiations joins any two of these sets, in either direction.',
  ),
  onlyPorts: optional(
    fields({ ...pair, allow: required(z.array(fields(traffic).check(portFits)).min(1), 'What may travel; everything else may not.') }),
    'Paths that lead straight from a source to a destination carry nothing but this.',
  ),
  noExternal: optional(
    fields({
      workloads: required(references, 'Who is kept apart from everything outside.'),
      direction: optional(z.enum(['in', 'out', 'both']), '`out`: they reach no External; `in`: no External reaches them.', 'both'),
    }),
    'No chain of initiations, by any number of hops, joins these and an External.',
  ),
  encrypted: optional(
    fields({ between: required(z.array(references).min(2), 'Two or more sets.') }),
    'Every path that joins two of these sets directly, in either direction, uses mutual TLS.',
  ),
}).check(exactlyOne(['never', 'noFlow', 'onlyVia', 'isolated', 'onlyPorts', 'noExternal', 'encrypted']))

/** An end of a question may also be an address or a name of the outside, so its form is judged when it is read. */
const end = oneOrMany(z.union([z.string(), reference]))

const testCase = fields({
  source: required(end, 'A reference, an address or a domain name; a wildcard or a list stands for each of its members.'),
  destination: required(end, 'The same for the other end.'),
  protocol: required(z.enum(['tcp', 'udp', 'sctp', 'icmp']), 'One protocol.'),
  port: optional(oneOrMany(z.union([portNumber, portName])), 'A number, or a name that the destination declares, or a list of these. Needed unless the protocol is `icmp`.'),
  phase: optional(z.enum(phases), 'The phase of the source; its declared one when left out.'),
}).check(portFits)

export const policyTestSpec = fields({
  allow: optional(z.array(testCase), 'Each of these has to be allowed.', []),
  deny: optional(z.array(testCase), 'Each of these has to be denied.', []),
}).check(atLeastOne(['allow', 'deny']))

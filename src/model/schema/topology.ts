/** Schemas of what a platform consists of. */
import { z } from 'zod'
import { isName, isPlainAbsolutePath, isSubject, parseAddressAndPort } from '../lexical.ts'
import { layers, phases, separations } from '../platform.ts'
import { absolutePath, address, allOrNone, atLeastOne, cidr, domainPattern, exactlyOne, fields, instant, nameText, optional, plainText, portName, portNumber, reference, referenceText, required, text } from './fields.ts'

const trustDomain = text((t) =>
  t.length <= 255 && /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/.test(t)
    ? undefined
    : { code: 'wrong-value', message: 'is not a SPIFFE trust domain', help: 'lower-case letters, digits, `.`, `-` and `_`, as in `example.org`' },
)

const hostAndPort = text((t) => {
  const match = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([1-9][0-9]{0,4})$/.exec(t)
  return match !== null && Number(match[2]) <= 65_535 ? undefined : { code: 'wrong-value', message: 'is not a host and a port', help: 'write `gateway.example.org:8443`' }
})

const addressAndPort = text((t) =>
  parseAddressAndPort(t, 53) === undefined ? { code: 'invalid-address', message: 'is not an address', help: 'allowed: `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`' } : undefined,
)

export const platformSpec = fields({
  trustDomain: optional(trustDomain, 'The SPIFFE trust domain of all identities. `NAME.internal` when left out.'),
  addresses: optional(z.array(cidr).min(1), 'The space from which workloads get their addresses.', ['10.128.0.0/16', 'fdbb:1::/64']),
  infrastructure: optional(z.array(cidr), 'Hosts, control planes and other machinery. No External means these unless it says `infrastructure: true`.', []),
  gateway: optional(
    fields({
      addresses: required(z.array(address).min(1), 'Published addresses, outside `addresses`.'),
      httpsPort: optional(portNumber, 'Where host names are served.', 443),
      httpPort: optional(portNumber, 'Answers with a redirect to https and nothing else; closed when left out.'),
      meshPort: optional(portNumber, 'Where the gateways of Peers connect.', 15_443),
      bundlePort: optional(portNumber, 'Where Peers fetch the trust bundle, at `/bundle.json`; open while there are Peers.', 8443),
      bundleCertificateFile: optional(absolutePath, 'A certificate of the web for that port, and those up to its root; without it the endpoint proves itself by SPIFFE identity.'),
      bundleKeyFile: optional(absolutePath, 'Its private key.'),
    }).check(allOrNone(['bundleCertificateFile', 'bundleKeyFile'])),
    'The inbound gateway. Without it nothing comes in by a host name, and no Peer.',
  ),
  resolver: optional(
    fields({ upstream: required(z.array(addressAndPort).min(1), 'Name servers that are asked for outside names: addresses, with `:PORT` unless it is 53.') }),
    'Who answers for names outside; the name servers of the machine when left out.',
  ),
  egressProxy: optional(hostAndPort, 'A proxy that carries the outbound gateway\'s connections to outside names, as `host:port`: TLS by CONNECT, plain HTTP as whole URLs. Peers and issuers are reached directly.'),
  identity: optional(
    fields({
      certificateFile: optional(absolutePath, 'The certificate of an intermediate authority, and those up to its root.'),
      keyFile: optional(absolutePath, 'Its private key.'),
      rootsFile: optional(absolutePath, 'The roots that are trusted; several while one takes over from another.'),
      svidMinutes: optional(z.int().min(2).max(1_440), 'How long a workload\'s certificate is valid.', 60),
    }).check(allOrNone(['certificateFile', 'keyFile', 'rootsFile'])),
    'Where identities come from; an authority of the platform\'s own when left out.',
  ),
})

export const stackSpec = fields({
  tenancy: optional(z.enum(['dedicated', 'shared']), 'Whether the network hosts one customer or several.', 'shared'),
  cidrs: optional(z.array(cidr), 'The networks of this stack.', []),
  peeredCidrs: optional(z.array(cidr), 'Networks joined to it, which count as inside for restricted segments.', []),
  layers: optional(z.array(z.enum(layers)), 'The layers it has; a workload names one of them.', []),
  account: optional(plainText, 'The account at the provider that holds it. Two stacks with accounts of their own share no infrastructure that this operator runs.'),
  layerHosts: optional(z.enum(['separate', 'shared']), 'With `separate`, workloads of two layers never share a host.', 'shared'),
})

export const environmentSpec = fields({
  stack: optional(nameText, 'The Stack it runs on.', 'default'),
  owner: optional(plainText, 'Who answers for it.'),
  defaultSegment: optional(nameText, 'The IsolationSegment of its enclaves that name none.'),
  isolation: optional(z.enum(separations), 'The least that separates it from environments of other owners: `network`, no path; `host`, also no host in common; `dedicated`, also a dedicated Stack.'),
  members: optional(
    z.array(fields({
      subject: required(plainText, 'A person or a group, as the identity provider names it.'),
      role: required(z.enum(['viewer', 'deployer', 'owner']), 'What they may do.'),
    })),
    'Who may see and change what belongs to it.',
    [],
  ),
})

/** How many replicas a host of a segment holds that does not say. */
export const defaultReplicas = 100

const workloadName = text((t) => {
  const [enclave = '', workload = '', ...more] = t.split('/')
  return isName(enclave) && isName(workload) && more.length === 0 ? undefined : { code: 'invalid-reference', message: 'is not a workload', help: 'write `enclave/workload`' }
}, { title: 'enclave/workload' })

export const segmentSpec = fields({
  instances: required(z.int().min(1).max(100_000), 'How many hosts the pool has.'),
  instanceType: required(plainText, 'What kind of host.'),
  egress: optional(z.enum(['open', 'restricted']), 'With `restricted`, a policy that leads out of the stack and its peered networks is an error.', 'open'),
  entitled: optional(z.array(nameText), 'The environments that may use it; all when left out, none when empty.'),
  capacity: optional(
    fields({ replicasPerInstance: optional(z.int().min(1).max(10_000), 'How many replicas one host holds.', defaultReplicas) }),
    'What it holds: `instances` times this many replicas. A set that needs more is refused.',
  ),
})

const assignment = z.union([
  workloadName,
  fields({
    workload: required(workloadName, 'A workload, as `enclave/workload`.'),
    replicas: required(z.int().min(1).max(1000), 'How many of its replicas.'),
  }),
])

export const hostSpec = fields({
  stack: optional(nameText, 'The Stack it belongs to.', 'default'),
  segment: optional(nameText, 'The IsolationSegment it belongs to; without it, it holds workloads that are on none.'),
  layer: optional(z.enum(layers), 'The one layer whose workloads it holds; any when left out.'),
  instanceType: optional(plainText, 'What kind of machine it is; that of its segment, if it has one.'),
  drain: optional(z.boolean(), 'Nothing may be assigned to it any more.', false),
  workloads: optional(z.array(assignment), 'What the operator puts there: `enclave/workload` for one replica, or with `replicas`.', []),
})

export const enclaveSpec = fields({
  environment: optional(nameText, 'The Environment it belongs to.', 'default'),
  segment: optional(nameText, 'The IsolationSegment its workloads are placed on.'),
})

const mountTarget = text(
  (t) => {
    if (!isPlainAbsolutePath(t)) return { code: 'invalid-path', message: 'is not an absolute path', help: 'start with `/`, without `.`, `..` or `//`' }
    if (!/^\/(?:$|(?:dev|proc|sys)(?:\/|$))/.test(t)) return undefined
    return { code: 'invalid-path', message: 'is the sandbox\'s own', help: 'choose a folder of your own; not `/`, `/dev`, `/proc` or `/sys`' }
  },
  { title: 'absolute path' },
)

const mount = fields({
  from: required(plainText, 'A file or folder of the host; relative to the file that holds this document.'),
  to: required(mountTarget, 'Where the workload sees it, read-only.'),
})

const envName = text((t) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(t) ? undefined : { code: 'invalid-name', message: 'is not the name of an environment variable' }))

const runSpec = fields({
  command: required(z.array(z.string()).min(1), 'The program and its arguments. No shell is involved.'),
  env: optional(z.record(envName, z.string()), 'Environment variables.', {}),
  workdir: optional(absolutePath, 'Where the command starts.', '/data'),
  mounts: optional(z.array(mount), 'Host files and folders that it sees, read-only.', []),
})

const netns = text((t) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/.test(t) || (/^\/[^\s]+$/.test(t) && !t.split('/').includes('..'))
    ? undefined
    : { code: 'wrong-value', message: 'is not a network namespace', help: 'allowed: a name as `ip netns` lists it, or an absolute path such as `/proc/1234/ns/net`' },
)

const interfaceName = text((t) =>
  /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(t)
    ? undefined
    : { code: 'wrong-value', message: 'is not an interface name', help: 'at most 15 letters, digits, `_`, `.` and `-`' },
)

const attachSpec = fields({
  netns: optional(netns, 'An existing network namespace, such as a container\'s.'),
  interface: optional(interfaceName, 'An existing interface, such as a virtual machine\'s tap.'),
}).check(exactlyOne(['netns', 'interface']))

const portSpec = fields({
  name: optional(portName, 'What policies may call it.'),
  port: required(portNumber, 'The port.'),
  protocol: optional(z.enum(['tcp', 'udp', 'sctp']), 'Its protocol.', 'tcp'),
})

export const workloadSpec = fields({
  ports: optional(z.array(z.union([portNumber, portSpec])), 'The ports it serves: numbers, or with name and protocol.', []),
  phase: optional(z.enum(phases), 'The phase it is in.', 'running'),
  replicas: optional(z.int().min(0).max(1000), 'How many of it run.', 1),
  spread: optional(z.int().min(1).max(1000), 'On how many different hosts its replicas are, at least.', 1),
  groups: optional(z.array(nameText), 'Groups of its enclave that it consents to join.', []),
  layer: optional(z.enum(layers), 'Its layer in the stack.'),
  segment: optional(nameText, 'Its IsolationSegment; its enclave\'s when left out.'),
  broker: optional(z.enum(['nats']), 'It is a message broker, at its one tcp port called `nats`; policies with `protocol: nats` lead to it.'),
  run: optional(runSpec, 'Start a process for it.'),
  privileged: optional(z.boolean(), 'Its process is root with the network capabilities (`CAP_NET_ADMIN`, `CAP_NET_RAW`, `CAP_NET_BIND_SERVICE`) over its own network namespace, and over nothing else. Needs `run`.', false),
  attach: optional(attachSpec, 'Take a namespace or an interface that exists.'),
}).check(exactlyOne(['run', 'attach'], true))

export const groupSpec = fields({
  members: required(z.array(referenceText), 'Workloads of this enclave, or `group:NAME` for the members of another group of it.'),
  exceptions: optional(
    z.array(fields({
      with: required(reference, 'The other end.'),
      direction: optional(z.enum(['in', 'out', 'both']), '`out`: a member initiates; `in`: the other end does.', 'both'),
    })),
    'Paths across the edge of the group that the group itself allows; policies still have to open them.',
    [],
  ),
})

export const externalSpec = fields({
  domains: optional(z.array(domainPattern), 'Names: `pypi.org`, or `*.pypi.org` for every name below it.', []),
  cidrs: optional(z.array(cidr), 'Address ranges.', []),
  infrastructure: optional(z.boolean(), 'It really means addresses of the platform, of hosts, link-local, metadata or loopback space.', false),
  telemetry: optional(z.boolean(), 'It is software that phones home; a policy to it needs a RiskRecord.', false),
}).check(atLeastOne(['domains', 'cidrs']))

const httpsUrl = text((t) =>
  URL.canParse(t) && new URL(t).protocol === 'https:' && !t.includes('@')
    ? undefined
    : { code: 'wrong-value', message: 'is not an https URL', help: 'write `https://HOST/PATH`' },
)

const spiffeId = text((t) => (t.startsWith('spiffe:') && isSubject(t) ? undefined : { code: 'wrong-value', message: 'is not a SPIFFE ID', help: 'write `spiffe://TRUST-DOMAIN/PATH`' }))

export const peerSpec = fields({
  trustDomain: required(trustDomain, 'The other platform\'s SPIFFE trust domain.'),
  bundleEndpoint: required(
    fields({
      url: required(httpsUrl, 'Where its trust bundle is published.'),
      profile: optional(z.enum(['https_web', 'https_spiffe']), 'How that endpoint proves itself.', 'https_web'),
      spiffeId: optional(spiffeId, 'Who serves it, with `https_spiffe`: an identity of its own trust domain; `spiffe://TRUST-DOMAIN/bundle-endpoint` when left out.'),
    }),
    'Where its certificates are learnt from.',
  ),
  gateway: required(hostAndPort, 'Its gateway, as `host:port`.'),
})

export const riskSpec = fields({
  external: required(nameText, 'The External whose risk is accepted.'),
  software: required(plainText, 'What phones home.'),
  owner: required(plainText, 'Who answers for that software here.'),
  sends: required(z.array(plainText).min(1), 'What leaves: one line for each kind of data.'),
  where: required(plainText, 'Where it goes: who receives it, and in which country.'),
  legalBasis: required(plainText, 'What permits that: a contract, a consent, a law.'),
  acceptedBy: required(plainText, 'Who accepted it.'),
  mitigations: required(z.array(plainText).min(1), 'What limits the harm.'),
  until: required(instant, 'The date of the review (or an instant): from then on the risk is not accepted any more.'),
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, doc, load, problems, scene } from './testing/set.ts'
import { measured } from '../base/testing.ts'

/** What is refused, alone in one document after the scene: which codes, and what the first message and help have to hold. */
interface Row {
  readonly says: string
  readonly given: string
  readonly codes: readonly string[]
  readonly message?: RegExp
  readonly help?: RegExp
}

const service = (spec: string, metadata = 'name: p, enclave: research') => doc('ServicePolicy', metadata, `{source: api, destination: db, protocol: tcp, port: 5432, ${spec}}`)
const ports = (port: string) => doc('ServicePolicy', 'name: p, enclave: research', `{source: api, destination: db, protocol: tcp, port: ${port}}`)
const external = (spec: string) => doc('External', 'name: e', spec)
const workload = (spec: string, metadata = 'name: w, enclave: research') => doc('Workload', metadata, spec)
const publish = (name: string, rest: string, destination = 'api') =>
  doc('IngressPolicy', `name: ${name}, enclave: research`, `{source: external:office, destination: ${destination}, protocol: tcp, port: 80, authentication: none, ${rest}}`)

const rows: readonly Row[] = [
  // shape
  { says: 'an unknown field', given: workload('{prots: [80]}'), codes: ['unknown-field'], message: /`prots`.*`spec`/, help: /did you mean `ports`\? allowed: ports, phase/ },
  { says: 'an unknown field at the top', given: `${doc('Enclave', 'name: x')}status: {}\n`, codes: ['unknown-field'], message: /`status`/ },
  { says: 'an unknown field beside the bare form', given: '---\npolicy: {source: api, destination: db, protocol: tcp, port: 1, priority: 3}\n', codes: ['unknown-field'] },
  { says: 'an unknown kind', given: doc('ServicePolice', 'name: x'), codes: ['unknown-kind'], help: /did you mean `ServicePolicy`/ },
  { says: 'an unknown version', given: doc('Enclave', 'name: x').replace('/v1', '/v2'), codes: ['unknown-version'], help: /bulkhead\.dev\/v1/ },
  { says: 'a document without a kind', given: '---\napiVersion: bulkhead.dev/v1\nmetadata: {name: x}\n', codes: ['missing-field'] },
  { says: 'a missing field', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: api, protocol: tcp, port: 1}'), codes: ['missing-field'], message: /`spec\.destination`/ },
  { says: 'a spec that is left out where it is needed', given: '---\napiVersion: bulkhead.dev/v1\nkind: External\nmetadata: {name: e}\n', codes: ['missing-field'] },
  { says: 'an empty spec', given: doc('Enclave', 'name: x', ''), codes: ['wrong-type'], message: /expected a mapping, found nothing/ },
  { says: 'text alone', given: '---\nhello\n', codes: ['not-a-document'], message: /`hello`/ },
  { says: 'a list', given: '---\n[1]\n', codes: ['not-a-document'] },
  { says: 'a document without an enclave that needs one', given: workload('{}', 'name: w'), codes: ['enclave-missing'] },
  { says: 'an enclave on a document that belongs to none', given: doc('External', 'name: e, enclave: research', '{domains: [a.example]}'), codes: ['enclave-unneeded'] },
  { says: 'a duplicate name', given: doc('Workload', 'name: api, enclave: research'), codes: ['duplicate-name'], message: /first at set\.yaml:/ },
  { says: 'a second Platform', given: doc('Platform', 'name: one') + doc('Platform', 'name: two'), codes: ['duplicate-name'] },
  { says: 'the same bare policy twice', given: '---\npolicy: {source: api, destination: web, protocol: icmp}\n'.repeat(2), codes: ['duplicate-name'] },
  { says: 'a wrong type', given: workload('{replicas: many}'), codes: ['wrong-type'], message: /expected a number, found the text `many`/ },
  { says: 'a number where text belongs', given: workload('{run: {command: [sleep, 10]}}'), codes: ['wrong-type'], help: /in quotes: '10'/ },
  { says: 'a text where a list belongs', given: workload('{run: {command: sleep 10}}'), codes: ['wrong-type'], help: /as a list/ },
  { says: 'yes where true belongs', given: external('{domains: [a.example], telemetry: yes}'), codes: ['wrong-type'], message: /true or false, found the text `yes`/ },
  { says: 'a word that is not one of those allowed', given: workload('{phase: runing}'), codes: ['wrong-value'], help: /did you mean `running`\? allowed: running, staging, task/ },
  { says: 'both run and attach', given: workload('{run: {command: [a]}, attach: {netns: x}}'), codes: ['conflicting-fields'] },
  { says: 'rights for a process that is not started here', given: workload('{privileged: true, attach: {netns: x}}'), codes: ['conflicting-fields'] },
  { says: 'replicas of one attached namespace', given: workload('{replicas: 2, attach: {netns: x}}'), codes: ['conflicting-fields'] },
  { says: 'a mount over what the sandbox needs', given: workload('{run: {command: [a], mounts: [{from: x, to: /proc/sys}, {from: x, to: /}]}}'), codes: ['invalid-path', 'invalid-path'] },
  { says: 'a mount that climbs', given: workload('{run: {command: [a], mounts: [{from: x, to: /a/../b}]}}'), codes: ['invalid-path'] },
  { says: 'a port declared twice', given: workload('{ports: [80, {port: 80}]}'), codes: ['duplicate-name'] },
  // names
  { says: 'a name that is a path', given: doc('Enclave', 'name: ../../etc/passwd'), codes: ['invalid-name'] },
  { says: 'a name with a slash', given: doc('Enclave', 'name: a/b'), codes: ['invalid-name'] },
  { says: 'the name __proto__', given: doc('Enclave', 'name: __proto__'), codes: ['invalid-name'] },
  { says: 'the key __proto__', given: workload('{run: {command: [a], env: {__proto__: x}}}'), codes: ['invalid-name'] },
  { says: 'an enclave called as what every object has', given: service('', 'name: p, enclave: constructor'), codes: ['unknown-reference'] },
  { says: 'an upper-case name', given: doc('Enclave', 'name: Research'), codes: ['invalid-name'] },
  { says: 'a name of 64 characters', given: doc('Enclave', `name: ${'a'.repeat(64)}`), codes: ['invalid-name'] },
  { says: 'an empty name', given: doc('Enclave', 'name: ""'), codes: ['invalid-name'] },
  { says: 'a name that is a number', given: doc('Enclave', 'name: 12'), codes: ['wrong-type'], help: /'12'/ },
  { says: 'an escape character in a name', given: doc('Enclave', 'name: "\\e[2Jx"'), codes: ['forbidden-character'], message: /\\u\{1b\}\[2Jx/ },
  { says: 'an escape character in a text', given: doc('Environment', 'name: x', '{owner: "a\\x1b]0;b"}'), codes: ['forbidden-character'] },
  { says: 'a character that reorders the line', given: doc('Environment', 'name: x', '{owner: "a\u202eb"}'), codes: ['forbidden-character'] },
  // ports
  { says: 'port 0', given: ports('0'), codes: ['invalid-port'], message: /`0`/, help: /1 to 65535/ },
  { says: 'port 65536', given: ports('65536'), codes: ['invalid-port'] },
  { says: 'a negative port', given: ports('-1'), codes: ['invalid-port'] },
  { says: 'a declared port 0', given: workload('{ports: [0]}'), codes: ['invalid-port'] },
  { says: 'a reversed range', given: ports('9000-8000'), codes: ['reversed-range'], help: /8000-9000/ },
  { says: 'a range from 0', given: ports('0-10'), codes: ['invalid-port'] },
  { says: 'a range that leaves the ports', given: ports('1-65536'), codes: ['invalid-port'] },
  { says: 'a range in another notation', given: ports('"010-020"'), codes: ['invalid-port'] },
  { says: 'an octal port', given: ports('0o17'), codes: ['wrong-type'], message: /`0o17`/ },
  { says: 'a port with a leading zero', given: ports('010'), codes: ['wrong-type'] },
  { says: 'a hexadecimal port', given: ports('0x50'), codes: ['wrong-type'] },
  { says: 'a port with an exponent', given: ports('1e3'), codes: ['wrong-type'] },
  { says: 'a port with a fraction', given: ports('80.0'), codes: ['wrong-type'] },
  { says: 'a port with a sign', given: ports('+80'), codes: ['wrong-type'] },
  { says: 'a port in quotes', given: ports('"80"'), codes: ['wrong-type'], help: /without quotes/ },
  { says: 'a port that is true', given: ports('[80, true]'), codes: ['wrong-type'] },
  { says: 'an empty list of ports', given: ports('[]'), codes: ['wrong-value'] },
  { says: 'a missing port', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: tcp}'), codes: ['missing-port'], help: /port: any/ },
  { says: 'a port for icmp', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: icmp, port: any}'), codes: ['needless-port'] },
  { says: 'one port for any protocol', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: any, port: 80}'), codes: ['needless-port'] },
  { says: 'any protocol without a port', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: any}'), codes: ['missing-port'] },
  { says: 'a port name that no destination declares', given: ports('sqll'), codes: ['unknown-port-name'], help: /did you mean `sql`/ },
  { says: 'a port name declared for another protocol', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: udp, port: sql}'), codes: ['unknown-port-name'], help: /declared for tcp/ },
  { says: 'a port name towards an External', given: doc('EgressPolicy', 'name: p, enclave: research', '{source: api, destination: external:pypi, protocol: tcp, port: https}'), codes: ['unknown-port-name'] },
  // addresses and domains
  { says: 'a malformed CIDR', given: external('{cidrs: [10.0.0.0/33]}'), codes: ['invalid-cidr'] },
  { says: 'a short address', given: external('{cidrs: [10.1/16]}'), codes: ['invalid-cidr'] },
  { says: 'a CIDR with host bits', given: external('{cidrs: [10.0.0.1/8]}'), codes: ['host-bits'], help: /did you mean `10\.0\.0\.0\/8`/ },
  { says: 'an IPv4-mapped IPv6 range', given: external('{cidrs: ["::ffff:10.0.0.0/104"]}'), codes: ['mapped-address'] },
  { says: 'an IPv4-mapped published address', given: publish('p', 'publish: {address: "::ffff:198.51.100.1", port: 80}'), codes: ['mapped-address'] },
  { says: 'domains: ["*"]', given: external('{domains: ["*"]}'), codes: ['wildcard-domain'] },
  { says: 'a whole top-level domain', given: external('{domains: ["*.com"]}'), codes: ['wildcard-domain'] },
  { says: 'a wildcard in the middle', given: external('{domains: ["a.*.example.org"]}'), codes: ['invalid-domain'] },
  { says: 'a URL as a domain', given: external('{domains: ["https://pypi.org"]}'), codes: ['invalid-domain'] },
  { says: 'an External without anything', given: external('{}'), codes: ['conflicting-fields'] },
  { says: 'an External with an empty list', given: external('{cidrs: []}'), codes: ['conflicting-fields'] },
  // policies
  { says: 'action: deny', given: service('action: deny'), codes: ['action-deny'], help: /Guardrail/ },
  { says: 'another action', given: service('action: drop'), codes: ['wrong-value'] },
  { says: 'a day that does not exist', given: service('expires: 2030-02-30'), codes: ['invalid-instant'] },
  { says: 'an instant without a zone', given: service('expires: 2030-02-01T10:00:00'), codes: ['invalid-instant'] },
  { says: 'a dangling reference', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: apy, destination: db, protocol: icmp}'), codes: ['unknown-reference'], message: /`apy`/, help: /did you mean `api`/ },
  { says: 'a dangling enclave', given: service('', 'name: p, enclave: reserch'), codes: ['unknown-reference'], help: /did you mean `research`/ },
  { says: 'a dangling group', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: group:gone, destination: db, protocol: icmp}'), codes: ['unknown-reference'] },
  { says: 'a dangling External', given: doc('EgressPolicy', 'name: p, enclave: research', '{source: api, destination: external:pypl, protocol: tcp, port: 443}'), codes: ['unknown-reference'], help: /`pypi`/ },
  { says: 'a dangling Peer', given: doc('FederationPolicy', 'name: p, enclave: research', '{imports: [{source: api, destination: peer:x/y/z, protocol: icmp}]}'), codes: ['unknown-reference'] },
  { says: 'a dangling trust domain', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: spiffe://elsewhere/enclave/research/workload/api, destination: db, protocol: icmp}'), codes: ['unknown-reference'] },
  { says: 'a workload that joins a group nobody declares', given: workload('{groups: [gone]}'), codes: ['unknown-reference'] },
  { says: 'a dangling Stack', given: doc('Environment', 'name: e', '{stack: gone}'), codes: ['unknown-reference'] },
  { says: 'a dangling Environment', given: doc('Enclave', 'name: e', '{environment: gone}'), codes: ['unknown-reference'] },
  { says: 'a dangling IsolationSegment', given: doc('Enclave', 'name: e', '{segment: gone}'), codes: ['unknown-reference'] },
  { says: 'a RiskRecord for nothing', given: doc('RiskRecord', 'name: r', '{external: gone, software: s, owner: o, sends: [x], where: w, legalBasis: l, acceptedBy: b, mitigations: [m], until: 2031-01-01}'), codes: ['unknown-reference'] },
  { says: 'a reference that is a path', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: ../api, destination: db, protocol: icmp}'), codes: ['invalid-reference'] },
  { says: 'a wildcard over everything in a policy', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: "*", destination: db, protocol: icmp}'), codes: ['invalid-reference'], message: /Guardrails/ },
  { says: 'a selector without labels', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: {labels: {}}, destination: db, protocol: icmp}'), codes: ['wrong-value'] },
  { says: 'a policy that crosses enclaves', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: clinic/db, protocol: tcp, port: 5432}'), codes: ['crosses-enclaves'], help: /FederationPolicy/ },
  { says: 'a bare policy that crosses enclaves', given: '---\npolicy: {source: research/api, destination: clinic/db, protocol: tcp, port: 5432}\n', codes: ['crosses-enclaves'], help: /FederationPolicy/ },
  { says: 'a bare policy that two enclaves could own', given: '---\npolicy: {source: db, destination: db, protocol: tcp, port: 5432}\n', codes: ['ambiguous-enclave'], message: /`clinic`, `research`/ },
  { says: 'a bare policy whose names nobody declares', given: '---\npolicy: {source: api, destination: postgres, protocol: tcp, port: 5432}\n', codes: ['unknown-reference'], message: /`postgres`/ },
  { says: 'a service policy to an External', given: doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: external:pypi, protocol: icmp}'), codes: ['crosses-enclaves'], help: /EgressPolicy/ },
  { says: 'egress to a workload', given: doc('EgressPolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: icmp}'), codes: ['not-an-external'] },
  { says: 'egress to another enclave', given: doc('EgressPolicy', 'name: p, enclave: research', '{source: api, destination: clinic/db, protocol: icmp}'), codes: ['not-an-external'], help: /FederationPolicy/ },
  { says: 'egress to an External without its prefix', given: doc('EgressPolicy', 'name: p, enclave: research', '{source: api, destination: pypi, protocol: icmp}'), codes: ['not-an-external'], help: /`external:pypi`/ },
  { says: 'ingress from a workload', given: doc('IngressPolicy', 'name: p, enclave: research', '{source: db, destination: api, protocol: tcp, port: 80, authentication: none, hosts: a.example.org}'), codes: ['not-an-external'] },
  { says: 'http over udp', given: doc('EgressPolicy', 'name: p, enclave: research', '{source: api, destination: external:pypi, protocol: udp, port: 443, http: {methods: [GET]}}'), codes: ['conflicting-fields'] },
  { says: 'a published address inside the platform', given: publish('p', 'publish: {address: 10.128.0.9, port: 80}'), codes: ['published-inside'] },
  { says: 'one published port for two destinations', given: publish('p', 'publish: {address: 198.51.100.1, port: 80}') + publish('q', 'publish: {address: [198.51.100.2, 198.51.100.1], port: 80}', 'web'), codes: ['published-conflict'] },
  { says: 'one published port for two private ports', given: publish('p', 'publish: {address: 198.51.100.1, port: 80}') + publish('q', 'publish: {address: 198.51.100.1, port: 80}').replace('port: 80,', 'port: 81,'), codes: ['published-conflict'] },
  { says: 'a published address for a whole enclave', given: publish('p', 'publish: {address: 198.51.100.1, port: 80}', 'research/*'), codes: ['published-conflict'] },
  { says: 'a published range of ports', given: publish('p', 'publish: {address: 198.51.100.1, port: 80}').replace('port: 80,', 'port: 80-81,'), codes: ['wrong-value'] },
  { says: 'a published address whose source has no addresses', given: publish('p', 'publish: {address: 198.51.100.1, port: 80}').replace('external:office', 'external:pypi'), codes: ['source-without-cidrs'] },
  { says: 'a published address that claims to authenticate', given: publish('p', 'publish: {address: 198.51.100.1, port: 80}').replace('authentication: none', 'authentication: mtls'), codes: ['conflicting-fields'] },
  { says: 'a published address that does not say it does not', given: publish('p', 'publish: {address: 198.51.100.1, port: 80}').replace('authentication: none,', ''), codes: ['missing-field'] },
  { says: 'ingress with neither publish nor hosts', given: publish('p', ''), codes: ['conflicting-fields'] },
  { says: 'ingress with both', given: publish('p', 'publish: {address: 198.51.100.1, port: 80}, hosts: a.example.org'), codes: ['conflicting-fields'] },
  { says: 'a secret in a document', given: publish('p', 'hosts: a.example.org').replace('none', '{oidc: {issuer: "https://id.example.org", clientId: c, authorizationEndpoint: "https://id.example.org/a", tokenEndpoint: "https://id.example.org/t", jwksFile: /keys, clientSecret: hunter2}}'), codes: ['missing-field', 'unknown-field'] },
  { says: 'a route to another enclave', given: publish('p', 'hosts: a.example.org, routes: [{path: /, destination: clinic/db}]'), codes: ['invalid-reference'] },
  { says: 'egress to telemetry that nobody accepted', given: external('{cidrs: [198.51.100.0/24], telemetry: true}') + doc('EgressPolicy', 'name: p, enclave: research', '{source: api, destination: external:e, protocol: tcp, port: 443}'), codes: ['telemetry-without-risk'], message: /no RiskRecord/ },
  {
    says: 'egress to telemetry after its acceptance has ended',
    given: external('{cidrs: [198.51.100.0/24], telemetry: true}')
      + doc('EgressPolicy', 'name: p, enclave: research', '{source: api, destination: external:e, protocol: tcp, port: 443}')
      + doc('RiskRecord', 'name: r', '{external: e, software: s, owner: o, sends: [x], where: w, legalBasis: l, acceptedBy: b, mitigations: [m], until: 2030-01-01}'),
    codes: ['telemetry-without-risk'], message: /ended at 2030-01-01/,
  },
  // federation
  { says: 'a federation policy with no halves', given: doc('FederationPolicy', 'name: p, enclave: research', '{exports: []}'), codes: ['conflicting-fields'] },
  { says: 'an import for another enclave\'s workload', given: doc('FederationPolicy', 'name: p, enclave: research', '{imports: [{source: clinic/db, destination: clinic/db, protocol: icmp}]}'), codes: ['half-not-owned'] },
  { says: 'an export of another enclave\'s workload', given: doc('FederationPolicy', 'name: p, enclave: research', '{exports: [{source: clinic/db, destination: clinic/db, protocol: icmp}]}'), codes: ['half-not-owned'] },
  { says: 'a federation inside one enclave', given: doc('FederationPolicy', 'name: p, enclave: research', '{imports: [{source: api, destination: db, protocol: icmp}]}'), codes: ['half-inside-enclave'], help: /ServicePolicy/ },
  { says: 'both halves in one file', codes: ['mixed-halves'], given: doc('FederationPolicy', 'name: p, enclave: research', '{imports: [{source: api, destination: clinic/db, protocol: icmp}]}') + doc('FederationPolicy', 'name: q, enclave: clinic', '{exports: [{source: research/api, destination: db, protocol: icmp}]}') },
  { says: 'a federation with an External', given: doc('FederationPolicy', 'name: p, enclave: research', '{imports: [{source: api, destination: external:pypi, protocol: icmp}]}'), codes: ['invalid-reference'] },
  { says: 'a Peer with our own trust domain', given: doc('Peer', 'name: p', '{trustDomain: bulkhead.internal, bundleEndpoint: {url: "https://x.example/"}, gateway: "g.example:1"}'), codes: ['duplicate-name'] },
  ...([
    ['of another trust domain', 'profile: https_spiffe, spiffeId: "spiffe://q.example/bundle"', 'unknown-subject'],
    ['of a trust domain that only begins so', 'profile: https_spiffe, spiffeId: "spiffe://p.example.org/bundle"', 'unknown-subject'],
    ['where the web vouches for it', 'spiffeId: "spiffe://p.example/bundle"', 'conflicting-fields'],
    ['that is none', 'profile: https_spiffe, spiffeId: "https://p.example/bundle"', 'wrong-value'],
    ['that is a whole trust domain', 'profile: https_spiffe, spiffeId: "spiffe://p.example"', 'wrong-value'],
  ] as const).map(([which, rest, code]) => ({ says: `an identity of a bundle endpoint ${which}`, given: doc('Peer', 'name: p', `{trustDomain: p.example, bundleEndpoint: {url: "https://x.example/", ${rest}}, gateway: "g.example:1"}`), codes: [code] })),
  { says: 'a bundle endpoint without TLS', given: doc('Peer', 'name: p', '{trustDomain: p.example, bundleEndpoint: {url: "http://x.example/"}, gateway: "g.example:1"}'), codes: ['wrong-value'] },
  // groups, segments, layers
  { says: 'a group that contains itself', given: doc('Group', 'name: g, enclave: research', '{members: ["group:g"]}'), codes: ['cyclic-group'] },
  { says: 'groups that contain each other', given: doc('Group', 'name: a, enclave: research', '{members: [api, "group:b"]}') + doc('Group', 'name: b, enclave: research', '{members: ["group:a"]}'), codes: ['cyclic-group'], message: /`research\/a` > `research\/b` > `research\/a`/ },
  { says: 'a member from another enclave', given: doc('Group', 'name: g, enclave: research', '{members: [clinic/db]}'), codes: ['crosses-enclaves'] },
  { says: 'a segment the environment is not entitled to', given: doc('Environment', 'name: other') + doc('IsolationSegment', 'name: s', '{instances: 1, instanceType: t, entitled: [other]}') + doc('Enclave', 'name: e', '{segment: s}'), codes: ['not-entitled'] },
  { says: 'a workload\'s own segment without entitlement', given: doc('Environment', 'name: other') + doc('IsolationSegment', 'name: s', '{instances: 1, instanceType: t, entitled: [other]}') + workload('{segment: s}'), codes: ['not-entitled'] },
  { says: 'a layer that the stack does not have', given: doc('Stack', 'name: s', '{layers: [app]}') + doc('Environment', 'name: e', '{stack: s}') + doc('Enclave', 'name: x', '{environment: e}') + workload('{layer: database}', 'name: w, enclave: x'), codes: ['unknown-reference'] },
  // assertions
  { says: 'a Guardrail without a statement', given: doc('Guardrail', 'name: g'), codes: ['conflicting-fields'] },
  { says: 'a Guardrail with two', given: doc('Guardrail', 'name: g', '{never: {source: "*", destination: "*"}, noFlow: {source: "*", destination: "*"}}'), codes: ['conflicting-fields'] },
  { says: 'a bare workload in a Guardrail', given: doc('Guardrail', 'name: g', '{never: {source: api, destination: "external:*"}}'), codes: ['invalid-reference'], help: /did you mean `research\/api`/ },
  { says: 'labels in a Guardrail', given: doc('Guardrail', 'name: g', '{never: {source: {labels: {a: b}}, destination: "external:*"}}'), codes: ['invalid-reference'] },
  { says: 'an unknown environment in a Guardrail', given: doc('Guardrail', 'name: g', '{never: {source: environment:gone, destination: "external:*"}}'), codes: ['unknown-reference'] },
  { says: 'an encryption of one set', given: doc('Guardrail', 'name: g', '{encrypted: {between: [research/*]}}'), codes: ['wrong-value'] },
  { says: 'an onlyPorts that allows nothing', given: doc('Guardrail', 'name: g', '{onlyPorts: {source: "*", destination: "*", allow: []}}'), codes: ['wrong-value'] },
  { says: 'an onlyPorts without a port', given: doc('Guardrail', 'name: g', '{onlyPorts: {source: "*", destination: "*", allow: [{protocol: tcp}]}}'), codes: ['missing-port'] },
  { says: 'a direction that is none', given: doc('Guardrail', 'name: g', '{noExternal: {workloads: "*", direction: up}}'), codes: ['wrong-value'] },
  { says: 'an isolation of one set', given: doc('Guardrail', 'name: g', '{isolated: {between: [research/*]}}'), codes: ['wrong-value'] },
  { says: 'a test that asks nothing', given: doc('PolicyTest', 'name: t', '{allow: []}'), codes: ['conflicting-fields'] },
  { says: 'a test of any protocol', given: doc('PolicyTest', 'name: t', '{deny: [{source: research/api, destination: research/db, protocol: any, port: any}]}'), codes: ['wrong-value', 'invalid-name'] },
  { says: 'a test of a port name nobody declares', given: doc('PolicyTest', 'name: t', '{deny: [{source: research/api, destination: research/db, protocol: tcp, port: nosql}]}'), codes: ['unknown-port-name'] },
  { says: 'a test with an end that is nothing', given: doc('PolicyTest', 'name: t', '{deny: [{source: research/api, destination: "???", protocol: icmp}]}'), codes: ['invalid-reference'] },
]

const lines = scene.split('\n').length - 1

test('the scene itself is accepted', () => {
  assert.equal(accepted(scene).workloads.size, 4)
})

for (const { says, given, codes, message, help } of rows) {
  test(`refused: ${says}`, () => {
    const { platform, diagnostics } = load(scene + given)
    assert.deepEqual(diagnostics.map((d) => d.code).sort(), [...codes].sort(), JSON.stringify(diagnostics))
    assert.equal(platform, undefined)
    const [first] = diagnostics
    assert.ok(first !== undefined && diagnostics.every((d) => d.at.line > lines && d.at.column >= 1 && d.severity === 'error'))
    if (message !== undefined) assert.match(first.message, message)
    if (help !== undefined) assert.match(first.help ?? '', help)
  })
}

test('refused: text that is no YAML, and YAML with a second reading', () => {
  assert.deepEqual(problems('a:\n\tb: 1\n'), ['2:1 yaml-syntax'])
  // What a tab makes of the lines after it is no news to whoever is told of the tab.
  assert.deepEqual(problems('policy:\n\tsource: api\n  destination: db\n  port: 1\n'), ['2:1 yaml-syntax'])
  assert.deepEqual(problems('a: [1'), ['1:6 yaml-syntax'])
  assert.deepEqual(problems('kind: A\nkind: B\n'), ['1:1 missing-field', '1:7 unknown-kind', '2:1 duplicate-key'])
  assert.deepEqual(problems('a: &x 1\nb: *x\n'), ['1:4 yaml-alias', '2:4 yaml-alias'])
  assert.ok(problems('policy:\n  <<: {source: a}\n').includes('2:3 yaml-alias'))
  assert.deepEqual(problems('a: !!binary aGk=\n'), ['1:4 yaml-tag'])
  assert.deepEqual(problems('%YAML 1.1\n---\na: 1\n'), ['1:1 yaml-syntax'])
  assert.deepEqual(problems('a: \0\n'), ['1:4 forbidden-character'])
  assert.deepEqual(problems({ 'a.json': '{"a": 1,}' }), ['1:9 json-syntax'])
  assert.deepEqual(problems({ 'a.json': '{"kind": "A", "kind": "B"}' }).at(-1), '1:15 duplicate-key')
  const [json] = load({ 'a.json': '{"a": 1,}' }).diagnostics
  assert.match(json?.message ?? '', /^[a-z]/, 'in lower case, as every message')
})

test('a bare policy without an enclave of its own is refused at the name that leads away', () => {
  for (const [destination, code] of [['clinic/db', 'crosses-enclaves'], ['db', 'ambiguous-enclave']] as const) {
    const { diagnostics } = load(`${scene}---\npolicy:\n  source: ${destination === 'db' ? 'db' : 'research/api'}\n  destination: ${destination}\n  protocol: tcp\n  port: 5432\n`)
    assert.deepEqual(diagnostics.map((d) => [d.code, d.at.line - lines, d.at.column, d.given]), [[code, 4, 16, destination]])
  }
})

test('refused: an alias bomb, before anything of it is expanded', () => {
  const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`)
  const { value, ms } = measured(() => problems(`a0: &a0 lol\n${levels.join('\n')}\n`))
  assert.ok(value.every((p) => p.endsWith('yaml-alias')))
  assert.ok(ms < 1000, `${ms} ms`)
})

test('refused: nesting without end', () => {
  for (const text of ['['.repeat(100_000), '{a: '.repeat(50_000), '- '.repeat(50_000), Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')]) {
    assert.ok(problems(text).some((p) => p.endsWith('too-deep') || p.endsWith('yaml-syntax')))
  }
})

test('warned of: an expired policy opens nothing, and the set is still accepted', () => {
  const { platform, diagnostics } = load(scene + service('expires: 2029-12-31'))
  assert.deepEqual(diagnostics.map((d) => [d.code, d.severity]), [['expired-policy', 'warning']])
  assert.equal(platform?.servicePolicies.length, 1)
})

test('an invalid document is one problem, not one for each reference to it', () => {
  const bad = scene.replace('{ports: [{name: sql, port: 5432}]}', '{ports: [{name: sql, port: 0}]}')
  assert.deepEqual(load(bad + ports('sql')).diagnostics.map((d) => d.code), ['invalid-port'])
})

test('all problems of all files are told at once, in the order of their places', () => {
  const { diagnostics } = load({ 'b.yaml': doc('Enclave', 'name: B'), 'a.yaml': doc('Enclave', 'name: A') + doc('Enclav', 'name: x') })
  assert.deepEqual(diagnostics.map((d) => `${d.at.file}:${d.at.line} ${d.code}`), ['a.yaml:4 invalid-name', 'a.yaml:8 unknown-kind', 'b.yaml:4 invalid-name'])
})

test('a manifest of Kubernetes among the documents is told to be one, once', () => {
  for (const version of ['v1', 'apps/v1', 'networking.k8s.io/v1', 'policy.networking.k8s.io/v1alpha1']) {
    const { diagnostics } = load({ 'a.yaml': `apiVersion: ${version}\nkind: Deployment\nmetadata: {name: x}\n` })
    assert.deepEqual(diagnostics.map((d) => [d.code, d.severity, d.help]), [['unknown-version', 'error', 'this is a Kubernetes manifest: `bulkhead import kubernetes` makes documents of it']], version)
  }
  assert.equal(load({ 'a.yaml': 'apiVersion: v1\nkind: Enclave\nmetadata: {name: x}\n' }).diagnostics[0]?.help, 'write `bulkhead.dev/v1`')
})

test('the place is the value, in YAML and in JSON, with CRLF and after a BOM', () => {
  assert.deepEqual(problems('apiVersion: bulkhead.dev/v1\r\nkind: Enclave\r\nmetadata:\r\n  name: Bad\r\n'), ['4:9 invalid-name'])
  assert.deepEqual(problems('\ufeffapiVersion: nope\nkind: Enclave\nmetadata: {name: x}\n'), ['1:13 unknown-version'])
  assert.deepEqual(problems({ 'a.json': '{\n\t"apiVersion": "bulkhead.dev/v1",\n\t"kind": "Enclave",\n\t"metadata": {"name": "Bad"}\n}' }), ['4:23 invalid-name'])
})

/** The kinds of document there are, each with its one schema. */
import { z } from 'zod'
import { annotations, fields, labels, nameText, optional, required } from './fields.ts'
import { egressSpec, federationSpec, guardrailSpec, ingressSpec, policyTestSpec, serviceSpec } from './policies.ts'
import { enclaveSpec, environmentSpec, externalSpec, groupSpec, hostSpec, peerSpec, platformSpec, riskSpec, segmentSpec, stackSpec, workloadSpec } from './topology.ts'

export const apiVersion = 'bulkhead.dev/v1'

export interface KindOf<S extends z.ZodType> {
  readonly spec: S
  /** Whether documents of the kind name the enclave that owns them. */
  readonly enclave: 'required' | 'none' | 'optional'
  /** What it is, in one sentence. */
  readonly about: string
  /** A complete document. */
  readonly example: string
}

function kind<S extends z.ZodType>(name: string, spec: S, enclave: KindOf<S>['enclave'], about: string, example: string): KindOf<S> {
  const owner = enclave === 'required' ? 'research' : undefined
  const [documentName = '', ...body] = example.trim().split('\n')
  const head = [`apiVersion: ${apiVersion}`, `kind: ${name}`, 'metadata:', `  name: ${documentName}`, ...(owner === undefined ? [] : [`  enclave: ${owner}`])]
  return { spec, enclave, about, example: [...head, body.length === 0 ? 'spec: {}' : 'spec:', ...body].join('\n') }
}

export const kinds = {
  Platform: kind('Platform', platformSpec, 'none', 'One installation: one trust domain and one address space. Without it the platform is `bulkhead`.', `
tre
  trustDomain: tre.example.org
  addresses: [10.128.0.0/16, 'fdbb:1::/64']
  infrastructure: [192.0.2.0/28]`),
  Stack: kind('Stack', stackSpec, 'none', 'A private network that hosts environments.', `
research
  tenancy: dedicated
  cidrs: [10.20.0.0/16]
  layers: [app, database]`),
  Environment: kind('Environment', environmentSpec, 'none', 'Who may see and change what; it runs on one Stack.', `
research
  stack: research
  owner: data-stewards@example.org
  members:
    - { subject: researchers@example.org, role: deployer }`),
  IsolationSegment: kind('IsolationSegment', segmentSpec, 'none', 'A pool of hosts that named environments may use, with or without a way out.', `
sealed-hosts
  instances: 2
  instanceType: standard-8
  egress: restricted
  entitled: [research]
  capacity: { replicasPerInstance: 20 }`),
  Host: kind('Host', hostSpec, 'none', 'A machine, and what the operator puts on it; tenants name segments and never see hosts.', `
rack-1-node-7
  stack: research
  segment: sealed-hosts
  instanceType: standard-8
  workloads:
    - research/postgres-db
    - { workload: research/api-service, replicas: 2 }`),
  Enclave: kind('Enclave', enclaveSpec, 'none', 'An independent execution environment: workloads that no one reaches unless a policy says so.', `
research
  environment: default`),
  Workload: kind('Workload', workloadSpec, 'required', 'A service inside an enclave: an identity, its ports, and how it comes to life.', `
postgres-db
  ports:
    - { name: sql, port: 5432 }
  run:
    command: [postgres, -D, /data]`),
  Group: kind('Group', groupSpec, 'required', 'A sandboxed segment: members talk among themselves and thereby to nobody else.', `
pipeline
  members: [ingest, clean, store]
  exceptions:
    - { with: viewer, direction: in }`),
  External: kind('External', externalSpec, 'none', 'A named outside system, by domains, address ranges, or both.', `
pypi
  domains: [pypi.org, files.pythonhosted.org]`),
  Peer: kind('Peer', peerSpec, 'none', 'Another platform: its trust domain and its gateway.', `
partner
  trustDomain: partner.example.org
  bundleEndpoint:
    url: https://partner.example.org/bundle
  gateway: gateway.partner.example.org:8443`),
  RiskRecord: kind('RiskRecord', riskSpec, 'none', 'Who accepted the risk of software that phones home, with which mitigations, until when.', `
mirror-licence
  external: licence-server
  software: package mirror
  owner: platform-team@example.org
  sends: [its licence number, the version it runs]
  where: Example Software Ltd, United Kingdom
  legalBasis: licence contract
  acceptedBy: data-protection-officer@example.org
  mitigations: [the mirror holds no research data]
  until: 2030-01-01`),
  ServicePolicy: kind('ServicePolicy', serviceSpec, 'required', 'Opens paths between workloads of one enclave.', `
api-queries-the-database
  source: api-service
  destination: postgres-db
  protocol: tcp
  port: 5432`),
  IngressPolicy: kind('IngressPolicy', ingressSpec, 'required', 'Opens paths from Externals into an enclave, through a gateway or a published address.', `
clinic-reads-results
  source: external:clinic
  destination: web
  protocol: tcp
  port: 8080
  authentication: none
  publish: { address: 198.51.100.10, port: 80 }`),
  EgressPolicy: kind('EgressPolicy', egressSpec, 'required', 'Opens paths from an enclave to Externals.', `
mirror-fetches-packages
  source: package-mirror
  destination: external:pypi
  protocol: tcp
  port: 443`),
  FederationPolicy: kind('FederationPolicy', federationSpec, 'required', 'One side of an agreement between two enclaves or platforms; a path opens only where an import meets an export.', `
serves-reports
  exports:
    - { source: analytics/reports, destination: records, protocol: tcp, port: 8080 }`),
  Guardrail: kind('Guardrail', guardrailSpec, 'none', 'A statement that has to hold of every set of policies; a set that breaks one is refused.', `
only-the-mirror-reaches-out
  onlyVia:
    source: '*'
    destination: external:*
    via: platform/package-mirror`),
  PolicyTest: kind('PolicyTest', policyTestSpec, 'optional', 'Examples that have to be allowed or denied.', `
the-database-answers-the-api-only
  allow:
    - { source: research/api-service, destination: research/postgres-db, protocol: tcp, port: 5432 }
  deny:
    - { source: research/notebook, destination: research/postgres-db, protocol: tcp, port: 5432 }`),
} as const

export type KindName = keyof typeof kinds
export type SpecOf<K extends KindName> = z.infer<(typeof kinds)[K]['spec']>

export const kindNames = Object.keys(kinds) as readonly KindName[]

export function isKindName(value: unknown): value is KindName {
  return typeof value === 'string' && Object.hasOwn(kinds, value)
}

const owner = 'The enclave that owns the document.'

function metadataOf(name: KindName) {
  const rest = {
    labels: optional(labels, 'For label selectors.'),
    annotations: optional(annotations, 'Free text for people and tools; it means nothing here.'),
  }
  const named = { name: required(nameText, 'A DNS label, unique within its kind (and enclave).') }
  switch (kinds[name].enclave) {
    case 'required':
      return fields({ ...named, enclave: required(nameText, owner), ...rest })
    case 'optional':
      return fields({ ...named, enclave: optional(nameText, 'The enclave whose workloads need no prefix in it.'), ...rest })
    case 'none':
      return fields({ ...named, ...rest })
  }
}

/** The schema of a whole document of this kind. `spec` may be left out where nothing in it is needed. */
export function documentSchema(name: KindName) {
  const { spec } = kinds[name] as KindOf<z.ZodType>
  const whole = spec.meta({ ...spec.meta(), description: kinds[name].about })
  return fields({
    apiVersion: z.literal(apiVersion),
    kind: z.literal(name),
    metadata: metadataOf(name),
    spec: spec.safeParse({}).success ? whole.optional() : whole,
  })
}

/** The bare form: a ServicePolicy of the one enclave that holds both names. */
export const bareSchema = fields({ policy: required(serviceSpec, 'A ServicePolicy of the one enclave that holds both names.') })

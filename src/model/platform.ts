/**
 * The frozen, validated form of a folder of documents. Raw input stops here: every reference points to something
 * that exists, every text is parsed, and each value knows the place it came from.
 *
 * What a reference selects is left to its readers (`intent` and `verify/reference`), which work it out
 * independently of each other.
 */
import type { Location } from '../base/location.ts'
import type { AddressSet } from '../net/address-set.ts'
import type { Address } from '../net/address.ts'
import type { DomainPattern } from '../net/domain.ts'
import type { Protocol } from '../net/protocol.ts'
import type { Guardrail, PolicyTest } from './assertions.ts'
import type { Phase } from './phase.ts'
import type { EgressPolicy, FederationPolicy, IngressPolicy, Policy, ServicePolicy } from './policies.ts'
import type { GroupRef, Ref, WorkloadRef } from './references.ts'
import type { WorkloadId } from './workload-id.ts'

export { phases } from './phase.ts'
export { brokerPort, isExpired } from './policies.ts'
export type { Assertion, Guardrail, PolicyTest, PolicyTestCase, Scope } from './assertions.ts'
export type { Flow, FlowEnd, PeerEnd, PeerWorkload } from './flows.ts'
export type { Authentication, Claim, IngressProxy, Jwks, ProxyLimits, ProxyTls, Route, RoutePort } from './ingress-proxy.ts'
export type { Phase } from './phase.ts'
export type {
  EgressPolicy, FederationHalf, FederationPolicy, HttpMatch, IngressGateway, IngressPolicy, Messages, Policy, PortItem, ServicePolicy, TrafficSpec,
} from './policies.ts'
export type { EnclaveRef, ExternalRef, GroupRef, LabelsRef, LocalRef, PeerRef, Ref, WorkloadRef } from './references.ts'
export type { WorkloadId } from './workload-id.ts'

export interface Platform {
  readonly kind: 'Platform'
  readonly name: string
  readonly trustDomain: string
  /** The space from which workloads get their addresses. */
  readonly addresses: AddressSet
  /** Hosts, control planes and other machinery; no External means these without `infrastructure: true`. */
  readonly infrastructure: AddressSet
  /** Where the inbound gateway answers; without it nothing comes in by a host name, and no Peer. */
  readonly gateway: PlatformGateway | undefined
  readonly resolver: { readonly upstream: readonly Upstream[] }
  /** Carries the outbound gateway's connections to outside names, by HTTP CONNECT. */
  readonly egressProxy: { readonly host: string; readonly port: number } | undefined
  readonly identity: PlatformIdentity
  readonly stacks: ReadonlyMap<string, Stack>
  readonly environments: ReadonlyMap<string, Environment>
  readonly segments: ReadonlyMap<string, IsolationSegment>
  readonly hosts: ReadonlyMap<string, Host>
  readonly enclaves: ReadonlyMap<string, Enclave>
  readonly workloads: ReadonlyMap<WorkloadId, Workload>
  /** Keyed `enclave/group`. */
  readonly groups: ReadonlyMap<string, Group>
  readonly externals: ReadonlyMap<string, External>
  readonly peers: ReadonlyMap<string, Peer>
  readonly riskRecords: readonly RiskRecord[]
  readonly servicePolicies: readonly ServicePolicy[]
  readonly ingressPolicies: readonly IngressPolicy[]
  readonly egressPolicies: readonly EgressPolicy[]
  readonly federationPolicies: readonly FederationPolicy[]
  readonly guardrails: readonly Guardrail[]
  readonly policyTests: readonly PolicyTest[]
}

export function allPolicies(platform: Platform): readonly Policy[] {
  return [...platform.servicePolicies, ...platform.egressPolicies, ...platform.ingressPolicies, ...platform.federationPolicies]
}

export interface PlatformGateway {
  /** Published addresses, outside `addresses`. */
  readonly addresses: readonly Address[]
  readonly httpsPort: number
  /** Answers with a redirect to https, and nothing else; undefined: closed. */
  readonly httpPort: number | undefined
  /** Where Peers' gateways connect. */
  readonly meshPort: number
  /** Where the trust bundle is served; closed without Peers. */
  readonly bundlePort: number
  /** By which the bundle's endpoint proves itself (`https_web`); undefined: by its SPIFFE identity. Absolute paths. */
  readonly bundleCertificate: { readonly certificateFile: string; readonly keyFile: string } | undefined
  readonly at: Location
}

/** A name server; empty `upstream` means those of the machine. */
export interface Upstream {
  readonly address: Address
  readonly port: number
}

export interface PlatformIdentity {
  /** An intermediate authority whose root is elsewhere; undefined: the platform makes a root of its own. Absolute paths. */
  readonly authority:
    | {
        /** The intermediate's certificate, and those between it and the root if there are any. */
        readonly certificateFile: string
        readonly keyFile: string
        /** The roots that workloads and Peers trust; several while one takes over from another. */
        readonly rootsFile: string
      }
    | undefined
  readonly svidSeconds: number
}

export interface Stack {
  readonly kind: 'Stack'
  readonly name: string
  readonly tenancy: 'dedicated' | 'shared'
  readonly cidrs: AddressSet
  readonly peeredCidrs: AddressSet
  readonly layers: readonly Layer[]
  /** The account at the provider that holds it, as the operator calls it. */
  readonly account: string | undefined
  /** `separate`: workloads of two layers (no layer is one, too) never share a host. */
  readonly layerHosts: 'separate' | 'shared'
  readonly at: Location
}

export const layers = ['app', 'bastion', 'database'] as const
export type Layer = (typeof layers)[number]

/** The least that separates an environment from those of other owners; each includes those before it. */
export const separations = ['network', 'host', 'dedicated'] as const
export type Separation = (typeof separations)[number]

export interface Environment {
  readonly kind: 'Environment'
  readonly name: string
  readonly stack: string
  /** Where no owner is named, every other environment is another owner's. */
  readonly owner: string | undefined
  /** The segment of its enclaves that name none. */
  readonly defaultSegment: string | undefined
  readonly isolation: Separation | undefined
  readonly members: readonly { readonly subject: string; readonly role: 'viewer' | 'deployer' | 'owner' }[]
  readonly at: Location
}

export interface IsolationSegment {
  readonly kind: 'IsolationSegment'
  readonly name: string
  readonly instances: number
  readonly instanceType: string
  readonly egress: 'open' | 'restricted'
  /** The environments that may use it; undefined: all. */
  readonly entitled: readonly string[] | undefined
  /** How many replicas one of its hosts holds. */
  readonly replicasPerInstance: number
  readonly at: Location
}

/** One machine of the platform, and what the operator has put there. Bulkhead places nothing itself. */
export interface Host {
  readonly kind: 'Host'
  readonly name: string
  readonly stack: string
  /** Undefined: it belongs to no segment, and holds workloads of none. */
  readonly segment: string | undefined
  /** Undefined: for workloads of any layer. */
  readonly layer: Layer | undefined
  readonly instanceType: string | undefined
  readonly labels: ReadonlyMap<string, string>
  /** Nothing may be assigned to it any more. */
  readonly drain: boolean
  /** How many replicas of each workload it carries. Sorted by workload, which is there once. */
  readonly assigned: readonly Assignment[]
  readonly at: Location
}

export interface Assignment {
  readonly workload: WorkloadId
  readonly replicas: number
  readonly at: Location
}

export interface Enclave {
  readonly kind: 'Enclave'
  readonly name: string
  readonly environment: string
  /** Its own, else its environment's default. */
  readonly segment: string | undefined
  readonly at: Location
}

export interface Workload {
  readonly kind: 'Workload'
  readonly id: WorkloadId
  readonly enclave: string
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly ports: readonly WorkloadPort[]
  /** The phase it is in now; with its id, the identity that is enforced. */
  readonly phase: Phase
  readonly replicas: number
  /** On how many different hosts they are, at least. */
  readonly spread: number
  /** Groups of its own enclave that it consents to join, by name. */
  readonly groups: readonly string[]
  readonly layer: Layer | undefined
  /** Its own segment, else its enclave's. */
  readonly segment: string | undefined
  /** It passes messages on, at its one tcp port called `nats`. */
  readonly broker: 'nats' | undefined
  readonly start: Start
  readonly at: Location
}

export interface WorkloadPort {
  readonly name: string | undefined
  readonly port: number
  readonly protocol: Exclude<Protocol, 'icmp'>
}

/** How a workload comes to life on a host. */
export type Start =
  | {
      readonly kind: 'run'
      readonly command: readonly string[]
      readonly env: ReadonlyMap<string, string>
      /** Where the command starts, inside; `/data` when unsaid. */
      readonly workdir: string | undefined
      /** Host files and folders that the workload sees, read-only. `from` is absolute. */
      readonly mounts: readonly { readonly from: string; readonly to: string }[]
      /** Root with network capabilities over its own network namespace, and over nothing else. */
      readonly privileged: boolean
    }
  | { readonly kind: 'attach-netns'; readonly netns: string }
  | { readonly kind: 'attach-interface'; readonly interface: string }
  /** Declared only: it has an identity and policies, and nothing is started. */
  | { readonly kind: 'none' }

export interface Group {
  readonly kind: 'Group'
  readonly enclave: string
  readonly name: string
  readonly members: readonly (WorkloadRef | GroupRef)[]
  readonly exceptions: readonly GroupException[]
  readonly at: Location
}

/** A path across the group's edge that the group itself allows. */
export interface GroupException {
  readonly with: Ref
  /** `out`: a member initiates; `in`: the other end does. */
  readonly direction: 'in' | 'out' | 'both'
  readonly at: Location
}

export interface External {
  readonly kind: 'External'
  readonly name: string
  readonly domains: readonly DomainPattern[]
  /** As written; what is reserved is subtracted by the readers unless `infrastructure`. */
  readonly cidrs: AddressSet
  readonly infrastructure: boolean
  readonly telemetry: boolean
  readonly at: Location
}

export interface Peer {
  readonly kind: 'Peer'
  readonly name: string
  readonly trustDomain: string
  /** `spiffeId`: who serves the bundle under `https_spiffe`, when it is not who does so by default. */
  readonly bundleEndpoint: { readonly url: string; readonly profile: 'https_web' | 'https_spiffe'; readonly spiffeId?: string }
  readonly gateway: { readonly host: string; readonly port: number }
  readonly at: Location
}

export interface RiskRecord {
  readonly kind: 'RiskRecord'
  readonly name: string
  readonly external: string
  readonly software: string
  /** Who answers for the software. */
  readonly owner: string
  /** What leaves. */
  readonly sends: readonly string[]
  /** Where it goes to: the receiver and its country. */
  readonly where: string
  readonly legalBasis: string
  readonly acceptedBy: string
  readonly mitigations: readonly string[]
  /** The date of the review, in milliseconds since the epoch; from then on the risk is not accepted any more. */
  readonly until: number
  readonly at: Location
}

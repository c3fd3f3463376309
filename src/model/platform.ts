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
import type { Authentication, IngressProxy } from './ingress-proxy.ts'
import type { WorkloadId } from './workload-id.ts'

export type { Authentication, Claim, IngressProxy, Jwks, ProxyLimits, ProxyTls, Route, RoutePort } from './ingress-proxy.ts'
export type { WorkloadId } from './workload-id.ts'

export const phases = ['running', 'staging', 'task'] as const
export type Phase = (typeof phases)[number]

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
  readonly at: Location
}

export const layers = ['app', 'bastion', 'database'] as const
export type Layer = (typeof layers)[number]

export interface Environment {
  readonly kind: 'Environment'
  readonly name: string
  readonly stack: string
  readonly owner: string | undefined
  readonly members: readonly { readonly subject: string; readonly role: 'viewer' | 'deployer' | 'owner' }[]
  readonly at: Location
}

export interface IsolationSegment {
  readonly kind: 'IsolationSegment'
  readonly name: string
  readonly instances: number
  readonly instanceType: string
  readonly egress: 'open' | 'restricted'
  readonly entitled: readonly string[]
  readonly at: Location
}

export interface Enclave {
  readonly kind: 'Enclave'
  readonly name: string
  readonly environment: string
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
  readonly bundleEndpoint: { readonly url: string; readonly profile: 'https_web' | 'https_spiffe' }
  readonly gateway: { readonly host: string; readonly port: number }
  readonly at: Location
}

export interface RiskRecord {
  readonly kind: 'RiskRecord'
  readonly name: string
  readonly external: string
  readonly software: string
  readonly acceptedBy: string
  readonly mitigations: readonly string[]
  /** Milliseconds since the epoch. */
  readonly until: number
  readonly at: Location
}

// --- references -------------------------------------------------------------------------------------------

export interface WorkloadRef { readonly kind: 'workload'; readonly workload: WorkloadId; readonly at: Location }
/** `enclave/*`. */
export interface EnclaveRef { readonly kind: 'enclave'; readonly enclave: string; readonly at: Location }
/** `group:NAME`, in the enclave of the document that names it. */
export interface GroupRef { readonly kind: 'group'; readonly group: string; readonly at: Location }
/** Workloads of one enclave that carry all these labels. */
export interface LabelsRef { readonly kind: 'labels'; readonly enclave: string; readonly labels: ReadonlyMap<string, string>; readonly at: Location }
export interface ExternalRef { readonly kind: 'external'; readonly external: string; readonly at: Location }
/** `workload: '*'` stands for every workload of the peer's enclave. */
export interface PeerRef { readonly kind: 'peer'; readonly peer: string; readonly enclave: string; readonly workload: string; readonly at: Location }

/** `GroupRef.group` is the group's key, `enclave/group`. */
export type LocalRef = WorkloadRef | EnclaveRef | GroupRef | LabelsRef
export type Ref = LocalRef | ExternalRef | PeerRef

// --- policies -----------------------------------------------------------------------------------------------

export type PortItem =
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'name'; readonly name: string; readonly at: Location }
  | { readonly kind: 'any' }

/** What may travel. `protocol: any` stands for all four and has only the port item `any`; `icmp` has no port items. */
export interface TrafficSpec {
  readonly protocol: Protocol | 'any'
  readonly ports: readonly PortItem[]
  /** Written as `protocol: nats`: tcp to the port `nats` of brokers alone, for these messages. */
  readonly messages?: Messages
}

/** The name of the port at which a broker is reached. */
export const brokerPort = 'nats'

/** Patterns of subjects (net/subject.ts) that the source may publish to, and subscribe to, at the broker. Sorted; not both empty. */
export interface Messages {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

interface PolicyBase {
  /** Unique within its kind and enclave. */
  readonly name: string
  /** The owner: the enclave whose document this is. */
  readonly enclave: string
  /** Milliseconds since the epoch; the policy opens nothing from this instant on. */
  readonly expires: number | undefined
  readonly at: Location
}

export interface ServicePolicy extends PolicyBase {
  readonly kind: 'ServicePolicy'
  readonly source: readonly LocalRef[]
  readonly destination: readonly LocalRef[]
  readonly traffic: TrafficSpec
  /** `required`: by mutual TLS between the gateways, for tcp alone. */
  readonly encryption: 'required' | undefined
}

export interface EgressPolicy extends PolicyBase {
  readonly kind: 'EgressPolicy'
  readonly source: readonly LocalRef[]
  readonly destination: readonly ExternalRef[]
  readonly traffic: TrafficSpec
  /** Phases of the source in which it holds; all three when the document names none. */
  readonly phases: readonly Phase[]
  readonly http: HttpMatch | undefined
}

/** Empty `methods` or `paths` means any. A path ending in `*` is a prefix. */
export interface HttpMatch {
  readonly methods: readonly string[]
  readonly paths: readonly string[]
}

export interface IngressPolicy extends PolicyBase {
  readonly kind: 'IngressPolicy'
  readonly source: readonly ExternalRef[]
  readonly destination: readonly LocalRef[]
  readonly traffic: TrafficSpec
  readonly gateway: IngressGateway
}

export type IngressGateway =
  /** L4: published addresses translated to the private one, port to port; `authentication: none` was written out. */
  | { readonly kind: 'publish'; readonly addresses: readonly Address[]; readonly port: number }
  /** Carried by a proxy: names, TLS, routes, authentication. `hosts` and `authentication` are those of `proxy`. */
  | { readonly kind: 'proxy'; readonly hosts: readonly string[]; readonly authentication: Authentication['kind']; readonly proxy: IngressProxy }

export interface FederationPolicy extends PolicyBase {
  readonly kind: 'FederationPolicy'
  /** Others may come in: destination is the owner's. */
  readonly exports: readonly FederationHalf[]
  /** Our workloads may go out: source is the owner's. */
  readonly imports: readonly FederationHalf[]
  /** `required`: what its halves open between enclaves goes by mutual TLS between the gateways; towards Peers it always does. */
  readonly encryption: 'required' | undefined
}

/** In an export `source` is foreign and `destination` local; in an import it is the other way round. */
export interface FederationHalf {
  readonly source: readonly (LocalRef | PeerRef)[]
  readonly destination: readonly (LocalRef | PeerRef)[]
  readonly traffic: TrafficSpec
  readonly at: Location
}

// --- assertions ---------------------------------------------------------------------------------------------

/** A set of workloads or Externals in an assertion. */
export type Scope =
  | Ref
  | { readonly kind: 'every-workload'; readonly at: Location }
  | { readonly kind: 'every-external'; readonly at: Location }
  | { readonly kind: 'environment'; readonly environment: string; readonly at: Location }
  | { readonly kind: 'stack'; readonly stack: string; readonly at: Location }
  | { readonly kind: 'segment'; readonly segment: string; readonly at: Location }

export type Guardrail = { readonly kind: 'Guardrail'; readonly name: string; readonly at: Location } & Assertion

export type Assertion =
  /** No chain of initiations, of any length, leads from a source to a destination. */
  | { readonly assert: 'never'; readonly source: readonly Scope[]; readonly destination: readonly Scope[] }
  /** No chain of paths, each taken as two-way, joins the two; a chain ends at a relay. */
  | { readonly assert: 'noFlow'; readonly source: readonly Scope[]; readonly destination: readonly Scope[]; readonly relays: readonly Scope[] }
  /** Every chain of initiations from a source to a destination passes one of `via` (a source or a destination that is one counts). */
  | { readonly assert: 'onlyVia'; readonly source: readonly Scope[]; readonly destination: readonly Scope[]; readonly via: readonly Scope[] }
  /** No chain of initiations joins any two of these sets, in either direction. */
  | { readonly assert: 'isolated'; readonly between: readonly (readonly Scope[])[] }
  /** Whatever path leads straight from a source to a destination carries nothing else than this. */
  | { readonly assert: 'onlyPorts'; readonly source: readonly Scope[]; readonly destination: readonly Scope[]; readonly allow: readonly TrafficSpec[] }
  /** No chain of initiations leads from these to an External (`out`), from an External to these (`in`), or either. */
  | { readonly assert: 'noExternal'; readonly workloads: readonly Scope[]; readonly direction: 'in' | 'out' | 'both' }
  /** Every path that joins two of these sets directly, in either direction, uses mutual TLS. */
  | { readonly assert: 'encrypted'; readonly between: readonly (readonly Scope[])[] }

export interface PolicyTest {
  readonly kind: 'PolicyTest'
  readonly name: string
  readonly cases: readonly PolicyTestCase[]
  readonly at: Location
}

export interface PolicyTestCase {
  readonly expect: 'allow' | 'deny'
  readonly flow: Flow
  readonly at: Location
}

// --- flows ----------------------------------------------------------------------------------------------------

/** One concrete attempt, told by its initiator. */
export interface Flow {
  readonly source: FlowEnd
  readonly destination: FlowEnd
  readonly protocol: Protocol
  /** The destination port as the initiator sees it; absent for `icmp`. */
  readonly port: number | undefined
  /** The phase of a source workload; its declared one when absent. */
  readonly phase: Phase | undefined
}

export type FlowEnd =
  | { readonly kind: 'workload'; readonly workload: WorkloadId }
  /** An address outside the platform; as a destination of outside traffic, perhaps a published one. */
  | { readonly kind: 'address'; readonly address: Address }
  /** A name outside the platform, as a client asks for it. */
  | { readonly kind: 'name'; readonly name: string }
  /** Everything one External holds, asked for by its name. */
  | { readonly kind: 'external'; readonly external: string }
  | { readonly kind: 'peer'; readonly peer: string; readonly enclave: string; readonly workload: string }

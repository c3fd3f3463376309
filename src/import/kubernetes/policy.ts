/** Policies of all kinds in one form: what they select, and rules in the order in which they are judged. */
import type { Location } from '../../base/location.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { PodSelection } from './selector.ts'
import type { PortedProtocol } from './traffic.ts'

export type PolicyKind = 'NetworkPolicy' | 'AdminNetworkPolicy' | 'BaselineAdminNetworkPolicy' | 'ClusterNetworkPolicy'

/** Judged in this order; `namespaced` policies add up, in the other two the first rule that matches decides. */
export type Tier = 'admin' | 'namespaced' | 'baseline'

export interface Policy {
  readonly kind: PolicyKind
  /** `namespace/name`, or a name alone. */
  readonly name: string
  readonly tier: Tier
  /** Lower is judged first; 0 where the kind has none. */
  readonly priority: number
  readonly subject: PodSelection
  /** `undefined` where the policy says nothing of this direction; an empty list isolates when the tier is `namespaced`. */
  readonly ingress: readonly Rule[] | undefined
  readonly egress: readonly Rule[] | undefined
  /** Looked up when it is asked for. */
  readonly at: Location
}

export type Direction = 'ingress' | 'egress'

export interface Rule {
  readonly action: 'allow' | 'deny' | 'pass'
  /** `undefined` for everybody, inside the cluster and outside. */
  readonly peers: readonly Peer[] | undefined
  /** `undefined` for everything, whatever the protocol. */
  readonly ports: readonly PortMatch[] | undefined
  readonly at: Location
}

export type Peer =
  | { readonly kind: 'pods'; readonly selection: PodSelection }
  | { readonly kind: 'addresses'; readonly addresses: AddressSet }

export type PortMatch =
  | { readonly kind: 'range'; readonly protocol: PortedProtocol; readonly from: number; readonly to: number }
  /** The ports that the destination declares under this name, with this protocol or with whichever it declares. */
  | { readonly kind: 'name'; readonly name: string; readonly protocol: PortedProtocol | undefined }

/** As it is told to people: `NetworkPolicy default/deny`. */
export function policyTitle({ kind, name }: Pick<Policy, 'kind' | 'name'>): string {
  return `${kind} ${name}`
}

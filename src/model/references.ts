/** How documents name workloads and what is outside. What a reference selects is worked out by who reads it. */
import type { Location } from '../base/location.ts'
import type { WorkloadId } from './workload-id.ts'

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

/** `enclave/workload`, the key of a workload everywhere inside the program. */
export type WorkloadId = `${string}/${string}`

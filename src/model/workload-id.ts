/** `enclave/workload`, the key of a workload everywhere inside the program. */
export type WorkloadId = `${string}/${string}`

/** The workload's identity as certificates carry it. */
export function workloadSpiffeId(trustDomain: string, workload: WorkloadId): string {
  const [enclave = '', name = ''] = workload.split('/')
  return `spiffe://${trustDomain}/enclave/${enclave}/workload/${name}`
}

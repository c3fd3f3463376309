/** A path that ends by itself, for as long as everything that is tried before its end takes on this machine. */
import { lab } from './instance.ts'
import type { TestInstance, WorkloadSpec } from './instance.ts'

/** From `client` to port 7000 of `server`, until this instant. */
export function until(expires: number): string {
  return `apiVersion: bulkhead.dev/v1\nkind: ServicePolicy\nmetadata: { name: for-now, enclave: lab }\nspec: { source: client, destination: server, protocol: tcp, port: 7000, expires: "${new Date(expires).toISOString()}" }`
}

/** Brings the workloads up, grants the path, and gives the instant of its end. */
export async function grantBriefly(i: TestInstance, workloads: Readonly<Record<string, WorkloadSpec>>): Promise<number> {
  const began = Date.now()
  await i.up(lab(workloads))
  const expires = Date.now() + Math.max(8_000, 2 * (Date.now() - began))
  await i.apply(lab(workloads, until(expires)))
  return expires
}

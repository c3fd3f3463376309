/** Addresses of running workloads, as `status --json` tells them: an attacker inside would know them or guess them. */
import { asked } from './instance.ts'
import type { Instance } from './instance.ts'

export type Addresses = ReadonlyMap<string, { readonly 4: string; readonly 6: string }>

export async function readAddresses(instance: Instance): Promise<Addresses> {
  const status = (await asked(instance, ['status'])) as { agent?: { workloads: readonly { workload: string; ipv4: string; ipv6: string }[] } | null }
  return new Map((status.agent?.workloads ?? []).map((w) => [w.workload, { 4: w.ipv4, 6: w.ipv6 }]))
}

export function addressOf(addresses: Addresses, workload: string, family: 4 | 6): string {
  const found = addresses.get(workload)
  if (found === undefined) throw new Error(`\`bulkhead status\` does not tell the address of \`${workload}\``)
  return found[family]
}

export function url(protocol: 'http' | 'tcp' | 'udp', address: string, port: number): string {
  return `${protocol}://${address.includes(':') ? `[${address}]` : address}:${port}`
}

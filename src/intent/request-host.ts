/** Which policies serve a name at a port of the gateway. */
import { parseDomain } from '../net/domain.ts'
import type { IngressPolicy, IngressProxy, Platform } from '../model/platform.ts'

export interface Served {
  readonly policy: IngressPolicy
  readonly proxy: IngressProxy
}

/** Prepares all policies once. The most specific name wins whole: the name itself, else the longest wildcard above it, else no name at all. */
export function hostTable({ ingressPolicies, gateway }: Platform): (host: string | undefined, port: number) => readonly Served[] {
  const table = new Map<string, Served[]>()
  for (const policy of ingressPolicies) {
    if (policy.gateway.kind !== 'proxy') continue
    const { proxy } = policy.gateway
    const port = proxy.listenPort ?? gateway?.httpsPort ?? 443
    for (const host of proxy.hosts.length === 0 ? [''] : proxy.hosts) {
      const key = `${port} ${host}`
      const known = table.get(key)
      if (known === undefined) table.set(key, [{ policy, proxy }])
      else known.push({ policy, proxy })
    }
  }
  return (host, port) => {
    const name = host === undefined ? undefined : parseDomain(host)
    const labels = name?.split('.') ?? []
    const patterns = name === undefined ? [''] : [name, ...labels.map((_, i) => `*.${labels.slice(i + 1).join('.')}`), '']
    for (const pattern of patterns) {
      const found = table.get(`${port} ${pattern}`)
      if (found !== undefined) return found
    }
    return []
  }
}

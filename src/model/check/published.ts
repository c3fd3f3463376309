/** Published addresses: each port leads to one place, and none lies among the workloads' own addresses. */
import { quote } from '../../base/diagnostic.ts'
import { formatLocation } from '../../base/location.ts'
import { setContains } from '../../net/address-set.ts'
import { formatAddress } from '../../net/address.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { IngressPolicy, Platform } from '../platform.ts'

export function publishedAddresses({ ingressPolicies, addresses, externals }: Pick<Platform, 'ingressPolicies' | 'addresses' | 'externals'>): readonly Diagnostic[] {
  const out: Diagnostic[] = []
  const first = new Map<string, { readonly policy: IngressPolicy; readonly target: string }>()
  for (const policy of ingressPolicies) {
    const { gateway, at } = policy
    if (gateway.kind !== 'publish') continue
    const target = targetOf(policy)
    for (const address of gateway.addresses) {
      const text = formatAddress(address)
      if (setContains(addresses, address)) {
        out.push({ code: 'published-inside', severity: 'error', message: `the published address ${quote(text)} is inside the workloads' own addresses`, at, given: text, help: 'publish an address outside the Platform\'s `addresses`' })
      }
      const key = `${text} ${policy.traffic.protocol} ${gateway.port}`
      const before = first.get(key)
      if (before === undefined) first.set(key, { policy, target })
      else if (before.target !== target) {
        const message = `${quote(`${text} ${policy.traffic.protocol}/${gateway.port}`)} is published for ${quote(before.target)} already, at ${formatLocation(before.policy.at)}`
        out.push({ code: 'published-conflict', severity: 'error', message, at, given: text, help: 'publish one of them at another address or port' })
      }
    }
    for (const ref of policy.source) {
      const external = externals.get(ref.external)
      if (external === undefined || external.cidrs.length > 0) continue
      const help = 'give the External `cidrs`, or use `hosts` instead of `publish`'
      out.push({ code: 'source-without-cidrs', severity: 'error', message: `\`external:${external.name}\` has no address ranges to tell who is calling`, at: ref.at, help })
    }
  }
  return out
}

/** The gateway's own addresses are published ones, and its ports there are its own. */
export function gatewayAddresses({ ingressPolicies, addresses, gateway, peers }: Pick<Platform, 'ingressPolicies' | 'addresses' | 'gateway' | 'peers'>): readonly Diagnostic[] {
  if (gateway === undefined) return []
  const inside = gateway.addresses.filter((address) => setContains(addresses, address)).map((address): Diagnostic => {
    const text = formatAddress(address)
    return { code: 'published-inside', severity: 'error', message: `the gateway's address ${quote(text)} is inside the workloads' own addresses`, at: gateway.at, given: text, help: 'use an address outside the Platform\'s `addresses`' }
  })
  const own = new Set(gateway.addresses.map(formatAddress))
  const others = [gateway.meshPort, ...(gateway.httpPort === undefined ? [] : [gateway.httpPort]), ...(peers.size > 0 ? [gateway.bundlePort] : [])]
  const ports = new Set([gateway.httpsPort, ...others, ...ingressPolicies.flatMap((p) => (p.gateway.kind === 'proxy' ? (p.gateway.proxy.listenPort ?? []) : []))])
  const taken = ingressPolicies.flatMap((policy): readonly Diagnostic[] => {
    const { gateway: by, traffic, at } = policy
    const help = 'use another address or port'
    if (by.kind === 'proxy') {
      if (by.proxy.listenPort === undefined || !others.includes(by.proxy.listenPort)) return []
      return [{ code: 'published-conflict', severity: 'error', message: `the gateway has the port ${by.proxy.listenPort} for itself`, at, help }]
    }
    if (traffic.protocol !== 'tcp' || !ports.has(by.port)) return []
    return by.addresses.map(formatAddress).filter((text) => own.has(text)).map((text) => (
      { code: 'published-conflict', severity: 'error', message: `${quote(`${text} tcp/${by.port}`)} is the gateway's already`, at, given: text, help }
    ))
  })
  return [...inside, ...taken]
}

/** Where it leads: the workload and its port, as written. */
function targetOf({ destination, traffic }: IngressPolicy): string {
  const [ref] = destination
  const [port] = traffic.ports
  const workload = ref?.kind === 'workload' ? ref.workload : ''
  return `${workload}:${port?.kind === 'range' ? port.from : port?.kind === 'name' ? port.name : ''}`
}

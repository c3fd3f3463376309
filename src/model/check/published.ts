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

/** Where it leads: the workload and its port, as written. */
function targetOf({ destination, traffic }: IngressPolicy): string {
  const [ref] = destination
  const [port] = traffic.ports
  const workload = ref?.kind === 'workload' ? ref.workload : ''
  return `${workload}:${port?.kind === 'range' ? port.from : port?.kind === 'name' ? port.name : ''}`
}

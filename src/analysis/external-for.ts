/** Which External a policy for an outside end should name. */
import { externalAddresses } from '../intent/externals.ts'
import { externalHolds } from '../intent/path-index.ts'
import { addressSet } from '../net/address-set.ts'
import { formatAddress } from '../net/address.ts'
import { parseDomain } from '../net/domain.ts'
import { prefixOf } from '../net/prefix.ts'
import { freeName, proposed } from './names.ts'
import type { External, FlowEnd, Platform } from '../model/platform.ts'

/** The smallest External that holds the end, or a new one for it alone; text where the risk has to be accepted first. */
export function externalFor(
  platform: Platform, end: Exclude<FlowEnd, { readonly kind: 'workload' | 'peer' }>, now: number,
): { readonly external: External; readonly isNew: boolean } | string | undefined {
  const accepted = ({ telemetry, name }: External): boolean => !telemetry || platform.riskRecords.some((risk) => risk.external === name && risk.until > now)
  const refused = (name: string): string => `\`external:${name}\` is telemetry: somebody has to accept the risk in a RiskRecord first`
  if (end.kind === 'external') {
    const external = platform.externals.get(end.external)
    return external === undefined ? undefined : accepted(external) || now === Infinity ? { external, isNew: false } : refused(external.name)
  }
  const holds = externalHolds(platform)
  const holding = [...platform.externals.values()].filter((external) => holds(external.name, end)).sort((a, b) => compareSizes(platform, a, b))
  const usable = holding.find((external) => now === Infinity || accepted(external))
  if (usable !== undefined) return { external: usable, isNew: false }
  const [first] = holding
  if (first !== undefined) return refused(first.name)
  const domain = end.kind === 'name' ? parseDomain(end.name) : undefined
  if (end.kind === 'name' && domain === undefined) return undefined
  const cidrs = end.kind === 'address' ? addressSet([prefixOf(end.address, end.address.family === 4 ? 32 : 128)]) : []
  const text = end.kind === 'address' ? `address-${formatAddress(end.address)}` : (domain ?? '')
  const made: External = {
    kind: 'External', name: freeName(text, (name) => platform.externals.has(name)), domains: domain === undefined ? [] : [{ kind: 'domain', name: domain, below: false }],
    cidrs, infrastructure: false, telemetry: false, at: proposed,
  }
  const reserved = end.kind === 'address' && externalAddresses(platform)(made).length === 0
  return { external: { ...made, infrastructure: reserved }, isNew: true }
}

function compareSizes(platform: Platform, a: External, b: External): number {
  const addresses = externalAddresses(platform)
  const size = (external: External): bigint => addresses(external).reduce((sum, { first, last }) => sum + (last - first + 1n), 0n)
  const wild = (external: External): number => external.domains.reduce((sum, domain) => sum + (domain.below ? 1000 : 1), 0)
  const [x, y] = [size(a), size(b)]
  return x < y ? -1 : x > y ? 1 : wild(a) - wild(b) || (a.name < b.name ? -1 : 1)
}

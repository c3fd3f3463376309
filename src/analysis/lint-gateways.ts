/** Policies whose way through a gateway is not what they seem to say. */
import { compareText } from '../base/location.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Path } from '../intent/intent.ts'
import type { Platform, Policy } from '../model/platform.ts'

/** `mine` are the paths that the policy has a share in; `between` tells all paths with the same inner ends as one of them. */
export function gatewayFindings(platform: Platform, policy: Policy, mine: readonly Path[], between: (path: Path) => readonly Path[]): readonly Diagnostic[] {
  return [...inTheClear(policy, mine, between), ...withoutGateway(platform, policy, mine), ...pastTheProxy(platform, policy, mine)]
}

/** Whoever else opens the same path without encryption keeps it open when this policy goes. */
function inTheClear(policy: Policy, mine: readonly Path[], between: (path: Path) => readonly Path[]): readonly Diagnostic[] {
  if (!('encryption' in policy) || policy.encryption === undefined) return []
  const others = mine.flatMap((path) => (path.via.kind === 'mutual-tls' ? between(path).filter((other) => other.via.kind === 'direct' && shares(path, other)) : []))
  const names = [...new Set(others.flatMap(({ origin }) => origin.map(({ document }) => document)))].sort(compareText)
  if (names.length === 0) return []
  const shown = names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
  return [{ code: 'encryption-undone', severity: 'warning', at: policy.at, message: `${policy.kind} \`${policy.name}\` requires encryption of what is open in the clear as well, by ${shown}`, help: 'require it there too' }]
}

function shares(a: Path, b: Path): boolean {
  return a.protocol === b.protocol && a.ports.some((p) => b.ports.some((q) => p.from <= q.to && q.from <= p.to))
}

function withoutGateway({ gateway }: Platform, policy: Policy, mine: readonly Path[]): readonly Diagnostic[] {
  if (gateway !== undefined || !mine.some(({ source, via }) => via.kind === 'proxy' || (via.kind === 'peer' && source.kind === 'peer'))) return []
  return [{ code: 'gateway-missing', severity: 'warning', at: policy.at, message: `${policy.kind} \`${policy.name}\` needs the inbound gateway, and the Platform has none`, help: 'write `gateway: {addresses: [...]}` in the Platform document' }]
}

/** Whom the gateways reach outside by themselves, one finding for all. */
function pastTheProxy({ egressProxy }: Platform, policy: Policy, mine: readonly Path[]): readonly Diagnostic[] {
  if (egressProxy === undefined) return []
  const reached = new Set(mine.flatMap(({ destination, via }) => {
    if (destination.kind === 'peer') return [`Peer \`${destination.peer}\``]
    const asked = via.kind === 'proxy' ? via.proxy.authentication : undefined
    return asked !== undefined && 'issuer' in asked && (asked.kind === 'oidc' || asked.jwks.kind === 'uri') ? [`issuer \`${asked.issuer}\``] : []
  }))
  if (reached.size === 0) return []
  const who = [...reached].sort(compareText).join(', ')
  return [{ code: 'proxy-passed-over', severity: 'warning', at: policy.at, message: `${policy.kind} \`${policy.name}\` needs ${who}, which the gateway reaches directly and not by the Platform's \`egressProxy\``, help: 'the proxy carries what workloads ask outside by name' }]
}

/** Segments with `egress: restricted`: what is on them reaches nothing beyond its Stack and the networks peered with it. */
import { addressesWithin, noAddresses, unionAddresses } from '../net/address-set.ts'
import { stackOf } from './layers.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { AddressSet } from '../net/address-set.ts'
import type { EgressPolicy, External, Platform, Workload } from '../model/platform.ts'
import type { Selector } from './select.ts'

/** No egress beyond the Stack for a workload on a segment with `egress: restricted`; `staging` alone is not held to it. */
export function restrictedEgress(
  platform: Platform,
  select: Selector,
  addresses: (external: External) => AddressSet,
): readonly Diagnostic[] {
  const inside = new Map<string, AddressSet>()
  const verdicts = new Map<string, boolean>()
  function staysInside(stackName: string, external: External): boolean {
    const key = `${stackName} ${external.name}`
    let verdict = verdicts.get(key)
    if (verdict === undefined) {
      const stack = platform.stacks.get(stackName)
      let space = inside.get(stackName)
      if (space === undefined) inside.set(stackName, (space = stack === undefined ? noAddresses : unionAddresses(stack.cidrs, stack.peeredCidrs)))
      verdict = external.domains.length === 0 && addressesWithin(addresses(external), space)
      verdicts.set(key, verdict)
    }
    return verdict
  }
  if (![...platform.segments.values()].some((segment) => segment.egress === 'restricted')) return []
  return platform.egressPolicies.flatMap((policy) => {
    if (!policy.phases.includes('running') && !policy.phases.includes('task')) return []
    const members = select.workloads(policy.source).filter((w) => w.enclave === policy.enclave && restricted(platform, w))
    return policy.destination.flatMap((ref) => {
      const external = platform.externals.get(ref.external)
      if (external === undefined) return []
      const beyond = members.filter((w) => !staysInside(stackOf(platform, w), external))
      return beyond.length === 0 ? [] : [restrictedDiagnostic(policy, external, beyond, ref.at)]
    })
  })
}

function restricted(platform: Platform, workload: Workload): boolean {
  return workload.segment !== undefined && platform.segments.get(workload.segment)?.egress === 'restricted'
}

function restrictedDiagnostic(policy: EgressPolicy, external: External, beyond: readonly Workload[], at: External['at']): Diagnostic {
  const shown = beyond.slice(0, 3).map((w) => `\`${w.id}\` (segment \`${w.segment ?? ''}\`)`)
  const names = beyond.length > 3 ? `${shown.join(', ')} and ${beyond.length - 3} more` : shown.join(', ')
  const why = external.domains.length > 0 ? 'it has domains, which can be anywhere' : 'its addresses are not all inside their stack'
  return {
    code: 'restricted-segment',
    severity: 'error',
    message: `EgressPolicy \`${policy.name}\` leads ${names} out of a restricted segment to \`external:${external.name}\`: ${why}`,
    at,
  }
}

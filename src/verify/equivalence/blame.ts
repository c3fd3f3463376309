/** Names the policies that allow a flow, by asking about each of them alone. */
import { referenceDecide } from '../reference.ts'
import type { Flow, Platform } from '../../model/platform.ts'

/** `ServicePolicy research/api-to-db, ...`; how the reference evaluator comes to its answer does not matter. */
export function policiesFor(platform: Platform, flow: Flow, now: number): string {
  const none = { ...platform, servicePolicies: [], egressPolicies: [], ingressPolicies: [], federationPolicies: [], groups: new Map() }
  const names: string[] = []
  const alone = (part: Partial<Platform>, name: string): void => {
    if (referenceDecide({ ...none, ...part }, flow, now) === 'allow') names.push(name)
  }
  for (const policy of platform.servicePolicies) alone({ servicePolicies: [policy], groups: platform.groups }, `ServicePolicy ${policy.enclave}/${policy.name}`)
  // The groups make paths of their own; those count for no policy.
  const groups = referenceDecide({ ...none, groups: platform.groups }, flow, now) === 'allow'
  if (groups) return [...platform.groups].filter(([key, group]) => referenceDecide({ ...none, groups: new Map([[key, group]]) }, flow, now) === 'allow').map(([key]) => `Group ${key}`).join(', ') || 'a Group'
  for (const policy of platform.egressPolicies) if (flow.source.kind === 'workload') alone({ egressPolicies: [policy], groups: platform.groups, ingressPolicies: platform.ingressPolicies }, `EgressPolicy ${policy.enclave}/${policy.name}`)
  for (const policy of platform.ingressPolicies) alone({ ingressPolicies: [policy], groups: platform.groups }, `IngressPolicy ${policy.enclave}/${policy.name}`)
  if (names.length > 0) return names.sort().join(', ')
  for (const one of platform.federationPolicies) {
    for (const other of platform.federationPolicies) {
      const pair = one === other ? [one] : [one, other]
      alone({ federationPolicies: pair, groups: platform.groups }, pair.map((policy) => `FederationPolicy ${policy.enclave}/${policy.name}`).sort().join(' with '))
    }
  }
  return [...new Set(names)].sort().join(', ') || 'a policy'
}

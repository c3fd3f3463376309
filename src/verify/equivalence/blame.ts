/** Names the policies that allow a flow, by asking about each of them alone. */
import { referenceDecide } from '../reference.ts'
import type { Flow, Platform } from '../../model/platform.ts'

/** `ServicePolicy research/api-to-db, ...`; how the reference evaluator comes to its answer does not matter. */
export function policiesFor(platform: Platform, flow: Flow, now: number): string {
  const { groups } = platform
  const none: Platform = { ...platform, servicePolicies: [], egressPolicies: [], ingressPolicies: [], federationPolicies: [], groups: new Map() }
  const allows = (part: Partial<Platform>): boolean => referenceDecide({ ...none, ...part }, flow, now) === 'allow'
  // A group opens paths of its own; those are no policy's.
  if (allows({ groups })) {
    const alone = [...groups].filter(([key, group]) => allows({ groups: new Map([[key, group]]) })).map(([key]) => `Group ${key}`)
    return alone.length > 0 ? alone.sort().join(', ') : 'nested groups'
  }
  const names: string[] = []
  for (const policy of platform.servicePolicies) if (allows({ groups, servicePolicies: [policy] })) names.push(nameOf(policy))
  for (const policy of flow.source.kind === 'workload' ? platform.egressPolicies : []) {
    if (allows({ groups, egressPolicies: [policy], ingressPolicies: platform.ingressPolicies })) names.push(nameOf(policy))
  }
  for (const policy of platform.ingressPolicies) if (allows({ groups, ingressPolicies: [policy] })) names.push(nameOf(policy))
  for (const one of names.length > 0 ? [] : platform.federationPolicies) {
    for (const other of platform.federationPolicies) {
      const pair = one === other ? [one] : [one, other]
      if (allows({ groups, federationPolicies: pair })) names.push(pair.map(nameOf).sort().join(' with '))
    }
  }
  return [...new Set(names)].sort().join(', ') || 'policies together'
}

function nameOf({ kind, enclave, name }: { readonly kind: string; readonly enclave: string; readonly name: string }): string {
  return `${kind} ${enclave}/${name}`
}

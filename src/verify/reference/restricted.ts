/** Segments with `egress: restricted`: what a workload on one reaches outside, before any policy is asked. */
import { addressesWithin, setContains, subtractAddresses } from '../../net/address-set.ts'
import { effectiveAddresses } from './external.ts'
import type { Flow, FlowEnd, Platform, Workload } from '../../model/platform.ts'
import type { Witness } from './rules.ts'

type OutsideEnd = Extract<FlowEnd, { readonly kind: 'address' | 'name' | 'external' }>

/** True also for whoever is not held at all. */
export function staysInside(platform: Platform, source: Workload, end: OutsideEnd, flow: Flow, witness: Witness): boolean {
  const segment = source.segment === undefined ? undefined : platform.segments.get(source.segment)
  if (segment?.egress !== 'restricted') return true
  if ((flow.phase ?? source.phase) === 'staging') return true
  const inside = spaces(platform, source)
  switch (end.kind) {
    case 'address':
      for (const space of inside) if (setContains(space, end.address)) return true
      break
    case 'name':
      break
    case 'external': {
      const external = platform.externals.get(end.external)
      if (external === undefined) return true
      let beyond = effectiveAddresses(platform, external)
      for (const space of inside) beyond = subtractAddresses(beyond, space)
      if (external.domains.length === 0 && addressesWithin(beyond, [])) return true
    }
  }
  witness('a restricted segment ends at its stack')
  return false
}

/** The networks of its Stack, and those peered with it. */
function spaces(platform: Platform, source: Workload) {
  const enclave = platform.enclaves.get(source.enclave)
  const environment = platform.environments.get(enclave?.environment ?? 'default')
  const stack = platform.stacks.get(environment?.stack ?? 'default')
  return stack === undefined ? [] : [stack.cidrs, stack.peeredCidrs]
}

/** Whether a policy names what its destinations declare: nothing of it, or more than that. */
import { declaredTraffic, trafficOf } from '../intent/traffic.ts'
import { formatTraffic } from '../intent/format.ts'
import { intersectPorts, subtractPorts } from '../net/ports.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Location } from '../base/location.ts'
import type { Selector } from '../intent/select.ts'
import type { Traffic } from '../intent/traffic.ts'
import type { Policy, Ref, TrafficSpec, Workload } from '../model/platform.ts'

/** An import asks for no more than the export gives, so only what a side says of its own workloads is looked at. */
export function portFindings(select: Selector, policy: Policy): readonly Diagnostic[] {
  switch (policy.kind) {
    case 'ServicePolicy':
    case 'IngressPolicy':
      return findings(select, policy, policy.destination, policy.traffic, policy.at)
    case 'FederationPolicy':
      return policy.exports.flatMap((half) => findings(select, policy, half.destination, half.traffic, half.at))
    case 'EgressPolicy':
      return []
  }
}

function findings(select: Selector, policy: Policy, refs: readonly Ref[], spec: TrafficSpec, at: Location): readonly Diagnostic[] {
  if (spec.protocol === 'icmp') return []
  const destinations = select.workloads(refs).filter((w) => w.enclave === policy.enclave)
  const traffic = trafficOf(spec)
  const wider = destinations.flatMap((workload) => {
    const excess = beyondDeclared(traffic(workload), workload)
    return excess.length === 0 ? [] : [{ workload, excess }]
  })
  const [first] = wider
  if (first === undefined) return []
  const what = `${policy.kind} \`${policy.name}\``
  const served = destinations.some((workload) => servesSome(traffic(workload), workload))
  if (!served && spec.protocol !== 'any' && spec.ports.every((item) => item.kind === 'range')) {
    const names = destinations.slice(0, 3).map(({ id }) => `\`${id}\``).join(', ')
    const more = destinations.length > 3 ? ` and ${destinations.length - 3} more` : ''
    return [{ code: 'undeclared-port', severity: 'warning', at, message: `${what} names ${textOf(first.excess)}, which ${names}${more} ${destinations.length === 1 ? 'does' : 'do'} not declare` }]
  }
  const more = wider.length > 1 ? ` (and more than ${wider.length - 1} other ${wider.length === 2 ? 'destination declares' : 'destinations declare'})` : ''
  const declared = declaredTraffic(first.workload)
  const has = declared.length === 0 ? 'which declares no port' : `which declares ${textOf(declared)}`
  return [{
    code: 'wider-than-declared', severity: 'warning', at, message: `${what} opens ${textOf(first.excess)} of \`${first.workload.id}\`, ${has}${more}`,
    help: 'name the ports, preferably by the names that the Workload gives them',
  }]
}

/** icmp is nothing that a workload could declare. */
function beyondDeclared(opened: readonly Traffic[], workload: Workload): readonly Traffic[] {
  const declared = declaredTraffic(workload)
  return opened.flatMap(({ protocol, ports }) => {
    if (protocol === 'icmp') return []
    const excess = declared.reduce((left, one) => (one.protocol === protocol ? subtractPorts(left, one.ports) : left), ports)
    return excess.length === 0 ? [] : [{ protocol, ports: excess }]
  })
}

function servesSome(opened: readonly Traffic[], workload: Workload): boolean {
  return declaredTraffic(workload).some((one) => opened.some((t) => t.protocol === one.protocol && intersectPorts(t.ports, one.ports).length > 0))
}

function textOf(traffic: readonly Traffic[]): string {
  return traffic.map(formatTraffic).join(' and ')
}

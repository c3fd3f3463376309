/** What Ingress objects and routes expose of each pod: the ports that their Services lead to and that the pod declares. */
import { portOf } from './backends.ts'
import { podIndex } from './selection.ts'
import { nothing } from './traffic.ts'
import { portSet, unionPorts } from '../../net/ports.ts'
import type { Cluster } from './cluster.ts'
import type { ServicePort } from './services.ts'
import type { TrafficId, TrafficTable } from './traffic.ts'
import type { Pod } from './workloads.ts'

/** By position of the pod, before policies have their say. */
export function exposedTraffic({ pods, namespaces, services, backends }: Cluster, table: TrafficTable): ReadonlyMap<number, TrafficId> {
  const out = new Map<number, TrafficId>()
  if (backends.length === 0) return out
  const index = podIndex(pods, namespaces)
  const byName = new Map(services.map((service) => [`${service.namespace}/${service.name}`, service]))
  for (const backend of backends) {
    const service = byName.get(`${backend.namespace}/${backend.service}`)
    const port = service === undefined ? undefined : portOf(service, backend.port)
    if (service?.selector === undefined || port === undefined) continue
    for (const position of index.select({ namespaces: { kind: 'named', name: service.namespace }, pods: service.selector })) {
      const pod = pods[position]
      const target = pod === undefined ? undefined : targetOf(pod, port)
      if (target === undefined) continue
      const known = table.get(out.get(position) ?? table.id(nothing))
      out.set(position, table.id({ ...known, tcp: unionPorts(known.tcp, portSet([{ from: target, to: target }])) }))
    }
  }
  return out
}

/** The declared TCP port that the service's target means for this pod. */
function targetOf({ ports }: Pod, { target }: ServicePort): number | undefined {
  return ports.find(({ name, port, protocol }) => protocol === 'tcp' && (typeof target === 'number' ? port === target : name === target))?.port
}

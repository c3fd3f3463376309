/** What Ingress objects and routes expose of each pod: the ports that their Services lead to and that the pod declares. */
import { quote } from '../../base/diagnostic.ts'
import { podIndex } from './selection.ts'
import { nothing } from './traffic.ts'
import { portSet, unionPorts } from '../../net/ports.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Cluster } from './cluster.ts'
import type { Service, ServicePort } from './services.ts'
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

/** Backends of which the manifests do not show who answers: what they expose is missing from every answer. */
export function deadBackends({ services, backends }: Pick<Cluster, 'services' | 'backends'>): readonly Diagnostic[] {
  const byName = new Map(services.map((service) => [`${service.namespace}/${service.name}`, service]))
  return backends.flatMap((backend) => {
    const key = `${backend.namespace}/${backend.service}`
    const service = byName.get(key)
    const why =
      service === undefined ? `there is no Service ${quote(key)}`
      : portOf(service, backend.port) === undefined ? `Service ${quote(key)} has no TCP port ${quote(String(backend.port))}`
      : service.selector === undefined ? `Service ${quote(key)} selects no pods`
      : undefined
    return why === undefined ? [] : [{ code: 'unknown-reference', severity: 'warning', message: `${why}: what this backend exposes is not known`, at: backend.at }]
  })
}

function portOf({ ports }: Service, asked: number | string): ServicePort | undefined {
  return ports.find(({ name, port, protocol }) => protocol === 'tcp' && (typeof asked === 'number' ? port === asked : name === asked))
}

/** The declared TCP port that the service's target means for this pod. */
function targetOf({ ports }: Pod, { target }: ServicePort): number | undefined {
  return ports.find(({ name, port, protocol }) => protocol === 'tcp' && (typeof target === 'number' ? port === target : name === target))?.port
}

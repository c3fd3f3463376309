/** Which port of which Service a backend means, and backends of which the manifests do not show who answers. */
import { quote } from '../../base/diagnostic.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Backend, Service, ServicePort } from './services.ts'

/** Its TCP port of that number or name. */
export function portOf({ ports }: Service, asked: number | string): ServicePort | undefined {
  return ports.find(({ name, port, protocol }) => protocol === 'tcp' && (typeof asked === 'number' ? port === asked : name === asked))
}

/** What these expose is missing from every answer, so each is a warning. */
export function deadBackends(services: readonly Service[], backends: readonly Backend[]): readonly Diagnostic[] {
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

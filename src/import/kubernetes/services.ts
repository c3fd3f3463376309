/** Services, and everything that leads requests from outside to them: Ingress, and the routes of the Gateway API. */
import { quote } from '../../base/diagnostic.ts'
import { deep, exactlyOne, fail, items, member, oneOf, placeOf, portNumber, text, warn } from './field.ts'
import { readLabels, selectorOfLabels } from './selector.ts'
import { isGranted } from './grants.ts'
import { protocolOf, protocolWords } from './traffic.ts'
import type { Location } from '../../base/location.ts'
import type { Field } from './field.ts'
import type { Grant } from './grants.ts'
import type { Manifest } from './manifest.ts'
import type { Selector } from './selector.ts'
import type { PortedProtocol } from './traffic.ts'

export interface Service {
  readonly namespace: string
  readonly name: string
  /** `undefined` for a service without pods of its own. */
  readonly selector: Selector | undefined
  readonly ports: readonly ServicePort[]
}

export interface ServicePort {
  readonly name: string | undefined
  readonly port: number
  readonly target: number | string
  readonly protocol: PortedProtocol
}

/** A service that is reached from outside, at one of its ports. */
export interface Backend {
  readonly namespace: string
  readonly service: string
  /** A number or a name of the service's. */
  readonly port: number | string
  readonly at: Location
}

export function readService({ namespace, name, field }: Manifest): Service {
  const spec = member(field, 'spec')
  const selector = spec === undefined ? undefined : member(spec, 'selector')
  const external = spec !== undefined && member(spec, 'type')?.value === 'ExternalName'
  return {
    namespace,
    name,
    selector: selector === undefined || external ? undefined : selectorOfLabels(readLabels(selector)),
    ports: items(spec === undefined ? undefined : member(spec, 'ports')).flatMap(readServicePort),
  }
}

function readServicePort(field: Field): readonly ServicePort[] {
  const portField = member(field, 'port')
  const port = portField === undefined ? undefined : portNumber(portField)
  const name = member(field, 'name')
  const target = member(field, 'targetPort')
  const protocolField = member(field, 'protocol')
  const word = protocolField === undefined ? 'TCP' : oneOf(protocolField, protocolWords)
  if (port === undefined || word === undefined) return []
  const named = target === undefined || typeof target.value === 'string' ? target : undefined
  const number = target === undefined ? port : named === undefined ? (portNumber(target) ?? port) : port
  return [{ name: name === undefined ? undefined : text(name), port, target: named === undefined ? number : text(named), protocol: protocolOf(word) }]
}

export function readIngress({ namespace, field }: Manifest): readonly Backend[] {
  const paths = items(deep(field, 'spec', 'rules')).flatMap((rule) => items(deep(rule, 'http', 'paths')))
  const backends = [deep(field, 'spec', 'defaultBackend'), ...paths.map((path) => member(path, 'backend'))]
  return backends.flatMap((backend) => {
    if (backend === undefined) return []
    const kind = exactlyOne(backend, ['service', 'resource'])
    if (kind === 'resource') warn(backend, 'unknown-reference', 'a backend that is a `resource` is not understood: what it exposes is not known')
    const service = kind === 'service' ? member(backend, 'service') : undefined
    const name = service === undefined ? undefined : member(service, 'name')
    const port = service === undefined ? undefined : member(service, 'port')
    if (service === undefined) return []
    if (name === undefined || port === undefined) {
      fail(service, 'missing-field', 'a backend needs `name` and `port`')
      return []
    }
    const form = exactlyOne(port, ['number', 'name'])
    const value = form === undefined ? undefined : member(port, form)
    const asked = value === undefined ? undefined : form === 'name' ? text(value) : portNumber(value)
    return asked === undefined ? [] : [{ namespace, service: text(name), port: asked, get at() { return placeOf(backend) } }]
  })
}

/** What a route of the Gateway API sends on, mirrors included. A backend of another namespace needs that namespace's consent. */
export function readRoute({ kind, namespace, field }: Manifest, grants: readonly Grant[]): readonly Backend[] {
  const rules = items(deep(field, 'spec', 'rules'))
  const mirrors = (holder: Field): readonly Field[] =>
    items(member(holder, 'filters')).flatMap((filter) => deep(filter, 'requestMirror', 'backendRef') ?? [])
  const references = rules.flatMap((rule) => {
    const sent = items(member(rule, 'backendRefs')).filter((reference) => member(reference, 'weight')?.value !== 0)
    return [...sent, ...mirrors(rule), ...sent.flatMap(mirrors)]
  })
  return references.flatMap((reference) => {
    const backendKind = text(member(reference, 'kind')) || 'Service'
    const group = text(member(reference, 'group'))
    const nameField = member(reference, 'name')
    const port = member(reference, 'port')
    if (nameField === undefined) fail(reference, 'missing-field', 'a backend needs `name`')
    if (nameField === undefined) return []
    if (backendKind !== 'Service' || group !== '') {
      warn(reference, 'unknown-reference', `a backend that is a ${quote(backendKind)} is not understood: what it exposes is not known`)
      return []
    }
    const number = port === undefined ? undefined : portNumber(port)
    if (port === undefined) fail(reference, 'missing-field', 'a Service as a backend needs `port`')
    const where = text(member(reference, 'namespace')) || namespace
    const service = text(nameField)
    if (number === undefined) return []
    if (!isGranted(grants, { kind: kind.name, from: namespace, to: where, service })) {
      warn(reference, 'unknown-reference', `no ReferenceGrant of namespace ${quote(where)} lets a ${kind.name} of ${quote(namespace)} name Service ${quote(service)}: it exposes nothing`)
      return []
    }
    return [{ namespace: where, service, port: number, get at() { return placeOf(reference) } }]
  })
}

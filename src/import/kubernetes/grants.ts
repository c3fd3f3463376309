/** Who may attach to a Gateway, and who may send to a Service of another namespace. */
import { deep, items, member, oneOf, text } from './field.ts'
import { everything, readSelector, selects } from './selector.ts'
import type { Manifest } from './manifest.ts'
import type { Selector } from './selector.ts'
import type { Namespace } from './workloads.ts'

/** A ReferenceGrant: its namespace lets routes of others name its Services. */
export interface Grant {
  readonly namespace: string
  readonly from: readonly { readonly kind: string; readonly namespace: string }[]
  /** Names of Services; `undefined` for all. */
  readonly services: readonly (string | undefined)[]
}

const gatewayGroup = 'gateway.networking.k8s.io'

export function readGrant({ namespace, field }: Manifest): Grant {
  const from = items(deep(field, 'spec', 'from'))
    .filter((item) => text(member(item, 'group')) === gatewayGroup)
    .map((item) => ({ kind: text(member(item, 'kind')), namespace: text(member(item, 'namespace')) }))
  const services = items(deep(field, 'spec', 'to'))
    .filter((item) => text(member(item, 'group')) === '' && text(member(item, 'kind')) === 'Service')
    .map((item) => (member(item, 'name') === undefined ? undefined : text(member(item, 'name'))))
  return { namespace, from, services }
}

export function isGranted(grants: readonly Grant[], asked: { readonly kind: string; readonly from: string; readonly to: string; readonly service: string }): boolean {
  return asked.from === asked.to || grants.some(
    (grant) =>
      grant.namespace === asked.to &&
      grant.from.some((from) => from.kind === asked.kind && from.namespace === asked.from) &&
      grant.services.some((service) => service === undefined || service === asked.service),
  )
}

export interface Gateway {
  readonly namespace: string
  readonly name: string
  readonly listeners: readonly Listener[]
}

interface Listener {
  readonly name: string
  readonly port: number | undefined
  readonly from: 'All' | 'Same' | 'Selector' | 'None'
  readonly namespaces: Selector
  /** Empty for every kind that the listener's protocol can carry. */
  readonly kinds: readonly string[]
}

export function readGateway({ namespace, name, field }: Manifest): Gateway {
  const listeners = items(deep(field, 'spec', 'listeners')).map((listener): Listener => {
    const from = deep(listener, 'allowedRoutes', 'namespaces', 'from')
    const selector = deep(listener, 'allowedRoutes', 'namespaces', 'selector')
    const port = member(listener, 'port')?.value
    return {
      name: text(member(listener, 'name')),
      port: typeof port === 'number' ? port : undefined,
      from: from === undefined ? 'Same' : (oneOf(from, ['All', 'Same', 'Selector', 'None']) ?? 'None'),
      namespaces: selector === undefined ? everything : readSelector(selector),
      kinds: items(deep(listener, 'allowedRoutes', 'kinds')).map((kind) => text(member(kind, 'kind'))),
    }
  })
  return { namespace, name, listeners }
}

/**
 * True when some parent takes the route. A Gateway that is not among the manifests is taken to allow it: what may be
 * exposed is better shown than hidden. Host names are not compared.
 */
export function isAttached(route: Manifest, gateways: readonly Gateway[], namespaces: readonly Namespace[]): boolean {
  const labels = namespaces.find(({ name }) => name === route.namespace)?.labels ?? new Map<string, string>()
  return items(deep(route.field, 'spec', 'parentRefs')).some((parent) => {
    const kind = text(member(parent, 'kind')) || 'Gateway'
    if (kind !== 'Gateway') return false
    const namespace = text(member(parent, 'namespace')) || route.namespace
    const gateway = gateways.find((g) => g.namespace === namespace && g.name === text(member(parent, 'name')))
    if (gateway === undefined) return true
    const section = text(member(parent, 'sectionName'))
    const port = member(parent, 'port')?.value
    return gateway.listeners.some((listener) => {
      if ((section !== '' && listener.name !== section) || (port !== undefined && listener.port !== port)) return false
      if (listener.kinds.length > 0 && !listener.kinds.includes(route.kind.name)) return false
      switch (listener.from) {
        case 'All': return true
        case 'Same': return gateway.namespace === route.namespace
        case 'Selector': return selects(listener.namespaces, labels)
        case 'None': return false
      }
    })
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployment, matrixLines, namespace, networkPolicy, problems, read } from './testing.ts'

const web = deployment('web', { ports: '{ name: http, containerPort: 8080 }, { containerPort: 9090 }, { containerPort: 53, protocol: UDP }' })

function service(ports: string, options: { readonly name?: string; readonly namespace?: string; readonly selector?: string; readonly extra?: string } = {}): string {
  const { name = 'web', namespace: where = 'default', selector = 'app: web', extra = '' } = options
  return `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: ${where} }\nspec: { selector: { ${selector} }, ports: [${ports}]${extra} }\n`
}

function ingress(backends: string): string {
  return `apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: in }\nspec: ${backends}\n`
}

const toWeb = (port: string): string => ingress(`{ rules: [{ http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: ${port} } } }] } }] }`)

function route(spec: string, kind = 'HTTPRoute', where = 'default'): string {
  return `apiVersion: gateway.networking.k8s.io/v1\nkind: ${kind}\nmetadata: { name: r, namespace: ${where} }\nspec: ${spec}\n`
}

const backend = (extra = '', name = 'web'): string => `rules: [{ backendRefs: [{ name: ${name}, port: 80${extra} }] }]`

function exposed(...texts: readonly string[]): readonly string[] {
  return matrixLines(web, ...texts).filter((line) => line.startsWith('{ingress-controller}')).map((line) => line.replace('{ingress-controller} => ', ''))
}

test('an Ingress exposes the port of the pod that its Service leads to', () => {
  assert.deepEqual(exposed(service('{ port: 80, targetPort: 8080 }'), toWeb('{ number: 80 }')), ['default/web[Deployment] : TCP 8080'])
  assert.deepEqual(exposed(service('{ name: w, port: 80, targetPort: http }'), toWeb('{ name: w }')), ['default/web[Deployment] : TCP 8080'])
  assert.deepEqual(exposed(service('{ port: 9090 }'), ingress('{ defaultBackend: { service: { name: web, port: { number: 9090 } } } }')), ['default/web[Deployment] : TCP 9090'])
})

test('what the Service does not have, or the pod does not declare, is not exposed', () => {
  assert.deepEqual(exposed(service('{ port: 80, targetPort: 8080 }'), toWeb('{ number: 81 }')), [])
  assert.deepEqual(exposed(service('{ port: 80, targetPort: 7 }'), toWeb('{ number: 80 }')), [])
  assert.deepEqual(exposed(service('{ port: 53, protocol: UDP }'), toWeb('{ number: 53 }')), [])
  assert.deepEqual(exposed(service('{ port: 80, targetPort: 8080 }', { selector: 'app: other' }), toWeb('{ number: 80 }')), [])
  assert.deepEqual(exposed(service('{ port: 80, targetPort: 8080 }', { extra: ', type: ExternalName' }), toWeb('{ number: 80 }')), [])
  assert.deepEqual(exposed(toWeb('{ number: 80 }')), [])
})

test('policies have their say: what an anonymous pod may not reach is not exposed', () => {
  const given = [service('{ port: 80, targetPort: 8080 }'), toWeb('{ number: 80 }')]
  const from = (peer: string): readonly string[] => exposed(...given, networkPolicy('p', `{ podSelector: {}, ingress: [{ from: [${peer}] }] }`))
  assert.deepEqual(from('{ podSelector: {} }'), [])
  assert.deepEqual(from('{ ipBlock: { cidr: 0.0.0.0/0 } }'), [])
  assert.deepEqual(from('{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ingress } } }'), [])
  assert.deepEqual(from('{ namespaceSelector: {} }'), ['default/web[Deployment] : TCP 8080'])
  assert.deepEqual(from('{ namespaceSelector: { matchExpressions: [{ key: team, operator: NotIn, values: [x] }] } }'), ['default/web[Deployment] : TCP 8080'])
  assert.deepEqual(exposed(...given, networkPolicy('p', '{ podSelector: {}, ingress: [{ ports: [{ port: 9090 }] }] }')), [])
})

test('a route of the Gateway API exposes its backends, and what it mirrors to', () => {
  const given = service('{ port: 80, targetPort: 8080 }')
  for (const kind of ['HTTPRoute', 'GRPCRoute', 'TLSRoute']) assert.deepEqual(exposed(given, route(`{ parentRefs: [{ name: gw }], ${backend()} }`, kind)), ['default/web[Deployment] : TCP 8080'], kind)
  assert.deepEqual(exposed(given, route(`{ parentRefs: [{ name: gw }], ${backend(', weight: 0')} }`)), [])
  assert.deepEqual(exposed(given, route(`{ parentRefs: [{ name: gw }], ${backend(', kind: Bucket, group: example.org')} }`)), [])
  assert.deepEqual(exposed(given, route('{ parentRefs: [{ name: gw }], rules: [{ filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: web, port: 80 } } }] }] }')), ['default/web[Deployment] : TCP 8080'])
  assert.deepEqual(exposed(given, route(`{ ${backend()} }`)), [], 'a route without a parent is nobody\'s')
})

function gateway(listener: string): string {
  return `apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: gw, namespace: edge }\nspec: { gatewayClassName: x, listeners: [{ name: http, port: 80, protocol: HTTP${listener} }] }\n`
}

test('a Gateway takes the routes that its listeners allow', () => {
  const given = [service('{ port: 80, targetPort: 8080 }'), route(`{ parentRefs: [{ name: gw, namespace: edge }], ${backend()} }`), namespace('default', 'edge: "yes"')]
  const count = (listener: string): number => exposed(...given, gateway(listener)).length
  assert.equal(count(''), 0, 'only its own namespace unless it says otherwise')
  assert.equal(count(', allowedRoutes: { namespaces: { from: All } }'), 1)
  assert.equal(count(', allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { edge: "yes" } } } }'), 1)
  assert.equal(count(', allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { edge: "no" } } } }'), 0)
  assert.equal(count(', allowedRoutes: { namespaces: { from: All }, kinds: [{ kind: TCPRoute }] }'), 0)
})

test('a backend in another namespace needs a grant of that namespace', () => {
  const given = [service('{ port: 80, targetPort: 8080 }'), route(`{ parentRefs: [{ name: gw }], ${backend(', namespace: default')} }`, 'HTTPRoute', 'edge')]
  const grant = (kind: string, to = '{ group: "", kind: Service }'): string =>
    `apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: { name: g }\nspec: { from: [{ group: gateway.networking.k8s.io, kind: ${kind}, namespace: edge }], to: [${to}] }\n`
  assert.deepEqual(exposed(...given), [])
  assert.equal(exposed(...given, grant('HTTPRoute')).length, 1)
  assert.equal(exposed(...given, grant('HTTPRoute', '{ group: "", kind: Service, name: web }')).length, 1)
  assert.equal(exposed(...given, grant('HTTPRoute', '{ group: "", kind: Service, name: other }')).length, 0)
  assert.equal(exposed(...given, grant('TCPRoute')).length, 0)
})

test('a backend that says half of what it means is told', () => {
  assert.deepEqual(problems([ingress('{ defaultBackend: { service: { name: web } } }')]), ['error 0.yaml:4 missing-field'])
  assert.deepEqual(problems([route('{ parentRefs: [{ name: gw }], rules: [{ backendRefs: [{ name: web }] }] }')]), ['error 0.yaml:4 missing-field'])
})

test('a backend of which nobody can say who answers is told', () => {
  const port = '{ port: 80, targetPort: 8080 }'
  const warned = (...texts: readonly string[]): readonly string[] => read([web, ...texts]).diagnostics.map(({ severity, message }) => `${severity}: ${message}`)
  const unknown = 'what this backend exposes is not known'
  assert.deepEqual(warned(service(port), toWeb('{ number: 80 }')), [])
  assert.deepEqual(warned(toWeb('{ number: 80 }')), [`warning: there is no Service \`default/web\`: ${unknown}`])
  assert.deepEqual(warned(service(port), toWeb('{ number: 81 }')), [`warning: Service \`default/web\` has no TCP port \`81\`: ${unknown}`])
  assert.deepEqual(warned(service(port, { extra: ', type: ExternalName' }), toWeb('{ number: 80 }')), [`warning: Service \`default/web\` selects no pods: ${unknown}`])
  assert.deepEqual(warned(service(port), route(`{ parentRefs: [{ name: gw }], ${backend(', kind: Bucket, group: example.org')} }`)), ['warning: a backend that is a `Bucket` is not understood: what it exposes is not known'])
  assert.deepEqual(warned(service(port), route(`{ parentRefs: [{ name: gw }], ${backend(', namespace: default')} }`, 'HTTPRoute', 'edge')), [
    'warning: no ReferenceGrant of namespace `default` lets a HTTPRoute of `edge` name Service `web`: it exposes nothing',
  ])
})

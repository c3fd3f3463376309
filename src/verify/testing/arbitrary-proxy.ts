/**
 * Ingress by names. Each enclave has a host for each place, a wildcard and one name that its policies share, and all of
 * them share one more, each below a path of its own: what is shared asks callers in one way, so that most sets are accepted.
 */
import { document } from './documents.ts'
import { expiry, localRefs, namedPort, written } from './arbitrary-parts.ts'
import { keyUris, portNumbers, trustDomain } from './words.ts'
import type { EnclaveShape } from './arbitrary-inside.ts'
import type { Outside } from './arbitrary-outside.ts'
import type { Choices } from './choices.ts'
import type { Document } from './documents.ts'

export const issuer = 'https://id.example.org'
export const caFile = '/etc/clients.pem'
export const ownSubject = `spiffe://${trustDomain}/enclave/alpha/workload/api`
export const routePaths = ['/*', '/a', '/a/*', '/a/b*', '/b', '/c;x/*']
const methods = ['GET', 'POST', 'PUT']

export function proxyPolicy(choices: Choices, around: Outside, enclave: EnclaveShape, place: number): Document {
  const source = choices.some(around.externals, 1, 2).map(({ name }) => `external:${name}`)
  const kind = choices.pick(['own', 'own', 'shared', 'wild', 'common'] as const)
  const spec = kind === 'own' ? ownHost(choices, enclave, place) : sharedHost(choices, enclave, kind)
  return document('IngressPolicy', `x${place}`, { source, protocol: 'tcp', ...spec, ...expiry(choices) }, enclave.name)
}

/** A host that nobody else has, so that everything about it may be drawn. */
function ownHost(choices: Choices, enclave: EnclaveShape, place: number): Readonly<Record<string, unknown>> {
  const refs = localRefs(choices, enclave)
  const destination = written(refs)
  const port = namedPort(choices, 'tcp', refs) ?? choices.pick(portNumbers)
  const hosts = [`${enclave.name}-${place}.example.net`]
  const listen = choices.chance(15) ? { listen: 9443 } : {}
  if (choices.chance(12)) return { destination, port, hosts, ...listen, mode: 'tcp', tls: { mode: choices.pick(['passthrough', 'terminate']) }, authentication: 'none' }
  if (choices.chance(8)) return { destination, port, listen: 7000 + place * 10 + enclave.name.length, mode: 'tcp', tls: { mode: 'none' }, authentication: 'none' }
  const { authentication, extra } = authenticationOf(choices, choices.below(6), choices.chance(30) ? { jwksUri: choices.pick(keyUris) } : undefined)
  if (choices.chance(25)) return { destination, port, hosts, ...listen, authentication }
  const several = choices.chance(40) ? [port, 8001] : undefined
  const routes = choices.some(routePaths, 1, 4).map((path) => ({
    path, ...methodsOf(choices), ...(choices.chance(40) ? extra : {}), ...(several === undefined ? {} : { port: choices.pick(several) }),
  }))
  return { destination, port: several ?? port, hosts, ...listen, authentication, routes }
}

/** Each path of a shared host leads to one workload and port, whichever policy says so. */
function sharedHost(choices: Choices, enclave: EnclaveShape, kind: 'shared' | 'wild' | 'common'): Readonly<Record<string, unknown>> {
  const host = { shared: `www.${enclave.name}.example.net`, wild: `*.${enclave.name}.example.net`, common: 'common.example.net' }[kind]
  const { authentication, extra } = authenticationOf(choices, { shared: 3, wild: 0, common: 1 }[kind])
  const below = kind === 'common' ? `/${enclave.name}` : ''
  const routes = choices.some([...routePaths.keys()], 1, 3).map((i) => ({
    path: `${below}${routePaths[i] ?? '/'}`, ...methodsOf(choices), ...(choices.chance(40) ? extra : {}),
    destination: enclave.workloads[i % enclave.workloads.length]?.name, port: 8001,
    ...(kind === 'wild' && i % 2 === 1 ? { host: `deep.${enclave.name}.example.net` } : {}),
  }))
  return { destination: `${enclave.name}/*`, port: '8000-8003', hosts: [host], authentication, routes }
}

function methodsOf(choices: Choices): { readonly methods?: readonly string[] } {
  return choices.chance(50) ? { methods: choices.some(methods, 1, 2) } : {}
}

/** `extra` is what a route may ask for beyond. */
function authenticationOf(choices: Choices, which: number, keys: Readonly<Record<string, string>> = { jwksFile: '/etc/keys.json' }): { readonly authentication: unknown; readonly extra: Readonly<Record<string, unknown>> } {
  const claims = { claims: { group: ['staff', 'lab'] } }
  const identities = { identities: [ownSubject] }
  switch (which) {
    case 1:
      return { authentication: 'mtls', extra: identities }
    case 2:
      return { authentication: { mtls: { subjects: [ownSubject] } }, extra: {} }
    case 3:
      return { authentication: { jwt: { issuer, audiences: ['results'], ...keys } }, extra: claims }
    case 4:
      return {
        authentication: { oidc: { issuer, clientId: 'portal', clientSecretFile: '/etc/secret', authorizationEndpoint: issuer, tokenEndpoint: issuer, ...keys, ...(choices.chance(50) ? { claims: { 'realm.role': 'reader' } } : {}) } },
        extra: claims,
      }
    case 5:
      return { authentication: { mtls: { caFile, subjects: ['client.example.org'] } }, extra: { identities: ['client.example.org', 'other.example.org'] } }
    default:
      return { authentication: 'none', extra: {} }
  }
}

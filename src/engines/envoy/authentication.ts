/** Who is calling: what Envoy's filters ask of a request before any route is followed. */
import { duration } from './json.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import { digest, identityHeader } from './names.ts'
import { endpoint } from './clusters.ts'
import { need } from './secrets.ts'
import { resolver } from './upstream-names.ts'
import { everySource } from './sources.ts'
import { formatPrefix } from '../../net/prefix.ts'
import { subtractAddresses, toPrefixes } from '../../net/address-set.ts'
import { subjectOf, webClient } from './tls.ts'
import { uriOutside } from './uri-outside.ts'
import { wants } from './outbound-mesh.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { Authentication, Claim } from '../../model/platform.ts'
import type { GatewayInventory } from './inventory.ts'
import type { JsonObject } from './json.ts'
import type { Made } from './outbound-mesh.ts'
import type { Subject } from './tls.ts'

type Token = Extract<Authentication, { readonly kind: 'jwt' | 'oidc' }>

const payload = 'token'
const head = 'head'
export const jwtFilter = 'envoy.filters.http.jwt_authn'

export function isToken(authentication: Authentication): authentication is Token {
  return authentication.kind === 'jwt' || authentication.kind === 'oidc'
}

/** The same demands are one provider. */
export function providerName({ kind, issuer, audiences, jwks }: Token): string {
  return `${kind}:${digest(canonicalJson({ issuer, audiences, jwks }))}`
}

/**
 * The token's signature, issuer, audience and times. It must expire. It is not handed on to the workload, which could use it
 * elsewhere in the caller's name. A key set that cannot be had is a token that cannot be trusted.
 */
export function provider(token: Token, inventory: GatewayInventory, made: Made): JsonObject {
  const { issuer, audiences, jwks } = token
  return {
    issuer,
    audiences,
    require_expiration: true,
    forward: false,
    payload_in_metadata: payload,
    header_in_metadata: head,
    // After a sign-in the filter before this one has put the token there, and has removed what a client had.
    from_headers: [{ name: 'authorization', value_prefix: 'Bearer ' }],
    ...(jwks.kind === 'file'
      ? { local_jwks: { inline_string: inventory.keySets.get(jwks.file) ?? '' } }
      : {
          remote_jwks: {
            http_uri: { uri: jwks.uri, cluster: webCluster(jwks.uri, inventory, made), timeout: duration(5_000) },
            cache_duration: duration(300_000),
            retry_policy: { num_retries: 1 },
          },
        }),
  }
}

/** True when the keys are there to be judged by: one key that Envoy cannot read would cost every path its configuration. */
export function hasKeys({ jwks }: Token, { keySets }: GatewayInventory): boolean {
  if (jwks.kind === 'uri') return true
  try {
    const { keys } = JSON.parse(keySets.get(jwks.file) ?? '{}') as { readonly keys?: unknown }
    return Array.isArray(keys) && keys.length > 0 && keys.every((key: unknown) => typeof key === 'object' && key !== null && ['RSA', 'EC', 'OKP'].includes((key as { kty?: string }).kty ?? ''))
  } catch {
    return false
  }
}

/** An outside https server that the gateway itself asks, by the platform's resolver. */
export function webCluster(uri: string, inventory: GatewayInventory, made: Made): string {
  const { hostname, port } = new URL(uri)
  const number = port === '' ? 443 : Number(port)
  const name = `web:${hostname}:${number}`
  made.clusters.set(name, {
    name,
    type: 'STRICT_DNS',
    connect_timeout: duration(5_000),
    // A server that cannot be found now closes its own paths, and holds up nobody else's.
    wait_for_warm_on_init: false,
    typed_dns_resolver_config: resolver(inventory),
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint(hostname, number)] }] },
    transport_socket: webClient(inventory.folder, wants(made, need({ kind: 'ca', caFile: inventory.trustedRoots })), hostname),
  })
  return name
}

/** Where callers may be. */
export function sourcePrincipal(sources: AddressSet): JsonObject {
  if (subtractAddresses(everySource, sources).length === 0) return { any: true }
  const ids = toPrefixes(sources).map((each) => ({ direct_remote_ip: cidr(formatPrefix(each)) }))
  const [only] = ids
  return only === undefined ? { not_id: { any: true } } : ids.length === 1 ? only : { or_ids: { ids } }
}

/** What all of them say; what says nothing is left out. */
export function allOf(principals: readonly JsonObject[]): JsonObject {
  const telling = principals.filter((each) => each['any'] !== true)
  const [only] = telling
  return only === undefined ? { any: true } : telling.length === 1 ? only : { and_ids: { ids: telling } }
}

function cidr(text: string): JsonObject {
  return { address_prefix: text.replace(/\/.*/, ''), prefix_len: Number(text.replace(/.*\//, '')) }
}

/** The name of the handshake and that of the request are one; under a pattern only an expression can tell. */
export const oneName: JsonObject = {
  call_expr: { function: '_==_', args: [['connection', 'requested_server_name'], ['request', 'host']].map(([operand = '', field = '']) => ({ select_expr: { operand: { ident_expr: { name: operand } }, field } })) },
}

/** Which identities a route accepts, as RBAC principals: all of `demands`, and one name of `subjects`. */
export function principal(authentication: Authentication, claims: readonly Claim[], identities: readonly string[], trustDomain: string): JsonObject {
  if (authentication.kind === 'none') return { any: true }
  if (authentication.kind === 'mtls') return certificatePrincipal(authentication, identities, trustDomain)
  const all = [claimIs({ path: ['iss'], values: [authentication.issuer] }), ...[...authentication.claims, ...claims].map(claimIs)]
  return { and_ids: { ids: [...all, asksForNothing] } }
}

/**
 * The first URI of a certificate says which authority has to vouch for it, but every name in it is matched: a Peer could write one of
 * ours behind its own. Hence no caller bears names of two trust domains, and none that an authority of files vouches for bears a SPIFFE
 * ID that no policy lists.
 */
function certificatePrincipal({ caFile, subjects: listed }: Extract<Authentication, { readonly kind: 'mtls' }>, identities: readonly string[], trustDomain: string): JsonObject {
  const named = (subjects: readonly Subject[]): JsonObject => ({ or_ids: { ids: subjects.map(({ match }) => bears(match)) } })
  const domains = Map.groupBy(listed.length === 0 && caFile === undefined ? [`spiffe://${trustDomain}/`] : listed, (text) => /^spiffe:\/\/[^/]+\//.exec(text)?.[0] ?? '')
  const plain = { not_id: bears({ safe_regex: { regex: '(?i:spiffe:.*)' } }) }
  const ways = [...domains].map(([domain, subjects]) => {
    if (domain === '') return [named(subjects.map(subjectOf)), plain]
    const own = listed.length === 0 ? bears({ prefix: domain }) : named(subjects.map(subjectOf))
    return [own, { not_id: bears({ safe_regex: { regex: uriOutside(domain) } }) }, ...(domains.has('') ? [{ not_id: bears({ safe_regex: { regex: '[^:]*' } }) }] : [])]
  })
  const all = ways.length === 0 ? [{ authenticated: {} }, plain] : [{ or_ids: { ids: ways.map((ids) => ({ and_ids: { ids } })) } }]
  return { and_ids: { ids: identities.length === 0 ? all : [...all, named(identities.map(subjectOf))] } }
}

/** Any one of the certificate's names. */
function bears(principal_name: JsonObject): JsonObject {
  return { authenticated: { principal_name } }
}

/** A token may ask for extensions to be understood (RFC 7515, section 4.1.11). Envoy understands none and passes over the question. */
const asksForNothing: JsonObject = {
  not_id: { sourced_metadata: { metadata_matcher: { filter: jwtFilter, path: [head, 'crit'].map((key) => ({ key })), value: { present_match: true } }, metadata_source: 'DYNAMIC' } },
}

/** A text that is one of the values, or a list that holds one of them. */
function claimIs({ path, values }: Claim): JsonObject {
  const texts = values.map((exact) => ({ string_match: { exact } }))
  const one = (of: readonly JsonObject[]): JsonObject => (of.length === 1 ? of[0] ?? {} : { or_match: { value_matchers: of } })
  const value = one([...texts, { list_match: { one_of: one(texts) } }])
  return { sourced_metadata: { metadata_matcher: { filter: jwtFilter, path: [payload, ...path].map((key) => ({ key })), value }, metadata_source: 'DYNAMIC' } }
}

/** Only names of the kind that is judged; a name of the other kind beside it is nobody's word. */
function namesOf({ caFile, subjects }: Extract<Authentication, { readonly kind: 'mtls' }>): string {
  const ids = caFile === undefined || subjects.some((text) => text.startsWith('spiffe:'))
  const hosts = caFile !== undefined && !(subjects.length > 0 && subjects.every((text) => text.startsWith('spiffe:')))
  return `${ids ? '%DOWNSTREAM_PEER_URI_SAN%' : ''}${hosts ? '%DOWNSTREAM_PEER_DNS_SAN%' : ''}`
}

/** The one header by which a workload learns who called. */
export function identityHeaders(authentication: Authentication): readonly JsonObject[] {
  const values = {
    none: undefined,
    mtls: authentication.kind === 'mtls' ? namesOf(authentication) : undefined,
    jwt: `%DYNAMIC_METADATA(${jwtFilter}:${payload}:iss)%#%DYNAMIC_METADATA(${jwtFilter}:${payload}:sub)%`,
    oidc: `%DYNAMIC_METADATA(${jwtFilter}:${payload}:iss)%#%DYNAMIC_METADATA(${jwtFilter}:${payload}:sub)%`,
  }
  const value = values[authentication.kind]
  return value === undefined ? [] : [{ header: { key: identityHeader, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }]
}

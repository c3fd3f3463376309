/** The settings of a gateway as an IngressPolicy would write them; what a document may leave out is left out. */
import type { Authentication, Claim, IngressProxy, Jwks, Route } from '../model/platform.ts'

export function writtenProxy(proxy: IngressProxy): Readonly<Record<string, unknown>> {
  const { tls, limits } = proxy
  const [only] = proxy.routes
  const everything = proxy.routes.length === 1 && only !== undefined && Object.keys(writtenRoute(only)).length === 1 && only.prefix && only.path === '/'
  const written = {
    ...(tls.mode === 'terminate' ? {} : { mode: tls.mode }),
    ...(tls.minVersion === 'TLSv1.2' ? {} : { minVersion: tls.minVersion }),
    ...tls.certificate,
  }
  return {
    authentication: writtenAuthentication(proxy.authentication),
    ...(proxy.hosts.length === 0 ? {} : { hosts: oneOf(proxy.hosts) }),
    ...(proxy.protocol === 'http' ? {} : { mode: proxy.protocol }),
    ...(proxy.listenPort === undefined ? {} : { listen: proxy.listenPort }),
    ...(Object.keys(written).length === 0 ? {} : { tls: written }),
    ...(everything ? {} : { routes: proxy.routes.map(writtenRoute) }),
    ...(Object.values(limits).every((value) => value === undefined) ? {} : { limits: Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)) }),
    ...(proxy.websocket ? { websocket: true } : {}),
  }
}

function writtenRoute({ path, prefix, methods, host, destination, port, claims, identities }: Route): Readonly<Record<string, unknown>> {
  return {
    path: prefix ? `${path}*` : path,
    ...(methods.length === 0 ? {} : { methods }),
    ...(host === undefined ? {} : { host }),
    ...(destination === undefined ? {} : { destination }),
    ...(port === undefined ? {} : { port: port.kind === 'number' ? port.port : port.name }),
    ...writtenClaims(claims),
    ...(identities.length === 0 ? {} : { identities }),
  }
}

function writtenAuthentication(authentication: Authentication): unknown {
  switch (authentication.kind) {
    case 'none':
      return 'none'
    case 'mtls': {
      const { caFile, subjects } = authentication
      if (caFile === undefined && subjects.length === 0) return 'mtls'
      return { mtls: { ...(caFile === undefined ? {} : { caFile }), ...(subjects.length === 0 ? {} : { subjects }) } }
    }
    case 'jwt': {
      const { issuer, audiences, jwks, claims } = authentication
      return { jwt: { issuer, audiences, ...writtenKeys(jwks), ...writtenClaims(claims) } }
    }
    case 'oidc': {
      const { issuer, clientId, clientSecretFile, authorizationEndpoint, tokenEndpoint, callbackPath, signOutPath, scopes, audiences, jwks, claims } = authentication
      const plain = { issuer, clientId, clientSecretFile, authorizationEndpoint, tokenEndpoint, callbackPath, signOutPath, scopes, audiences }
      return { oidc: { ...plain, ...writtenKeys(jwks), ...writtenClaims(claims) } }
    }
  }
}

function writtenKeys(jwks: Jwks): Readonly<Record<string, string>> {
  return jwks.kind === 'uri' ? { jwksUri: jwks.uri } : { jwksFile: jwks.file }
}

function writtenClaims(claims: readonly Claim[]): Readonly<Record<string, unknown>> {
  return claims.length === 0 ? {} : { claims: Object.fromEntries(claims.map(({ path, values }) => [path.join('.'), oneOf(values)])) }
}

function oneOf(values: readonly string[]): string | readonly string[] {
  const [only, ...more] = values
  return only !== undefined && more.length === 0 ? only : values
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signIn, withoutSession } from './sign-in.ts'
import { everything, intentOf, inventoryOf } from './testing.ts'
import { emptyPlatform, ingress, proxyOf, route } from '../../model/testing.ts'
import { render } from './render.ts'
import type { Clusters } from './clusters.ts'
import type { SecretNeed } from './secrets.ts'
import type { SignIn } from './sign-in.ts'

const oidc: SignIn = {
  kind: 'oidc', issuer: 'https://issuer.example.org', clientId: 'portal', clientSecretFile: '/etc/bulkhead/secret', authorizationEndpoint: 'https://issuer.example.org/authorize',
  tokenEndpoint: 'https://issuer.example.org/token', callbackPath: '/back', signOutPath: '/out', scopes: ['email', 'openid'], audiences: ['portal'],
  jwks: { kind: 'uri', uri: 'https://issuer.example.org/keys' }, claims: [],
}

function rendered(port: number) {
  const made = { clusters: new Map() as Clusters, needs: new Map<string, SecretNeed>() }
  return { config: signIn(oidc, 'portal.example.org', port, inventoryOf(emptyPlatform()), made), made }
}

test('a sign-in is the code flow with secrets in files, cookies of this host alone, and no access token kept', () => {
  const lax = { same_site: 'LAX' }
  const secret = (name: string) => ({ name, sds_config: { path_config_source: { path: `/run/envoy/${name}` }, resource_api_version: 'V3' } })
  const { config, made } = rendered(443)
  const [client, seal] = ['client-secret', 'seal'].map((kind) => [...made.needs.values()].find((need) => need.kind === kind)?.file ?? '')
  assert.ok(client !== undefined && seal !== undefined)
  assert.deepEqual(config, {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.oauth2.v3.OAuth2PerRoute',
    config: {
      token_endpoint: { uri: 'https://issuer.example.org/token', cluster: 'web:issuer.example.org:443', timeout: '10s' },
      authorization_endpoint: 'https://issuer.example.org/authorize',
      redirect_uri: 'https://%REQ(:authority)%/back',
      original_request_uri: 'https://%REQ(:authority)%',
      redirect_path_matcher: { path: { exact: '/back' } },
      signout_path: { path: { exact: '/out' } },
      allowed_redirect_domains: ['portal.example.org'],
      auth_scopes: ['email', 'openid'],
      credentials: {
        client_id: 'portal',
        token_secret: secret(client),
        hmac_secret: secret(seal),
        cookie_names: {
          bearer_token: '__Host-bulkhead-access', oauth_hmac: '__Host-bulkhead-seal', oauth_expires: '__Host-bulkhead-expires', id_token: '__Host-bulkhead-identity',
          refresh_token: '__Host-bulkhead-refresh', oauth_nonce: '__Host-bulkhead-nonce', code_verifier: '__Host-bulkhead-verifier',
        },
      },
      cookie_configs: {
        bearer_token_cookie_config: lax, oauth_hmac_cookie_config: lax, oauth_expires_cookie_config: lax, id_token_cookie_config: lax, refresh_token_cookie_config: lax,
        oauth_nonce_cookie_config: lax, code_verifier_cookie_config: lax,
      },
      forward_id_token: { header: 'authorization' },
      disable_access_token_set_cookie: true,
      use_refresh_token: true,
      default_expires_in: '3600s',
    },
  })
  assert.deepEqual([...made.clusters.keys()], ['web:issuer.example.org:443'])
})

test('where people reach the gateway at another port, they come back there', () => {
  const { redirect_uri: redirect, original_request_uri: page } = rendered(9443).config['config'] as Readonly<Record<string, unknown>>
  assert.deepEqual([redirect, page], ['https://%REQ(:authority)%:9443/back', 'https://%REQ(:authority)%:9443'])
})

test('one name has one way to sign in: of two the first stands, and the other lets nobody in', () => {
  const policy = (name: string, path: string, change: Partial<SignIn> = {}) =>
    ingress(`a/${name}`, 'external:anyone', 'a/api', 'tcp 8080', undefined, { proxy: proxyOf({ hosts: ['portal.example.org'], authentication: { ...oidc, ...change }, routes: [route(path)] }) })
  const refused = (change: Partial<SignIn>) => {
    const platform = { ...everything(), ingressPolicies: [policy('one', '/one/*'), policy('two', '/two/*', change)] }
    return render(platform, intentOf(platform), inventoryOf(platform), { now: 0 }).refused.map(({ code, path }) => `${code} ${path.origin[0]?.document ?? ''}`)
  }
  assert.deepEqual(refused({ clientId: 'another' }), ['sign-in-conflict IngressPolicy a/two'])
  assert.deepEqual(refused({ callbackPath: '/elsewhere' }), ['sign-in-conflict IngressPolicy a/two'])
  assert.deepEqual(refused({ audiences: ['another'], claims: [{ path: ['role'], values: ['admin'] }] }), [])
})

test('what takes the session out of requests knows the cookies by the beginning of their names', () => {
  assert.match(JSON.stringify(withoutSession), /\^%s\*__Host%-bulkhead%-/)
})

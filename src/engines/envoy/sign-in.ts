/** Sign-in for people (OpenID Connect, authorization code with PKCE), and what of it the workload gets to see: nothing. */
import { canonicalJson } from '../../base/canonical-json.ts'
import { duration, extension, typed } from './json.ts'
import { need, secretFrom } from './secrets.ts'
import { wants } from './outbound-mesh.ts'
import { webCluster } from './authentication.ts'
import type { Authentication } from '../../model/platform.ts'
import type { GatewayInventory } from './inventory.ts'
import type { JsonObject } from './json.ts'
import type { Made } from './outbound-mesh.ts'

export type SignIn = Extract<Authentication, { readonly kind: 'oidc' }>

export const signInFilter = 'envoy.filters.http.oauth2'
const sessionFilter = 'envoy.filters.http.lua'

/** Browsers take a cookie of such a name from this host alone, by TLS, and for every path. */
const prefix = '__Host-bulkhead-'
const cookies = { bearer_token: 'access', oauth_hmac: 'seal', oauth_expires: 'expires', id_token: 'identity', refresh_token: 'refresh', oauth_nonce: 'nonce', code_verifier: 'verifier' } as const

/** Policies of one name share the session's cookies, so they sign people in alike; what they ask of the token may differ. */
export function signInKey({ issuer, clientId, clientSecretFile, authorizationEndpoint, tokenEndpoint, callbackPath, signOutPath, scopes }: SignIn): string {
  return canonicalJson({ issuer, clientId, clientSecretFile, authorizationEndpoint, tokenEndpoint, callbackPath, signOutPath, scopes })
}

/** `host`, a name or a pattern, and `port` are where people reach the gateway: it removes the port from the Host, so the ways back have to name it. */
export function signIn(oidc: SignIn, host: string, port: number, inventory: GatewayInventory, made: Made): JsonObject {
  const secret = (what: Parameters<typeof need>[0]): JsonObject => secretFrom(inventory.folder, wants(made, need(what)))
  const here = `https://%REQ(:authority)%${port === 443 ? '' : `:${port}`}`
  // A link from elsewhere finds people signed in; a form or a script from elsewhere does not.
  const settings = Object.fromEntries(Object.keys(cookies).map((name) => [`${name}_cookie_config`, { same_site: 'LAX' }]))
  return typed('envoy.extensions.filters.http.oauth2.v3.OAuth2PerRoute', {
    config: {
      token_endpoint: { uri: oidc.tokenEndpoint, cluster: webCluster(oidc.tokenEndpoint, inventory, made), timeout: duration(10_000) },
      authorization_endpoint: oidc.authorizationEndpoint,
      redirect_uri: `${here}${oidc.callbackPath}`,
      original_request_uri: here,
      // What a state says of the way back is not sealed.
      allowed_redirect_domains: [host],
      redirect_path_matcher: { path: { exact: oidc.callbackPath } },
      signout_path: { path: { exact: oidc.signOutPath } },
      auth_scopes: oidc.scopes,
      credentials: {
        client_id: oidc.clientId,
        token_secret: secret({ kind: 'client-secret', secretFile: oidc.clientSecretFile }),
        hmac_secret: secret({ kind: 'seal', issuer: oidc.issuer }),
        cookie_names: Object.fromEntries(Object.entries(cookies).map(([name, own]) => [name, `${prefix}${own}`])),
      },
      cookie_configs: settings,
      // The identity token is judged as any other; nobody here has a use for the access token.
      forward_id_token: { header: 'authorization' },
      disable_access_token_set_cookie: true,
      use_refresh_token: true,
      default_expires_in: duration(3_600_000),
    },
  })
}

/** Removes the session's cookies, whoever set them, once they have been judged, and leaves the workload's own. */
export const withoutSession: JsonObject = extension(sessionFilter, 'envoy.extensions.filters.http.lua.v3.Lua', {
  default_source_code: {
    inline_string: [
      'function envoy_on_request(handle)',
      '  local headers, kept = handle:headers(), {}',
      '  for i = 0, headers:getNumValues("cookie") - 1 do',
      '    for pair in headers:getAtIndex("cookie", i):gmatch("[^;]+") do',
      `      if not pair:match("^%s*${prefix.replaceAll('-', '%-')}") then kept[#kept + 1] = pair:gsub("^%s+", ""):gsub("%s+$", "") end`,
      '    end',
      '  end',
      '  headers:remove("cookie")',
      '  if #kept > 0 then headers:add("cookie", table.concat(kept, "; ")) end',
      'end',
      '',
    ].join('\n'),
  },
})

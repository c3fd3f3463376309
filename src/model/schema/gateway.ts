/** The schema of what a gateway does for an IngressPolicy before policy is asked. */
import { z } from 'zod'
import { normalPath } from '../../net/http-path.ts'
import { isSubject } from '../lexical.ts'
import { absolutePath, address, domainPattern, exactlyOne, fields, hostName, oneOrMany, optional, plainText, portName, portNumber, referenceText, required, text } from './fields.ts'

const url = text((t) =>
  URL.canParse(t) && new URL(t).protocol === 'https:' && !t.includes('@') ? undefined : { code: 'wrong-value', message: 'is not an https URL' },
)

export const httpMethod = text((t) =>
  /^[A-Z]{1,32}$/.test(t) ? undefined : { code: 'wrong-value', message: 'is not an HTTP method', help: 'write it in capitals, as in `GET`' },
)

/** A path that is not in the form in which requests are compared would never be met. */
export const httpPath = text((t) => {
  const plain = t.endsWith('*') ? t.slice(0, -1) : t
  const shape = /^\/[^?#*]*$/.test(plain)
  const normal = shape ? normalPath(plain) : undefined
  if (shape && normal === plain) return undefined
  return { code: 'wrong-value', message: 'is not a path', help: normal === undefined ? 'start with `/`; a `*` at the end makes it a prefix' : `requests for it arrive as \`${normal}\`` }
})

const plainPath = text((t) =>
  !/[?#*]/.test(t) && normalPath(t) === t ? undefined : { code: 'wrong-value', message: 'is not a path', help: 'write it as `/oauth2/callback`' },
)

const claims = z.record(plainText, oneOrMany(plainText))

const subject = text((t) => (isSubject(t) ? undefined : { code: 'wrong-value', message: 'is neither a SPIFFE ID nor a DNS name', help: 'write `spiffe://TRUST-DOMAIN/PATH` or `client.example.org`' }))

const mtls = fields({
  caFile: optional(absolutePath, 'Certificate authorities that clients\' certificates are checked against. Left out: the platform\'s own, and those of the Peers whose trust domains `subjects` name.'),
  subjects: optional(z.array(subject).min(1), 'Only these SPIFFE IDs or DNS names; every valid certificate when left out.'),
})

const claimsText = 'Each of these has to be in the token with one of these values, as text or in a list. A dot leads into a mapping (`realm.roles`), except in names with a colon.'

const keys = {
  jwksUri: optional(url, 'Where the issuer\'s keys are.'),
  jwksFile: optional(absolutePath, 'A file with the issuer\'s keys.'),
}

const jwt = fields({
  issuer: required(url, 'Who signs the tokens.'),
  audiences: required(z.array(plainText).min(1), 'For whom they must be: one of these.'),
  ...keys,
  claims: optional(claims, claimsText),
}).check(exactlyOne(['jwksUri', 'jwksFile']))

const oidc = fields({
  issuer: required(url, 'The identity provider.'),
  clientId: required(plainText, 'How the provider knows this gateway.'),
  clientSecretFile: required(plainText, 'A file of the host with the secret, never the secret itself; relative to the file that holds this document.'),
  authorizationEndpoint: required(url, 'Where people sign in.'),
  tokenEndpoint: required(url, 'Where the gateway gets the token for them.'),
  ...keys,
  callbackPath: optional(plainPath, 'Where the provider sends people back to; the gateway answers it.', '/oauth2/callback'),
  signOutPath: optional(plainPath, 'Where people sign out; the gateway answers it.', '/oauth2/sign-out'),
  scopes: optional(z.array(plainText).min(1), 'What is asked for.', ['openid']),
  audiences: optional(z.array(plainText).min(1), 'For whom the token must be; `clientId` when left out.'),
  claims: optional(claims, claimsText),
}).check(exactlyOne(['jwksUri', 'jwksFile']))

export const authentication = z.union([
  z.enum(['none', 'mtls']),
  fields({
    mtls: optional(mtls, 'Clients show a certificate.'),
    jwt: optional(jwt, 'Requests carry a token.'),
    oidc: optional(oidc, 'People sign in with a browser.'),
  }).check(exactlyOne(['mtls', 'jwt', 'oidc'])),
])

export const publish = fields({
  address: required(oneOrMany(address), 'Published addresses, outside the Platform\'s own.'),
  port: required(portNumber, 'The published port.'),
})

export const tls = fields({
  mode: optional(z.enum(['terminate', 'passthrough', 'none']), '`terminate`: the gateway speaks TLS. `passthrough`: the workload does, and the gateway reads the name alone. `none`: nobody does; needs `listen`. The last two need `mode: tcp`.', 'terminate'),
  minVersion: optional(z.enum(['TLSv1.2', 'TLSv1.3']), 'The oldest version accepted.', 'TLSv1.2'),
  certificateFile: optional(absolutePath, 'A certificate chain; one of the platform\'s own when left out.'),
  keyFile: optional(absolutePath, 'Its private key.'),
}).check((context) => {
  const { certificateFile, keyFile } = context.value
  if ((certificateFile === undefined) === (keyFile === undefined)) return
  context.issues.push({ code: 'custom', input: context.value, params: { code: 'conflicting-fields', message: '`certificateFile` and `keyFile` go together' }, continue: true })
})

export const route = fields({
  path: required(httpPath, 'Requests for this path; a `*` at the end makes it a prefix.'),
  methods: optional(z.array(httpMethod).min(1), 'Only these methods; any when left out.'),
  host: optional(hostName, 'Only for this one of the policy\'s hosts.'),
  destination: optional(referenceText, 'One workload of the policy\'s destinations; all of them when left out.'),
  port: optional(z.union([portNumber, portName]), 'The port there, one of the policy\'s; needed when the policy has several.'),
  claims: optional(claims, `Beyond those of \`authentication\`, which has to be \`jwt\` or \`oidc\`. ${claimsText}`),
  identities: optional(z.array(subject).min(1), 'Only callers with one of these SPIFFE IDs or DNS names in their certificate; needs `mtls`.'),
})

export const limits = fields({
  requestsPerSecond: optional(z.int().min(1).max(1_000_000), 'Requests in a second, from one client address.'),
  burst: optional(z.int().min(1).max(1_000_000), 'How many may come at once.'),
  connections: optional(z.int().min(1).max(1_000_000), 'Open connections, from all clients.'),
  bodyBytes: optional(z.int().min(0).max(1_099_511_627_776), 'Size of one request\'s body.'),
  headerBytes: optional(z.int().min(1_024).max(98_304), 'Size of one request\'s headers together.'),
  timeoutSeconds: optional(z.int().min(1).max(86_400), 'How long one request may take.'),
})

export const hosts = oneOrMany(domainPattern)

/** What carries the names of an ingress. */
export const mode = z.enum(['http', 'tcp'])

/** The schema of what a gateway does for an IngressPolicy before policy is asked. */
import { z } from 'zod'
import { absolutePath, address, domainPattern, exactlyOne, fields, hostName, oneOrMany, optional, plainText, portName, portNumber, referenceText, required, text } from './fields.ts'

const url = text((t) =>
  URL.canParse(t) && new URL(t).protocol === 'https:' && !t.includes('@') ? undefined : { code: 'wrong-value', message: 'is not an https URL' },
)

export const httpMethod = text((t) =>
  /^[A-Z]{1,32}$/.test(t) ? undefined : { code: 'wrong-value', message: 'is not an HTTP method', help: 'write it in capitals, as in `GET`' },
)

export const httpPath = text((t) => {
  const good = /^\/[\x21-\x7e]*$/.test(t) && !/[?#]/.test(t) && !t.slice(0, -1).includes('*') && !/(^|\/)\.{1,2}(\/|$)/.test(t)
  return good ? undefined : { code: 'wrong-value', message: 'is not a path', help: 'start with `/`; a `*` at the end makes it a prefix' }
})

const mtls = fields({
  caFile: optional(absolutePath, 'Certificate authorities that clients\' certificates are checked against; the platform\'s own when left out.'),
  subjects: optional(z.array(plainText).min(1), 'Only these SPIFFE IDs or DNS names; every valid certificate when left out.'),
})

const jwt = fields({
  issuer: required(url, 'Who signs the tokens.'),
  audiences: required(z.array(plainText).min(1), 'For whom they must be.'),
  jwksUri: optional(url, 'Where the issuer\'s keys are.'),
  jwksFile: optional(absolutePath, 'A file with the issuer\'s keys.'),
}).check(exactlyOne(['jwksUri', 'jwksFile']))

const oidc = fields({
  issuer: required(url, 'The identity provider.'),
  clientId: required(plainText, 'How the provider knows this gateway.'),
  clientSecretFile: required(absolutePath, 'A file with the secret; never the secret itself.'),
  scopes: optional(z.array(plainText).min(1), 'What is asked for.', ['openid']),
})

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
  port: optional(z.union([portNumber, portName]), 'The port there; the policy\'s when left out.'),
})

export const limits = fields({
  requestsPerSecond: optional(z.int().min(1).max(1_000_000), 'Requests in a second, from one client address.'),
  burst: optional(z.int().min(1).max(1_000_000), 'How many may come at once.'),
  connections: optional(z.int().min(1).max(1_000_000), 'Open connections, from all clients.'),
  bodyBytes: optional(z.int().min(0).max(1_099_511_627_776), 'Size of one request\'s body.'),
  timeoutSeconds: optional(z.int().min(1).max(86_400), 'How long one request may take.'),
})

export const hosts = oneOrMany(domainPattern)

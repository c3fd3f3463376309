// Plays the institute's sign-in service (OpenID Connect, authorization code with PKCE): says who somebody is, in a signed token that
// only the portal gets, for a code that works once. As a stand-in it believes whoever signs in.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'

export const issuer = 'https://login.tre.example'
const client = { id: 'portal.tre.example', secret: readFileSync(new URL('../platform/portal-secret', import.meta.url), 'utf8').trim() }
const callback = 'https://portal.tre.example/oauth2/callback'
/** What the institute knows of people. */
const people = { ada: { role: 'researcher' }, grace: { role: 'data-steward' } }

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const kid = 'tre-1'
const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] }
const codes = new Map()
const lifetime = 600

function token(subject) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const said = `${part({ alg: 'ES256', kid, typ: 'JWT' })}.${part({ iss: issuer, sub: subject, aud: client.id, ...people[subject], iat: now, exp: now + lifetime })}`
  return `${said}.${sign('sha256', Buffer.from(said), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** Whoever says in `user` that they are known here is sent back with a code for the portal. */
function authorize(query) {
  const [subject, redirect, challenge] = ['user', 'redirect_uri', 'code_challenge'].map((name) => query.get(name))
  if (query.get('client_id') !== client.id || redirect !== callback || query.get('code_challenge_method') !== 'S256') return { status: 400, answer: { error: 'invalid_request' } }
  if (!Object.hasOwn(people, subject ?? '')) return { status: 401, answer: { error: 'nobody of that name' } }
  const code = randomBytes(16).toString('base64url')
  codes.set(code, { subject, challenge })
  const back = new URL(redirect)
  back.search = new URLSearchParams({ code, state: query.get('state') ?? '' })
  return { status: 302, location: back.href }
}

/** The portal, by its secret, gets a token for a code, and only with the proof with which the code was asked for. */
function exchange(form) {
  const code = form.get('code') ?? ''
  const grant = codes.get(code)
  codes.delete(code)
  if (form.get('client_id') !== client.id || form.get('client_secret') !== client.secret) return { status: 401, answer: { error: 'invalid_client' } }
  const proof = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url')
  if (form.get('grant_type') !== 'authorization_code' || form.get('redirect_uri') !== callback || grant?.challenge !== proof) return { status: 400, answer: { error: 'invalid_grant' } }
  return { status: 200, answer: { token_type: 'Bearer', access_token: randomBytes(16).toString('base64url'), id_token: token(grant.subject), expires_in: lifetime } }
}

/** `form` is the body of a POST. */
export function answerIssuer(url, form) {
  if (url.pathname === '/keys') return { status: 200, answer: keys }
  if (url.pathname === '/authorize') return authorize(url.searchParams)
  if (url.pathname === '/token') return exchange(new URLSearchParams(form))
  return { status: 404, answer: { error: 'no such page' } }
}

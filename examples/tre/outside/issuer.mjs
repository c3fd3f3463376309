// Plays the institute's sign-in service: says who somebody is, in a signed token. As a stand-in it believes whatever it is told.
import { generateKeyPairSync, sign } from 'node:crypto'

export const issuer = 'https://login.tre.example'
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const kid = 'tre-1'
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

export const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] }

/** A token for `subject`; negative `seconds` make one that has expired. */
export function token({ subject, audience, role, seconds }) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: issuer, sub: subject, aud: audience, role, iat: now - 3600, exp: now + seconds }
  const said = `${part({ alg: 'ES256', kid, typ: 'JWT' })}.${part(claims)}`
  return `${said}.${sign('sha256', Buffer.from(said), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** `/keys` for whoever checks tokens, `/token?subject=&role=&audience=&seconds=` for who wants one. */
export function answerIssuer(url) {
  if (url.pathname === '/keys') return keys
  const asked = (name, otherwise) => url.searchParams.get(name) ?? otherwise
  if (url.pathname !== '/token') return { error: 'no such page' }
  return { token: token({ subject: asked('subject', 'somebody'), audience: asked('audience', 'portal.tre.example'), role: asked('role', 'researcher'), seconds: Number(asked('seconds', 600)) }) }
}

/** An identity provider of a few lines: codes that work once, for the redirect and the proof (RFC 7636) with which they were asked for. */
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { Issued } from './gateway-authority.ts'

export interface Issuer {
  /** The browser has been here and somebody has signed in: where it is sent next. */
  readonly consent: (authorize: string, subject: string) => string
  /** What the gateway sent to the token endpoint, in order. */
  readonly asked: readonly URLSearchParams[]
  readonly refused: readonly string[]
  /** From now on no session is renewed. */
  readonly forget: () => void
}

export interface IssuerParts {
  readonly address: string
  readonly certificate: Issued
  readonly keys: object
  readonly client: { readonly id: string; readonly secret: string }
  /** The identity token for somebody; `brief` is soon to come again. */
  readonly token: (subject: string) => Promise<string>
}

interface Grant { readonly subject: string; readonly redirect: string; readonly challenge: string }

export async function serveIssuer({ address, certificate, keys, client, token }: IssuerParts): Promise<Issuer> {
  const codes = new Map<string, Grant>()
  const refreshes = new Map<string, string>()
  const asked: URLSearchParams[] = []
  const refused: string[] = []

  const judge = (form: URLSearchParams): string | { readonly error: string } => {
    if (form.get('client_id') !== client.id || form.get('client_secret') !== client.secret) return { error: 'invalid_client' }
    if (form.get('grant_type') === 'refresh_token') {
      const subject = refreshes.get(form.get('refresh_token') ?? '')
      return subject ?? { error: 'invalid_grant' }
    }
    const code = form.get('code') ?? ''
    const grant = codes.get(code)
    codes.delete(code)
    if (grant === undefined || grant.redirect !== form.get('redirect_uri')) return { error: 'invalid_grant' }
    const proof = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url')
    return proof === grant.challenge ? grant.subject : { error: 'invalid_grant' }
  }

  const answer = async (path: string, form: URLSearchParams): Promise<readonly [number, object]> => {
    if (path === '/keys') return [200, keys]
    if (path !== '/token') return [404, {}]
    asked.push(form)
    const subject = judge(form)
    if (typeof subject !== 'string') {
      refused.push(subject.error)
      return [400, subject]
    }
    const refresh = randomBytes(8).toString('hex')
    refreshes.set(refresh, subject)
    return [200, { access_token: randomBytes(8).toString('hex'), token_type: 'Bearer', expires_in: subject === 'brief' ? 1 : 600, refresh_token: refresh, id_token: await token(subject) }]
  }

  const server = createServer({ cert: certificate.chain, key: certificate.key }, (request, response) => {
    void bodyOf(request).then((body) => answer((request.url ?? '').replace(/\?.*/, ''), new URLSearchParams(body))).then(([status, said]) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said))
    })
  })
  await new Promise<void>((listening) => server.listen(443, address, listening))
  return {
    asked,
    refused,
    forget: () => refreshes.clear(),
    consent: (authorize, subject) => {
      const query = new URL(authorize).searchParams
      const code = randomBytes(12).toString('hex')
      const redirect = query.get('redirect_uri') ?? ''
      codes.set(code, { subject, redirect, challenge: query.get('code_challenge') ?? '' })
      const back = new URL(redirect)
      back.searchParams.set('code', code)
      back.searchParams.set('state', query.get('state') ?? '')
      return back.href
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

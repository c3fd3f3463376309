/** Signs people in at the inbound gateway, the right way and in every wrong one, and prints what came of it, as JSON. */
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { everything } from '../../../src/engines/envoy/testing.ts'
import { identityHeader } from '../../../src/engines/envoy/names.ts'
import { authority, gateways, resolve, serve, wire } from './gateway-place.ts'
import { serveIssuer } from './sign-in-issuer.ts'

const base = process.argv[2] ?? ''
const [gateway, near] = ['10.128.0.4', '203.0.113.9']
const secret = 'known to the issuer alone'
const results: Record<string, unknown> = {}

wire()
await serve('10.128.0.16', 8080, 'api')
await resolve('10.128.0.5', { 'issuer.example.org': '192.0.2.1' })
const own = authority('bulkhead.internal')
const web = authority('web.example')
const keys = await generateKeyPair('ES256')
const publicKey = { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256' }
const roles = { realm: { roles: ['reader'] } }
const issuer = await serveIssuer({
  address: '192.0.2.1', certificate: web.issue({ dns: 'issuer.example.org' }), keys: { keys: [publicKey] }, client: { id: 'bulkhead', secret },
  token: (subject) => new SignJWT(subject === 'guest' ? {} : roles).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).setSubject(subject).setIssuer('https://issuer.example.org')
    .setAudience(subject === 'elsewhere' ? 'another' : 'portal').setExpirationTime('1h').sign(keys.privateKey),
})
const supplied = {
  'north.example': { kind: 'ca', roots: own.root }, '/etc/bulkhead/ca.pem': { kind: 'ca', roots: own.root }, '/etc/ssl/certs/ca-certificates.crt': { kind: 'ca', roots: web.root },
  '/etc/bulkhead/c.pem': { kind: 'certificate', ...own.issue({ dns: 'foreign.example.org' }) }, '/etc/bulkhead/secret': { kind: 'secret', text: secret },
} as const
const { log, folder } = await gateways(base, everything(), supplied, new Map([['/etc/bulkhead/keys.json', JSON.stringify({ keys: [publicKey] })]]), own)

const host = 'people.example.org'
type Jar = ReadonlyMap<string, string>
interface Answer { readonly text: string; readonly status: string; readonly location: string; readonly set: readonly { readonly name: string; readonly value: string; readonly attributes: string }[] }

function ask(path: string, cookies: Jar = new Map(), headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const cookie = Array.from(cookies, ([name, value]) => `${name}=${value}`).join('; ')
  return new Promise((resolve, reject) => {
    const options = { host: gateway, port: 9443, localAddress: near, servername: host, rejectUnauthorized: false, agent: false, path, headers: { host, ...(cookie === '' ? {} : { cookie }), ...headers } }
    const asked = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part)).on('error', reject).on('end', () => {
        const set = (response.headers['set-cookie'] ?? []).map((line) => {
          const [, name = '', value = '', attributes = ''] = /^([^=]+)=([^;]*);?\s*(.*)$/.exec(line) ?? []
          return { name, value, attributes }
        })
        resolve({ text, status: `${response.statusCode ?? 0}${/^api$/m.test(text) ? ' api' : ''}`, location: response.headers.location ?? '', set })
      })
    })
    asked.on('error', reject).end()
  })
}

/** What a browser holds after the answer. */
function keep(jar: Jar, { set }: Answer): Map<string, string> {
  const next = new Map(jar)
  for (const { name, value } of set) if (value === 'deleted') next.delete(name)
    else next.set(name, value)
  return next
}
const pathOf = (url: string): string => new URL(url).pathname + new URL(url).search
const changed = (jar: Jar, name: string, value: string): Jar => new Map([...jar, [name, value]])

/** A browser that has asked for `path` and been sent away, and where it comes back to after `subject` has signed in. */
async function begin(subject: string, path = '/page?x=1'): Promise<{ readonly jar: Jar; readonly back: string; readonly first: Answer }> {
  const first = await ask(path)
  return { first, jar: keep(new Map(), first), back: pathOf(issuer.consent(first.location, subject)) }
}
async function signedIn(subject: string): Promise<Jar> {
  const { jar, back } = await begin(subject)
  return keep(jar, await ask(back, jar))
}

// --- the way in ---
const { first, jar, back } = await begin('alice')
const query = new URL(first.location).searchParams
results['somebody who has not signed in'] = first.status
results['what the issuer is asked'] = Object.fromEntries(['client_id', 'code_challenge_method', 'redirect_uri', 'response_type', 'scope', 'nonce'].map((name) => [name, query.get(name)]))
const callback = await ask(back, jar)
const session = keep(jar, callback)
results['who comes back'] = [callback.status, callback.location]
results['what the issuer was given'] = ['grant_type', 'client_id', 'redirect_uri'].map((name) => issuer.asked[0]?.get(name))
results['cookies'] = [...new Set([...first.set, ...callback.set].filter(({ value }) => value !== 'deleted').map(({ name, attributes }) => `${name.startsWith('__Host-')} ${attributes.replace(/Max-Age=\d+/, 'Max-Age').toLowerCase()}`))]
results['tokens in cookies'] = [...session.values()].filter((value) => value.startsWith('eyJ')).length
results['what is left of the way in'] = [...session.keys()].map((name) => name.replace('__Host-bulkhead-', '')).sort()
const page = await ask('/page?x=1', new Map([['mine', '1'], ...session, ['other', 'a b']]), { [identityHeader]: 'root', authorization: 'Bearer eve' })
results['somebody who has signed in'] = page.status
results['what the workload sees'] = page.text.split('\r\n').filter((line) => /^(cookie|authorization|x-bulkhead)/i.test(line)).map((line) => line.replace(/^cookie: (.*)$/, (_, all: string) => `cookie: ${all.split('; ').sort().join('; ')}`))

// --- wrong ways ---
const again = await begin('alice')
results['a code for the second time'] = (await ask(back, jar)).status
const mallory = await begin('mallory')
results['the way back of another browser'] = (await ask(mallory.back, again.jar)).status
results['the way back without a browser'] = (await ask(mallory.back)).status
const withCode = (url: string, code: string): string => url.replace(/code=[^&]*/, `code=${code}`)
results["somebody else's code"] = (await ask(withCode(again.back, new URLSearchParams(mallory.back.replace(/.*\?/, '')).get('code') ?? ''), again.jar)).status
results['a code that nobody gave'] = (await ask(withCode((await begin('alice')).back, 'guessed'), again.jar)).status
const state = JSON.parse(Buffer.from(new URLSearchParams(again.back.replace(/.*\?/, '')).get('state') ?? '', 'base64url').toString()) as Record<string, string>
const withState = (change: Readonly<Record<string, string>>): string => again.back.replace(/state=[^&]*/, `state=${Buffer.from(JSON.stringify({ ...state, ...change })).toString('base64url')}`)
results['a state with another proof'] = (await ask(withState({ csrf_token: `${state['flow_id']}.AAAA` }), again.jar)).status
const astray = await ask(withState({ url: 'https://evil.example.org/' }), again.jar)
results['a state that leads elsewhere'] = [astray.status, astray.location]
results['no state'] = (await ask(again.back.replace(/&?state=[^&]*/, ''), again.jar)).status
results['a token in place of a session'] = (await ask('/', new Map(), { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' })).status

const names = { seal: '__Host-bulkhead-seal', identity: '__Host-bulkhead-identity', expires: '__Host-bulkhead-expires', refresh: '__Host-bulkhead-refresh' }
const guest = await signedIn('guest')
const without = (of: Jar, name: string): Jar => new Map([...of].filter(([each]) => each !== name))
const short = without(session, names.refresh)
results['a forged seal'] = (await ask('/', changed(short, names.seal, Buffer.alloc(32).toString('base64')))).status
results['a session that was made longer'] = (await ask('/', changed(short, names.expires, '4000000000'))).status
results["somebody else's token in a session"] = (await ask('/', changed(without(guest, names.refresh), names.identity, session.get(names.identity) ?? ''))).status
results['a token in clear in a session'] = (await ask('/', changed(short, names.identity, 'eyJhbGciOiJub25lIn0.e30.'))).status
results['a session without its token'] = (await ask('/', without(short, names.identity))).status

// --- who they are ---
results['somebody without the role'] = (await ask('/', guest)).status
results['a token for another service'] = (await ask('/', await signedIn('elsewhere'))).status

// --- renewal, and leaving ---
const brief = await signedIn('brief')
await new Promise((later) => setTimeout(later, 1_500))
const renewed = await ask('/', brief)
results['a session that has run out'] = [renewed.status, issuer.asked.at(-1)?.get('grant_type'), renewed.set.some(({ name }) => name === names.seal)]
issuer.forget()
results['a session that the issuer does not renew'] = (await ask('/', brief)).status
const out = await ask('/oauth2/sign-out', session)
results['who signs out'] = [out.status, out.location, [...keep(session, out).keys()].length]

let lines = log('inbound')
for (const until = performance.now() + 5_000; performance.now() < until && !lines.some(({ path }) => path === '/oauth2/sign-out');) {
  await new Promise((later) => setTimeout(later, 100))
  lines = log('inbound')
}
const told = (status: number): readonly string[] => [...new Set(lines.filter(({ path, status: code }) => /^.oauth2/.test(String(path)) && code === status).map(({ details }) => String(details).replace(/[:?].*/, '')))].sort()
results['reasons in the record'] = { refused: told(401), done: told(302) }
const hidden = [secret, ...[...issuer.asked].flatMap((form) => ['code', 'code_verifier', 'refresh_token'].flatMap((name) => form.get(name) ?? [])), ...session.values()]
const written = ['access.jsonl', 'envoy.log', 'lds.json', 'cds.json'].map((name) => readFileSync(join(folder('inbound'), name), 'utf8')).join('\n')
results['secrets in files that are no secrets'] = hidden.filter((text) => text.length > 5 && written.includes(text)).length
process.stdout.write(JSON.stringify(results))
process.exit(0)

// visitor.mjs --authority FILE [--at ADDRESS] [--from ADDRESS] WHO/PATH...: visits the portal from outside with a browser of a few lines, and
// says what came of it, a line each. WHO is `nobody` (does not sign in), `ada` (a researcher), `grace` (a data steward), or somebody who tries to get in:
// `thief` has somebody else's way back, `guesser` a code that nobody gave, `forger` a state of his own, `copyist` cookies of his own and
// `bearer` a token of his own. FILE holds the authority of the portal's certificate.
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { parseArgs } from 'node:util'
import { names } from './names.mjs'

const { values, positionals } = parseArgs({
  options: { authority: { type: 'string' }, at: { type: 'string', default: '198.51.100.20' }, from: { type: 'string', default: '198.18.0.9' } }, allowPositionals: true,
})
const portal = 'https://portal.tre.example'

/** One request; `jar` gets the cookies that come with the answer. */
function ask(url, jar = new Map(), headers = {}) {
  const { hostname, pathname, search } = new URL(url)
  const ours = hostname === new URL(portal).hostname
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  const options = {
    host: ours ? values.at : names[hostname][0], servername: hostname, path: pathname + search, headers: { host: hostname, ...(ours && cookie !== '' ? { cookie } : {}), ...headers },
    ca: readFileSync(ours ? values.authority : '/etc/ssl/certs/ca-certificates.crt'), localAddress: values.from, agent: false, timeout: 8000,
  }
  return new Promise((done, fail) => {
    const asked = request(options, (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (part) => { text += part }).on('error', fail).on('end', () => {
        for (const line of response.headers['set-cookie'] ?? []) {
          const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
          if (value === 'deleted') jar.delete(name)
          else jar.set(name, value)
        }
        done({ status: response.statusCode, location: response.headers.location, text: text.trim() })
      })
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer'))).on('error', fail).end()
  })
}

/** Is sent to sign in, does so, and comes back: where to, and with which cookies. */
async function wayBack(user, path) {
  const jar = new Map()
  const { status, location } = await ask(portal + path, jar)
  if (status !== 302) throw new Error(`${status} in place of a sign-in`)
  const signedIn = await ask(`${location}&user=${user}`)
  if (signedIn.status !== 302) throw new Error(`the issuer says ${signedIn.status}`)
  return { jar, back: signedIn.location }
}

async function signedIn(user, path) {
  const { jar, back } = await wayBack(user, path)
  const { status, location, text } = await ask(back, jar)
  return status === 302 ? ask(location, jar) : { status, text }
}

function changed(url, name, value) {
  const other = new URL(url)
  other.searchParams.set(name, value)
  return other.href
}

const intruders = {
  nobody: (path) => ask(portal + path),
  thief: async (path) => ask((await wayBack('grace', path)).back, (await wayBack('ada', path)).jar),
  guesser: async (path) => {
    const { jar, back } = await wayBack('ada', path)
    return ask(changed(back, 'code', 'guessed'), jar)
  },
  forger: async (path) => {
    const { jar, back } = await wayBack('ada', path)
    return ask(changed(back, 'state', Buffer.from(JSON.stringify({ url: portal + path, csrf_token: 'forged', flow_id: 'forged' })).toString('base64url')), jar)
  },
  copyist: (path) => ask(portal + path, new Map(Object.entries({ '__Host-bulkhead-seal': 'forged', '__Host-bulkhead-expires': '4000000000', '__Host-bulkhead-identity': 'forged' }))),
  bearer: (path) => ask(portal + path, new Map(), { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' }),
}

async function visit(wanted) {
  const [who = ''] = wanted.split('/')
  const path = wanted.slice(who.length)
  try {
    const { status, text, location } = await (Object.hasOwn(intruders, who) ? intruders[who](path) : signedIn(who, path))
    return `${wanted} ${status} ${status === 302 ? `to ${location.replace(/\?.*/, '')}` : text}`
  } catch (error) {
    return `${wanted} refused: ${error.code ?? error.message}`
  }
}

for (const line of await Promise.all(positionals.map(visit))) console.log(line)

// visitor.mjs --authority FILE [--at ADDRESS] [--from ADDRESS] WHO/PATH...: asks the portal from outside, and says what it answers, a line each. WHO is
// `nobody` (no token), `researcher`, `steward`, `elsewhere` (a token for another service), `late` (one that has expired) or `forger`
// (one that somebody else has signed). FILE holds the authority of the portal's certificate.
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { parseArgs } from 'node:util'
import { issuer, token } from './issuer.mjs'
import { names } from './names.mjs'

const host = 'portal.tre.example'
const { values, positionals } = parseArgs({
  options: { authority: { type: 'string' }, at: { type: 'string', default: '198.51.100.20' }, from: { type: 'string', default: '198.18.0.9' } }, allowPositionals: true,
})
const people = {
  researcher: { subject: 'ada' },
  steward: { subject: 'grace', role: 'data-steward' },
  elsewhere: { subject: 'ada', audience: 'another.example' },
  late: { subject: 'ada', seconds: -600 },
}

function ask(address, name, path, authorities, headers = {}) {
  return new Promise((done, fail) => {
    const asked = request({ host: address, servername: name, path, headers: { host: name, ...headers }, ca: authorities, localAddress: values.from, agent: false, timeout: 8000 }, (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (part) => { text += part }).on('error', fail).on('end', () => done({ status: response.statusCode, text: text.trim() }))
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer'))).on('error', fail).end()
  })
}

async function tokenOf(who) {
  // Signed in the issuer's name with a key of our own.
  if (who === 'forger') return token({ subject: 'ada', audience: host, role: 'data-steward', seconds: 600 })
  const { hostname } = new URL(issuer)
  const { text } = await ask(names[hostname][0], hostname, `/token?${new URLSearchParams(people[who])}`, readFileSync('/etc/ssl/certs/ca-certificates.crt'))
  return JSON.parse(text).token
}

async function visit(wanted) {
  const [who = ''] = wanted.split('/')
  try {
    const headers = who === 'nobody' ? {} : { authorization: `Bearer ${await tokenOf(who)}` }
    const { status, text } = await ask(values.at, host, wanted.slice(who.length), readFileSync(values.authority), headers)
    return `${wanted} ${status} ${text}`
  } catch (error) {
    return `${wanted} refused: ${error.code ?? error.message}`
  }
}

for (const line of await Promise.all(positionals.map(visit))) console.log(line)

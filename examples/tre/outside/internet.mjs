// Plays the internet in a sandbox's `outside` namespace, where every address is local: answers with the address it was asked at.
// By TLS it is whoever it is asked for, among the names it has, with certificates of an authority that is made here and now and
// that the sandbox, and nothing beyond it, comes to trust.
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { certify } from './certificates.mjs'
import { answerIssuer, issuer } from './issuer.mjs'
import { names, serveNames } from './names.mjs'

const plain = (address) => (address ?? 'unknown').replace(/^::ffff:/, '')
const send = (response, answer) => response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(answer)}\n`)
const told = (port) => () => console.log(`the internet answers on tcp/${port}`)

function answer(request, response) {
  send(response, { askedAt: plain(request.socket.localAddress), by: plain(request.socket.remoteAddress), path: request.url })
}

async function signIn(request, response) {
  let form = ''
  for await (const part of request) form += part
  const { status, location, answer: said } = answerIssuer(new URL(request.url, issuer), form)
  response.writeHead(status, { 'content-type': 'application/json', ...(location === undefined ? {} : { location }) }).end(`${JSON.stringify(said ?? {})}\n`)
}

function answerByName(request, response) {
  const askedFor = request.socket.servername || undefined
  if (askedFor === new URL(issuer).hostname) signIn(request, response).catch(() => response.destroy())
  else send(response, { askedFor, askedAt: plain(request.socket.localAddress), by: plain(request.socket.remoteAddress), path: request.url })
}

for (const port of [80, 8080]) createServer(answer).listen(port, '::', told(port))
serveNames('198.51.100.53')
const { authority, certificate, key } = certify(Object.keys(names))
if (process.env.BULKHEAD_AUTHORITIES !== undefined) appendFileSync(process.env.BULKHEAD_AUTHORITIES, authority)
createSecureServer({ key, cert: certificate }, answerByName).listen(443, '::', told(443))

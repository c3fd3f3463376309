// What every service of this example shares: an HTTP server on all addresses, a patient client, one line of log when ready.
import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { request as requestByTls } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'

export const me = process.env.BULKHEAD_WORKLOAD ?? 'service'

/** The address as IPv4 where a dual-stack socket shows it mapped. */
export const plain = (address) => (address ?? 'unknown').replace(/^::ffff:/, '')

/** Serves `routes` (`'GET /path': (query, request) => value`); values are sent as JSON, errors as 502 with their message. */
export function serve(port, routes, ready = () => console.log(`${me} ready on tcp/${port}`)) {
  return createServer(async (incoming, response) => {
    const url = new URL(incoming.url, 'http://here')
    const route = routes[`${incoming.method} ${url.pathname}`] ?? routes[`${incoming.method} *`]
    const reply = (status, value) => {
      if (!response.headersSent) response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`)
    }
    if (route === undefined) return reply(404, { error: `nothing at ${url.pathname}` })
    try {
      const value = await route(url, incoming, response)
      if (value !== undefined) reply(200, value)
    } catch (error) {
      reply(502, { error: reason(error) })
    }
  }).listen(port, '::', ready)
}

/** One request; resolves to the parsed answer, rejects when there is none within `patience` milliseconds. */
export function call(url, { method = 'GET', body, patience = 2000 } = {}) {
  return new Promise((done, fail) => {
    const secure = url.startsWith('https:')
    // Read for each request: who is trusted may change.
    const trust = secure ? { ca: readFileSync('/etc/ssl/certs/ca-certificates.crt') } : {}
    const outgoing = (secure ? requestByTls : request)(url, { method, agent: false, timeout: patience, ...trust }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => { text += part }).on('error', fail).on('end', () => {
        try {
          const value = JSON.parse(text)
          if (response.statusCode >= 400) fail(new Error(value.error ?? `status ${response.statusCode}`))
          else done(value)
        } catch {
          fail(new Error(`no JSON from ${url}`))
        }
      })
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer'))).on('error', fail)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** Tries until it works, a little later each time (0.1 s to 2 s), and says once what it is waiting for. */
export async function patiently(what, attempt) {
  for (let wait = 100, told = false; ; wait = Math.min(wait * 2, 2000)) {
    try {
      return await attempt()
    } catch (error) {
      if (!told) console.log(`${me} waits for ${what}: ${reason(error)}`)
      told = true
      await pause(wait)
    }
  }
}

/** The shortest text that says why: a connection that tried several addresses hides its codes one level down. */
export function reason(error) {
  return error.errors?.[0]?.code ?? error.code ?? error.message
}

export async function bodyOf(incoming, limit = 65_536) {
  let text = ''
  for await (const part of incoming) {
    text += part
    if (text.length > limit) throw new Error('too long')
  }
  return JSON.parse(text)
}

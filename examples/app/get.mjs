// get.mjs URL... [--from ADDRESS] [--wait SECONDS]: what an http:// URL answers, whether tcp://HOST:PORT or udp://HOST:PORT does, or
// whose certificate tls://HOST:PORT shows.
// Several are asked at once and answered in order, each on a line with its URL. With --wait each is asked again until it answers.
// Exit code 1 when any of them gives no answer.
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { get } from 'node:http'
import { connect, isIP } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectByTls } from 'node:tls'
import { parseArgs } from 'node:util'

const { values, positionals: urls } = parseArgs({ options: { from: { type: 'string' }, wait: { type: 'string', default: '0' } }, allowPositionals: true })
const local = values.from === undefined ? {} : { localAddress: values.from }
const patience = 1500
const silence = () => Object.assign(new Error('silence'), { code: 'no answer' })

const ask = {
  'http:': (host, port, url) => new Promise((done, fail) => {
    const request = get({ host, port: port || 80, path: url.pathname + url.search, agent: false, timeout: patience, ...local }, (response) => {
      response.setEncoding('utf8')
      let body = ''
      response.on('data', (part) => { body += part }).on('end', () => done(body.trimEnd())).on('error', fail)
    })
    request.on('timeout', () => request.destroy(silence())).on('error', fail)
  }),
  'tcp:': (host, port) => new Promise((done, fail) => {
    const socket = connect({ host, port, ...local }, () => { socket.destroy(); done('connected') })
    socket.setTimeout(patience, () => socket.destroy(silence())).on('error', fail)
  }),
  'tls:': (host, port) => new Promise((done, fail) => {
    // Whom it shows is what is asked, not whether to trust it. An address is no name to ask for.
    const socket = connectByTls({ host, port, servername: isIP(host) ? '' : host, rejectUnauthorized: false, ...local }, () => {
      done(`certificate of ${socket.getPeerCertificate().subjectaltname ?? 'nobody'}`)
      socket.destroy()
    })
    socket.setTimeout(patience, () => socket.destroy(silence())).on('error', fail)
  }),
  'udp:': async (host, port) => {
    const { address, family } = await lookup(host)
    return new Promise((done, fail) => {
      const socket = createSocket(family === 4 ? 'udp4' : 'udp6')
      const end = (settle, value) => { clearTimeout(timer); socket.close(); settle(value) }
      const timer = setTimeout(() => end(fail, silence()), patience)
      socket.once('message', () => end(done, 'answered')).once('error', (error) => end(fail, error))
      socket.bind(0, values.from, () => socket.connect(port, address, () => socket.send('hello')))
    })
  },
}

async function answer(text) {
  const url = new URL(text)
  const asked = ask[url.protocol]
  if (asked === undefined) throw new Error(`not an http, tcp, tls or udp address: ${text}`)
  const until = performance.now() + Number(values.wait) * 1000
  for (;;) {
    try {
      return await asked(url.hostname.replace(/^\[|\]$/g, ''), Number(url.port), url)
    } catch (error) {
      if (performance.now() >= until) throw error
      await pause(100)
    }
  }
}

for (const [i, result] of (await Promise.allSettled(urls.map(answer))).entries()) {
  const refused = result.status === 'rejected'
  // A name with several addresses fails with one cause for each.
  const said = refused ? `refused: ${result.reason.errors?.[0]?.code ?? result.reason.code ?? result.reason.message}` : result.value
  console.log(urls.length > 1 ? `${urls[i]} ${said}` : said)
  if (refused) process.exitCode = 1
}

// get.mjs URL [--from ADDRESS]: prints what an http:// URL answers, or says that tcp://HOST:PORT or udp://HOST:PORT
// answered. Exit code 1, with the reason in one line, when nothing may or can answer.
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { get } from 'node:http'
import { connect } from 'node:net'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({ options: { from: { type: 'string' } }, allowPositionals: true })
const url = new URL(positionals[0] ?? 'http://localhost:8080/')
const host = url.hostname.replace(/^\[|\]$/g, '')
const local = values.from === undefined ? {} : { localAddress: values.from }
const patience = 3000

const ask = {
  'http:': () => new Promise((done, fail) => {
    const request = get({ host, port: Number(url.port || 80), path: url.pathname + url.search, agent: false, ...local }, (response) => {
      response.setEncoding('utf8')
      let body = ''
      response.on('data', (part) => { body += part }).on('end', () => done(body.trimEnd())).on('error', fail)
    })
    request.setTimeout(patience, () => request.destroy(Object.assign(new Error('no answer'), { code: 'no answer' }))).on('error', fail)
  }),
  'tcp:': () => new Promise((done, fail) => {
    const socket = connect({ host, port: Number(url.port), ...local }, () => { socket.destroy(); done('connected') })
    socket.setTimeout(patience, () => socket.destroy(Object.assign(new Error('no answer'), { code: 'no answer' }))).on('error', fail)
  }),
  'udp:': async () => {
    const { address, family } = await lookup(host)
    return new Promise((done, fail) => {
      const socket = createSocket(family === 4 ? 'udp4' : 'udp6')
      const timer = setTimeout(() => { socket.close(); fail(Object.assign(new Error('no answer'), { code: 'no answer' })) }, patience)
      const end = (settle) => (value) => { clearTimeout(timer); socket.close(); settle(value) }
      socket.once('message', end(() => done('answered'))).once('error', end(fail))
      socket.bind(0, values.from, () => socket.connect(Number(url.port), address, () => socket.send('hello')))
    })
  },
}

const wanted = ask[url.protocol]
if (wanted === undefined) {
  console.log(`get.mjs asks http://, tcp:// and udp:// addresses, not ${url.protocol}`)
  process.exit(2)
}
wanted().then(
  (text) => console.log(text),
  (error) => {
    console.log(`refused: ${error.errors?.[0]?.code ?? error.code ?? error.message}`)
    process.exitCode = 1
  },
)

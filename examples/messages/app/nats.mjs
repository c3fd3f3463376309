// A NATS client in as few lines as the protocol needs: text over mutual TLS, with the identity that every workload finds in its folder.
import { readFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectByTls } from 'node:tls'

const own = (name) => readFileSync(`/run/bulkhead/svid/${name}`, 'utf8')
/** Replies arrive below this: nobody else may listen there. */
export const inbox = `_INBOX.${(process.env.BULKHEAD_WORKLOAD ?? '').replace('/', '.')}`

/** `heard` is called with the subject, the text and the subject for a reply. Rejects with what the server said. */
export async function connect({ host = 'bus', port = 4222, heard = () => {} } = {}) {
  const socket = await secured(host, port)
  const waiting = []
  let said = ''
  let refused
  let number = 0
  const fail = (error) => waiting.splice(0).forEach(({ reject }) => reject(error))
  const take = () => {
    for (let end = said.indexOf('\r\n'); end >= 0; end = said.indexOf('\r\n')) {
      const [verb, ...words] = said.slice(0, end).split(' ')
      if (verb === 'MSG') {
        const size = Number(words.at(-1))
        if (said.length < end + 2 + size + 2) return
        heard(words[0], Buffer.from(said.slice(end + 2, end + 2 + size), 'latin1').toString(), words.length > 3 ? words[2] : undefined)
        end += size + 2
      } else if (verb === '-ERR') refused = new Error(words.join(' ').replace(/^'|'$/g, ''))
      else if (verb === 'PING') socket.write('PONG\r\n')
      else if (verb === 'PONG') waiting.shift()?.[refused === undefined ? 'resolve' : 'reject'](refused)
      said = said.slice(end + 2)
    }
  }
  socket.setEncoding('latin1').on('data', (text) => { said += text; take() })
  socket.on('error', (error) => fail(refused ?? error)).on('close', () => fail(refused ?? new Error('the connection has ended')))
  /** Until the server has dealt with all that was sent. */
  const settled = () => new Promise((resolve, reject) => { waiting.push({ resolve, reject }); socket.write('PING\r\n') })
  socket.write('CONNECT {"verbose":false,"pedantic":false,"tls_required":true,"lang":"example","version":"1","protocol":1}\r\n')
  await settled()
  return {
    subscribe: (subject) => { socket.write(`SUB ${subject} ${++number}\r\n`); return settled() },
    publish: (subject, text, reply = '') => { socket.write(`PUB ${subject} ${reply} ${Buffer.byteLength(text)}\r\n`); socket.write(`${text}\r\n`, 'utf8'); return settled() },
    close: () => socket.destroy(),
    ended: new Promise((resolve) => { socket.on('close', resolve) }),
  }
}

/** The same, for programs that stay: again and again, also when the connection has ended. */
export async function stay(options, work) {
  for (;;) {
    try {
      const client = await connect(options)
      await work(client)
      await client.ended
    } catch (error) {
      console.log(`waiting: ${error.code ?? error.message}`)
    }
    await pause(500)
  }
}

/** The server speaks first, in the clear, and says that it wants TLS. */
function secured(host, port) {
  return new Promise((resolve, reject) => {
    const plain = connectPlain({ host, port }).once('error', reject)
    plain.once('data', () => {
      // An SVID names an identity and no host; its chain is what counts here.
      const socket = connectByTls({ socket: plain, ca: own('bundle.pem'), cert: own('svid.pem'), key: own('svid_key.pem'), checkServerIdentity: () => undefined })
      socket.once('error', reject).once('secureConnect', () => resolve(socket.removeListener('error', reject)))
    })
  })
}

/** A NATS client in as few lines as the protocol needs: text over mutual TLS, one subscription number for each subject. */
import { connect as connectPlain } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { TLSSocket } from 'node:tls'

export interface Credentials {
  readonly ca: string
  /** Left out: no certificate is shown. */
  readonly cert?: string
  readonly key?: string
}

export interface Received {
  readonly subject: string
  readonly reply: string | undefined
  readonly text: string
}

export interface Client {
  readonly messages: readonly Received[]
  /** What the server complained of, in order. */
  readonly errors: readonly string[]
  readonly subscribe: (subject: string, queue?: string) => Promise<void>
  readonly publish: (subject: string, text: string, reply?: string) => Promise<void>
  /** Waits until the server has dealt with everything sent so far. */
  readonly flush: () => Promise<void>
  /** When the connection ended, by `performance.now()`. */
  readonly ended: Promise<number>
  readonly isOpen: () => boolean
  readonly close: () => void
}

/** Resolves when the server has accepted the client; rejects with what the server said otherwise. */
export async function connect(port: number, credentials: Credentials, host = '127.0.0.1'): Promise<Client> {
  const messages: Received[] = []
  const errors: string[] = []
  const waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  const socket = await secured(host, port, credentials)
  let open = true
  let pending = ''
  let subscriptions = 0
  let whenEnded: (at: number) => void = () => undefined
  const ended = new Promise<number>((resolve) => (whenEnded = resolve))

  function take(): void {
    for (;;) {
      const end = pending.indexOf('\r\n')
      if (end < 0) return
      const line = pending.slice(0, end)
      const [verb = '', ...words] = line.split(' ')
      if (verb === 'MSG') {
        const size = Number(words.at(-1))
        if (pending.length < end + 2 + size + 2) return
        messages.push({ subject: words[0] ?? '', reply: words.length > 3 ? words[2] : undefined, text: pending.slice(end + 2, end + 2 + size) })
        pending = pending.slice(end + 2 + size + 2)
        continue
      }
      pending = pending.slice(end + 2)
      if (verb === '-ERR') errors.push(words.join(' '))
      else if (verb === 'PING') socket.write('PONG\r\n')
      else if (verb === 'PONG') waiting.shift()?.resolve()
    }
  }

  socket.setEncoding('latin1').on('data', (text: string) => {
    pending += text
    take()
  })
  socket.on('error', (error) => errors.push(error.message))
  socket.on('close', () => {
    open = false
    whenEnded(performance.now())
    for (const { reject } of waiting.splice(0)) reject(new Error(errors.join('; ') || 'the connection has ended'))
  })

  const flush = (): Promise<void> => new Promise((resolve, reject) => {
    if (!open) return reject(new Error(errors.join('; ') || 'the connection has ended'))
    waiting.push({ resolve, reject })
    socket.write('PING\r\n')
  })
  socket.write('CONNECT {"verbose":false,"pedantic":false,"tls_required":true,"lang":"test","version":"1","protocol":1}\r\n')
  await flush()
  return {
    messages, errors, flush, ended,
    subscribe: (subject, queue) => {
      socket.write(`SUB ${subject} ${queue === undefined ? '' : `${queue} `}${++subscriptions}\r\n`)
      return flush()
    },
    publish: (subject, text, reply) => {
      socket.write(`PUB ${subject} ${reply === undefined ? '' : `${reply} `}${Buffer.byteLength(text)}\r\n${text}\r\n`)
      return flush()
    },
    isOpen: () => open,
    close: () => socket.destroy(),
  }
}

/** The server speaks first, in the clear, and says that it wants TLS. */
function secured(host: string, port: number, credentials: Credentials): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const plain = connectPlain({ host, port })
    plain.once('error', reject)
    plain.once('data', (info) => {
      if (!info.toString('latin1').startsWith('INFO ')) return reject(new Error('not a NATS server'))
      plain.removeListener('error', reject)
      // An SVID has no host name in it; its chain is what counts here.
      const socket = connectTls({ socket: plain, ...credentials, minVersion: 'TLSv1.2', checkServerIdentity: () => undefined })
      socket.once('error', reject)
      socket.once('secureConnect', () => {
        socket.removeListener('error', reject)
        resolve(socket)
      })
    })
  })
}

/** Clients of the inbound gateway that are slow, or send too much, while somebody else goes on; prints what came of each, as JSON. */
import { attacked, bystander, call, converse, statuses } from './gateway-attack-place.ts'
import { answerIn, fields, flags, frame, frameTypes, hello } from './http2-frames.ts'
import type { TLSSocket } from 'node:tls'

const place = await attacked(process.argv[2] ?? '')
const results: Record<string, unknown> = {}
const open = 'open.example.org'
const head = `GET /public/x HTTP/1.1\r\nHost: ${open}\r\n`

/** How it ended: the statuses that came, then `closed` or `kept` when the time was up. */
function watch(socket: TLSSocket, milliseconds: number, act: (socket: TLSSocket) => void): Promise<string> {
  return new Promise((done) => {
    let text = ''
    const timer = setTimeout(() => finish('kept'), milliseconds)
    const finish = (how: string): void => {
      clearTimeout(timer)
      socket.destroy()
      done([statuses(text === '' ? 'none' : text), how].filter(Boolean).join(' '))
    }
    socket.on('data', (part) => (text += part.toString('latin1')))
    socket.on('error', () => undefined).on('close', () => finish('closed'))
    socket.on('secureConnect', () => act(socket))
  })
}
const every = (milliseconds: number, act: () => void): void => void setInterval(act, milliseconds).unref()
const h1 = (act: (socket: TLSSocket) => void, milliseconds = 30_000): Promise<string> => watch(call({ sni: open }), milliseconds, act)
const h2 = (act: (socket: TLSSocket) => void, milliseconds = 20_000): Promise<string> => watch(call({ sni: open, more: { ALPNProtocols: ['h2'] } }), milliseconds, act)

const request = (stream: number): Buffer => frame(frameTypes.headers, flags.endHeaders | flags.endStream, stream, fields([[':method', 'GET'], [':scheme', 'https'], [':path', '/public/x'], [':authority', open]]))
/** Writes the same pieces again and again, as fast as they are taken, until the other side has had enough. */
function flood(socket: TLSSocket, piece: (i: number) => Buffer): void {
  let i = 0
  const more = (): void => {
    for (let n = 0; n < 200 && !socket.destroyed && i < 200_000; n++) if (!socket.write(piece(i++))) return void socket.once('drain', more)
    if (!socket.destroyed && i < 200_000) setImmediate(more)
  }
  more()
}

/** All of them at once, so that together they last no longer than the slowest; the bystander asks all the time. */
const tries: Readonly<Record<string, Promise<string>>> = {
  'heads that never end, a byte at a time': h1((socket) => {
    socket.write(head)
    every(500, () => void (socket.destroyed || socket.write('X')))
  }),
  'lines that never end, one at a time': h1((socket) => {
    socket.write(head)
    every(500, () => void (socket.destroyed || socket.write('X: y\r\n')))
  }),
  'a head of 40 KiB': h1((socket) => void socket.write(`${head}X: ${'x'.repeat(40 * 1024)}\r\n\r\n`)),
  'a head of 40 KiB in small lines': h1((socket) => void socket.write(head + `X: ${'x'.repeat(1000)}\r\n`.repeat(40) + '\r\n')),
  '150 headers': h1((socket) => void socket.write(head + Array.from({ length: 150 }, (_, i) => `X${i}: y\r\n`).join('') + '\r\n')),
  'a path of 40 KiB': h1((socket) => void socket.write(`GET /public/${'x'.repeat(40 * 1024)} HTTP/1.1\r\nHost: ${open}\r\n\r\n`)),
  'streams that are opened and reset': h2((socket) => {
    socket.write(hello)
    flood(socket, (i) => Buffer.concat([request(2 * i + 1), frame(frameTypes.reset, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8]))]))
  }),
  'a head in continuations without an end': h2((socket) => {
    socket.write(Buffer.concat([hello, frame(frameTypes.headers, 0, 1, fields([[':method', 'GET']]))]))
    flood(socket, () => frame(frameTypes.continuation, 0, 1, fields([['x', 'y'.repeat(100)]])))
  }),
  'empty continuations': h2((socket) => {
    socket.write(Buffer.concat([hello, frame(frameTypes.headers, 0, 1, fields([[':method', 'GET']]))]))
    flood(socket, () => frame(frameTypes.continuation, 0, 1))
  }),
  'settings without an end': h2((socket) => {
    socket.write(hello)
    flood(socket, () => frame(frameTypes.settings, 0, 0))
  }),
  'pings without an end': h2((socket) => {
    socket.write(hello)
    flood(socket, () => frame(frameTypes.ping, 0, 0, Buffer.alloc(8)))
  }),
  'empty data without an end': h2((socket) => {
    socket.write(Buffer.concat([hello, frame(frameTypes.headers, flags.endHeaders, 1, fields([[':method', 'POST'], [':scheme', 'https'], [':path', '/public/x'], [':authority', open]]))]))
    flood(socket, () => frame(frameTypes.data, 0, 1))
  }),
  'priorities without an end': h2((socket) => {
    socket.write(hello)
    flood(socket, (i) => frame(frameTypes.priority, 0, 2 * i + 1, Buffer.from([0, 0, 0, 0, 1])))
  }),
}

/** Bodies that come a byte at a time, and answers that nobody reads: they stay, and cost nobody else anything. */
const lingering = Array.from({ length: 100 }, (_, i) => {
  const socket = call({ sni: open })
  socket.on('error', () => undefined)
  if (i % 2 === 0) {
    socket.write(`POST /public/slow HTTP/1.1\r\nHost: ${open}\r\nContent-Length: 1000\r\n\r\n`)
    every(500, () => void (socket.destroyed || socket.write('x')))
  } else {
    socket.pause()
    socket.write(`${head}\r\n`.repeat(500))
  }
  return socket
})
const attack = Promise.all(Object.entries(tries).map(async ([name, outcome]) => [name, await outcome] as const))
let running = true
const answers: string[] = []
const asking = (async () => {
  while (running) answers.push(await converse(open, `${head}\r\n`, undefined, { source: bystander }))
})()
results['attacks'] = Object.fromEntries(await attack)
running = false
await asking
for (const socket of lingering) socket.destroy()
results['somebody else meanwhile'] = { answers: [...new Set(answers)], some: answers.length > 3 }
results['heads that reached a workload without their end'] = place.web.ever().filter((bytes) => bytes !== '' && !bytes.includes('\r\n\r\n')).length
results['streams of 150 headers'] = await new Promise((done) => {
  const socket = call({ sni: open, more: { ALPNProtocols: ['h2'] } })
  let heard = Buffer.alloc(0)
  socket.on('error', () => done('error')).on('close', () => done('closed')).on('data', (part) => {
    heard = Buffer.concat([heard, part])
    const answer = answerIn(heard).streams['1']
    if (answer !== undefined) done(answer)
  })
  socket.on('secureConnect', () => socket.write(Buffer.concat([hello, frame(frameTypes.headers, flags.endHeaders | flags.endStream, 1, fields([[':method', 'GET'], [':scheme', 'https'], [':path', '/public/x'], [':authority', open], ...Array.from({ length: 150 }, (_, i) => [`x${i}`, 'y'] as const)]))])))
})
process.stdout.write(JSON.stringify(results))
process.exit(0)

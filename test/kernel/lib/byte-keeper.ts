/** A server in the place of a workload that keeps every byte it was sent, and answers requests with its name. */
import { createServer } from 'node:net'

export interface ByteKeeper {
  /** What each connection since the last `forget` has sent; those that sent nothing are empty texts. */
  readonly connections: () => readonly string[]
  readonly forget: () => void
  /** The same since the beginning. */
  readonly ever: () => readonly string[]
}

export function keepBytes(address: string, port: number, name: string): Promise<ByteKeeper> {
  let kept: { bytes: string }[] = []
  const all: { bytes: string }[] = []
  const server = createServer((socket) => {
    let mine = { bytes: '' }
    let waiting = ''
    kept.push(mine)
    all.push(mine)
    socket.on('error', () => undefined).on('data', (part) => {
      if (!kept.includes(mine)) {
        kept.push((mine = { bytes: '' }))
        all.push(mine)
      }
      mine.bytes += part.toString('latin1')
      waiting += part.toString('latin1')
      if (!/^[A-Z]+ \S+ HTTP/.test(waiting)) return void socket.write(`${name}: ${waiting}`, 'latin1', () => (waiting = ''))
      for (let head = headOf(waiting); head !== undefined; head = headOf(waiting)) {
        waiting = waiting.slice(head.whole)
        socket.write(head.upgrade ? 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n' : `HTTP/1.1 200 OK\r\ncontent-length: ${name.length + 1}\r\n\r\n${name}\n`)
      }
    })
  })
  const keeper: ByteKeeper = { connections: () => kept.map(({ bytes }) => bytes), ever: () => all.map(({ bytes }) => bytes), forget: () => (kept = []) }
  return new Promise((ready) => server.listen(port, address, () => ready(keeper)))
}

/** The first request, once all of it is there. */
function headOf(text: string): { readonly whole: number; readonly upgrade: boolean } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end)
  const upgrade = /\r\nupgrade: websocket/i.test(head)
  if (/\r\ntransfer-encoding: chunked/i.test(head)) {
    const last = text.indexOf('0\r\n\r\n', end + 4)
    return last < 0 ? undefined : { whole: last + 5, upgrade }
  }
  const whole = end + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
  return text.length < whole ? undefined : { whole, upgrade }
}

import { createSocket } from 'node:dgram'
import { appendFileSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { isIP } from 'node:net'
import { decode, encode, RECURSION_AVAILABLE } from 'dns-packet'
import type { TLSSocket } from 'node:tls'
import type { Answer } from 'dns-packet'
import type { IncomingMessage, ServerResponse } from 'node:http'

const { nameServer, key, certificate, log, namesFile } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as {
  readonly namesFile: string; readonly nameServer: string; readonly key: string; readonly certificate: string; readonly log: string
}
/** Read for each question, since a test may make a name lead elsewhere. */
const namesNow = (): Readonly<Record<string, readonly string[]>> => JSON.parse(readFileSync(namesFile, 'utf8')) as Readonly<Record<string, readonly string[]>>

const udp = createSocket('udp4')
udp.on('message', (message, from) => {
  const { id, questions } = decode(message)
  const [question] = questions ?? []
  if (question === undefined) return
  appendFileSync(log, `${question.name} ${question.type}\n`)
  const names = namesNow()
  const there = names[question.name.toLowerCase()]
  const answers = answersTo(question.name, question.type, names, there ?? [])
  const flags = RECURSION_AVAILABLE | (there === undefined ? 3 : 0)
  udp.send(encode({ type: 'response', id: id ?? 0, flags, questions: [question], answers }), from.port, from.address)
})
// From the address that was asked: everything is local here, and the kernel would choose another one.
udp.bind(53, nameServer)

/** What is no address is an alias. */
function answersTo(name: string, type: string, names: Readonly<Record<string, readonly string[]>>, to: readonly string[]): Answer[] {
  return to.flatMap((data): Answer[] => {
    if (isIP(data) === 0) return [{ type: 'CNAME', name, ttl: 5, data }, ...answersTo(data, type, names, names[data] ?? [])]
    const own = isIP(data) === 6 ? 'AAAA' : 'A'
    return own === type ? [{ type: own, name, ttl: 5, data }] : []
  })
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const asked = (request.socket as Partial<TLSSocket>).servername ?? 'plain'
  // One that never ends: for connections that are to be cut.
  if (request.url === '/slow') {
    response.write('begun\n')
    const timer = setInterval(() => response.write('.\n'), 100)
    response.on('close', () => clearInterval(timer))
  } else response.end(`${request.method ?? ''} ${request.headers.host ?? ''}${request.url ?? ''} as ${String(asked)} at ${request.socket.localAddress ?? ''}\n`)
}

createServer(answer).listen(80, '::')
createSecureServer({ key: readFileSync(key), cert: readFileSync(certificate) }, answer).listen(443, '::')

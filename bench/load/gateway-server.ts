/**
 * What stands behind gateways: answers every request, and the first bytes of every other connection and all that follow, with one short
 * text that ends with `~`. It is also the resolver: every name is at the one address. `gateway-server.ts ADDRESS RESOLVER PORT...`
 */
import { createServer } from 'node:net'
import { createSocket } from 'node:dgram'
import dns from 'dns-packet'

const [, , address = '', resolver = '', ...ports] = process.argv
const body = `${'x'.repeat(63)}~`
const response = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
const bytes = Buffer.from(body)

for (const port of ports.map(Number)) {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy()).on('data', (part) => void socket.write(part[0] === 0x47 ? response : bytes))
  })
  await new Promise<void>((listening) => server.listen({ port, host: '0.0.0.0', backlog: 4096 }, listening))
}

const names = createSocket('udp4')
names.on('message', (message, from) => {
  const { id = 0, questions = [] } = dns.decode(message)
  const answers = questions.flatMap(({ name, type }) => (type === 'A' ? [{ type: 'A', name, ttl: 3600, data: address } as const] : []))
  names.send(dns.encode({ type: 'response', id, questions, answers }), from.port, from.address)
})
names.bind(53, resolver, () => void process.stdout.write('ready\n'))

// A small server for the examples. Each argument is a port: `8080` answers HTTP, `udp:8125` echoes datagrams.
// It listens on every address of the sandbox, IPv4 and IPv6.
import { createServer } from 'node:http'
import { createSocket } from 'node:dgram'

const me = process.env.BULKHEAD_WORKLOAD ?? 'server'
const plain = (address) => address.replace(/^::ffff:/, '')

for (const argument of process.argv.slice(2)) {
  const [port, protocol] = argument.startsWith('udp:') ? [Number(argument.slice(4)), 'udp'] : [Number(argument), 'tcp']
  const ready = () => console.log(`${me} ready on ${protocol}/${port}`)
  if (protocol === 'tcp') {
    createServer((request, response) => response.end(`${me} to ${plain(request.socket.remoteAddress)}: hello\n`)).listen(port, '::', ready)
  } else {
    const socket = createSocket('udp6')
    socket.on('message', (message, from) => socket.send(message, from.port, from.address))
    socket.bind(port, '::', ready)
  }
}

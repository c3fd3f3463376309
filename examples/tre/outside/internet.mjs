// Plays the internet in a sandbox's `outside` namespace, where every address is local: answers with the address it was asked at.
import { createServer } from 'node:http'

const plain = (address) => (address ?? 'unknown').replace(/^::ffff:/, '')

for (const port of [80, 443, 8080]) {
  createServer((request, response) => {
    const answer = { askedAt: plain(request.socket.localAddress), by: plain(request.socket.remoteAddress), path: request.url }
    response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(answer)}\n`)
  }).listen(port, '::', () => console.log(`the internet answers on tcp/${port}`))
}

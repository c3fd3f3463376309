// Plays the name servers of the internet: knows a handful of names, and says of all others that there are none.
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { AUTHORITATIVE_ANSWER, decode, encode, streamDecode, streamEncode } from 'dns-packet'

const noSuchName = 3

export const names = {
  'files.pythonhosted.org': ['203.0.113.11', '2001:db8:113:1::11'],
  'licence.vendor.example': ['203.0.113.70', '2001:db8:113:2::70'],
  'login.tre.example': ['203.0.113.140', '2001:db8:113:3::140'],
  'pypi.org': ['203.0.113.10', '2001:db8:113:1::10'],
}

export function reply({ id, questions: [question] }) {
  const found = Object.hasOwn(names, question.name.toLowerCase()) ? names[question.name.toLowerCase()] : undefined
  const answers = (found ?? [])
    .map((data) => ({ name: question.name, type: data.includes(':') ? 'AAAA' : 'A', ttl: 60, data }))
    .filter((answer) => answer.type === question.type)
  return { type: 'response', id, flags: AUTHORITATIVE_ANSWER | (found === undefined ? noSuchName : 0), questions: [question], answers }
}

/** Answers at this one address, by UDP and TCP. */
export function serveNames(address) {
  const socket = createSocket('udp4')
  socket.on('message', (message, from) => socket.send(encode(reply(decode(message))), from.port, from.address))
  // Every address is local here: bound to none in particular, the kernel would answer from another one.
  socket.bind(53, address)
  createServer((connection) => {
    connection.on('error', () => connection.destroy())
    connection.once('data', (message) => connection.end(streamEncode(reply(streamDecode(message)))))
  }).listen(53, address)
}

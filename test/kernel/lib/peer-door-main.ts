/** What plays another platform's gateway outside: shows the certificate that stands in a folder at each connection, and writes down who came and what he said. */
import { appendFileSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { TLSSocket, createSecureContext } from 'node:tls'

const [folder = '', port = ''] = process.argv.slice(2)
const text = (name: string): string => readFileSync(join(folder, name), 'utf8')
const note = (line: string): void => appendFileSync(join(folder, 'heard'), `${line}\n`)

createServer((socket) => {
  const shown = text('shown.pem')
  socket.on('error', () => undefined)
  // As where no path has the name.
  if (shown === '') return socket.destroy()
  const tls = new TLSSocket(socket, {
    isServer: true, minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: false, cert: shown, key: text('shown-key.pem'),
    SNICallback: (name, done) => {
      note(`name ${name}`)
      done(null, createSecureContext({ cert: shown, key: text('shown-key.pem') }))
    },
  })
  tls.on('error', () => undefined)
  tls.on('secure', () => {
    const { subjectaltname: shows } = tls.getPeerCertificate()
    if (shows !== undefined) note(`certificate ${shows}`)
  })
  tls.on('data', (said: Buffer) => note(`said ${said.length}`))
}).listen(Number(port), '::')

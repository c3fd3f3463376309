/** Tries the door of other gateways: whose certificate is shown there, and whether whoever has no right to come in is turned away. */
import { connect as dial } from 'node:net'
import { connect } from 'node:tls'
import type { DoorProbe, ProbeResult } from './probe.ts'

/** Who has not been turned away by then has been let in. */
const turnedAwayMs = 10_000

/** `greeting`: only the server's certificate is asked for, and nothing more is said. */
export async function tryDoor({ id, address, localAddress, port, sni, shows, believes, greeting }: DoorProbe & { readonly greeting: boolean }, connectMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<Omit<ProbeResult, 'id'>>()
  const tcp = dial({ host: address, port, ...(localAddress === undefined ? {} : { localAddress }) })
  const socket = connect({
    socket: tcp, servername: sni, minVersion: 'TLSv1.3', ca: believes, rejectUnauthorized: false, checkServerIdentity: () => undefined,
    ...(shows === undefined ? {} : { cert: shows.chain, key: shows.key }),
  })
  let timer = setTimeout(() => resolve({ outcome: 'silent', detail: '' }), connectMs)
  socket.on('secureConnect', () => {
    const names = socket.getPeerCertificate().subjectaltname ?? ''
    if (greeting) return resolve({ outcome: 'open', detail: socket.authorized ? names.replace(/^URI:/, '') : `${names} by an authority that is not believed` })
    clearTimeout(timer)
    timer = setTimeout(() => resolve({ outcome: 'open', detail: 'was not turned away' }), turnedAwayMs)
  })
  // Gateways that only lead on say nothing of their own.
  socket.on('data', () => resolve({ outcome: 'open', detail: 'a workload answered' }))
  for (const each of [tcp, socket]) {
    each.on('error', (error: NodeJS.ErrnoException) => resolve({ outcome: 'refused', detail: error.code ?? error.message }))
    each.on('close', () => resolve({ outcome: 'refused', detail: 'closed' }))
  }
  const result = await promise
  clearTimeout(timer)
  socket.destroy()
  tcp.destroy()
  return { id, ...result }
}

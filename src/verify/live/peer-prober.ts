/** Tries the ways to other platforms: whether an address that stands for a workload over there leads on, and whose certificate the gateway there shows. */
import { connect } from 'node:net'
import { tryDoor } from './door-prober.ts'
import type { PeerProbe, ProbeResult, ReachProbe } from './probe.ts'

/** `open`: somebody has taken the connection. Nothing is sent. */
export async function tryReach({ id, address, port }: ReachProbe, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>()
  const socket = connect({ host: address, port })
  const timer = setTimeout(() => resolve({ id, outcome: 'silent', detail: '' }), timeoutMs)
  socket.on('connect', () => resolve({ id, outcome: 'open', detail: '' }))
  socket.on('error', (error: NodeJS.ErrnoException) => resolve({ id, outcome: 'refused', detail: error.code ?? error.message }))
  const result = await promise
  clearTimeout(timer)
  socket.destroy()
  return result
}

/** `open` with whose certificate is shown; `other` with the reason where none is: what is closed over there, or is not there, is not ours to judge. */
export async function tryPeer({ id, host, port, sni, trustDomain, believes }: PeerProbe, addressOf: (name: string) => Promise<string | undefined>, connectMs: number): Promise<ProbeResult> {
  const other = (detail: string): ProbeResult => ({ id, outcome: 'other', detail })
  if (believes === undefined) return other(`no trust bundle of \`${trustDomain}\` is held`)
  const address = /^[0-9.]+$|:/.test(host) ? host : await addressOf(host)
  if (address === undefined) return other(`the gateway \`${host}\` has no address`)
  const result = await tryDoor({ id, address, port, sni, shows: undefined, believes, greeting: true }, connectMs)
  if (result.outcome === 'open') return result
  if (result.outcome === 'silent' || /^E(?:CONNREFUSED|HOSTUNREACH|NETUNREACH|TIMEDOUT)$/.test(result.detail)) return other(`the gateway \`${host}\` does not answer at port ${port}`)
  return other(`the gateway \`${host}\` shows no certificate (${result.detail}): it has no such path, or not yet`)
}

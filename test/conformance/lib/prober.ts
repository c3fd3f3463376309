/** A process inside a pod that serves on all its ports and tries others' when it is told to. */
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { start } from '../../../src/base/process.ts'

const program = fileURLToPath(new URL('../../../bin/bulkhead', import.meta.url))

export interface Prober {
  /** The pods among the targets that answered. */
  readonly reach: (protocol: 'tcp' | 'udp', port: number, targets: readonly { readonly pod: string; readonly address: string }[]) => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

/**
 * Serves its own name; an answer counts only when it is the name that was asked for. A refusal by the kernel ends a try at
 * once; silence, after a second.
 */
const script = `
const net = require('net'), dgram = require('dgram'), me = process.argv[1], ports = JSON.parse(process.argv[2])
for (const p of ports) {
  net.createServer(s => { s.on('error', () => {}); s.end(me) }).listen(p, '::')
  const u = dgram.createSocket('udp6'); u.on('message', (_, from) => u.send(me, from.port, from.address, () => {})); u.bind(p, '::')
}
const tcp = (t, port) => new Promise(done => {
  let heard = ''
  const s = net.connect({ host: t.address, port })
  const end = () => { s.destroy(); done(heard === t.pod) }
  s.setTimeout(1500, end); s.on('data', d => heard += d); s.on('end', end); s.on('error', end)
})
const udp = (t, port) => new Promise(done => {
  const s = dgram.createSocket('udp4')
  let tries = 0
  const end = ok => { clearInterval(timer); try { s.close() } catch {} done(ok) }
  const timer = setInterval(() => ++tries > 4 ? end(false) : s.send('?', () => {}), 250)
  s.on('message', m => end(String(m) === t.pod)); s.on('error', () => end(false))
  s.connect(port, t.address, () => s.send('?', () => {}))
})
require('readline').createInterface({ input: process.stdin }).on('line', async line => {
  const { protocol, port, targets } = JSON.parse(line)
  const found = await Promise.all(targets.map(t => (protocol === 'tcp' ? tcp : udp)(t, port)))
  console.log(JSON.stringify(targets.filter((_, i) => found[i]).map(t => t.pod)))
}).on('close', () => process.exit())
console.log('ready')
`

export async function openProber(state: string, pod: string, ports: readonly number[]): Promise<Prober> {
  const child = start([program, 'exec', pod, '--', 'node', '-e', script, pod, JSON.stringify(ports)], { env: { ...process.env, BULKHEAD_STATE: state }, stdio: ['pipe', 'pipe', 'inherit'] })
  if (child.stdout === null || child.stdin === null) throw new Error('the prober has no pipes')
  const { stdin } = child
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`the prober of ${pod} ended`)
    return value
  }
  const first = await next()
  if (first !== 'ready') throw new Error(`the prober of ${pod} says ${first}`)
  return {
    reach: async (protocol, port, targets) => {
      stdin.write(`${JSON.stringify({ protocol, port, targets })}\n`)
      return JSON.parse(await next()) as readonly string[]
    },
    close: () => new Promise((resolve) => {
      child.once('close', () => resolve())
      stdin.end()
      child.kill('SIGTERM')
    }),
  }
}

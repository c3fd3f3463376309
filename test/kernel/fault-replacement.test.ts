/** The whole table takes the place of another under traffic, as at every takeover by another agent: what is permitted may lose a packet, and is never refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { render } from '../../src/engines/nftables/render.ts'
import { lowered, path } from '../../src/engines/nftables/testing.ts'
import { formatAddress } from '../../src/net/address.ts'
import { said } from './lib/instance.ts'
import { openRouter } from './lib/router.ts'

const replacements = 40

const server = 'for (const p of [5432, 5500]) require("net").createServer({ noDelay: true }, (s) => { s.on("error", () => {}); s.pipe(s) }).listen(p, "::", () => console.log("listening"))'

/** As fast as it can, one byte there and back, until stdin ends; each end that nobody asked for is told. */
const client = (host: string, port: number): string => `
  const s = require('net').connect({ host: '${host}', port: ${port}, noDelay: true })
  let trips = 0
  s.on('connect', () => { console.log('connected'); s.write('x') })
  s.on('data', () => { trips++; s.write('x') })
  s.on('error', (e) => console.log('ended by', e.code))
  process.stdin.on('data', () => {}).on('end', () => { console.log('trips', trips > 0 ? 'some' : 'none'); process.exit() })`

/** One connection after the other. */
const opener = (host: string, port: number): string => `
  let stop = false
  process.stdin.on('data', () => {}).on('end', () => { stop = true; console.log('trips some'); process.exit() })
  console.log('connected')
  const next = () => require('net').connect({ host: '${host}', port: ${port} }).on('connect', function () { this.destroy(); next() }).on('error', (e) => { console.log('ended by', e.code); next() })
  next()`

test('connections by port and by range live on while the table is replaced, and new ones are not refused', async () => {
  const paths = [path('e/a', 'e/b', 'tcp 5432'), path('e/a', 'e/b', 'tcp 5500-5600'), ...Array.from({ length: 500 }, (_, i) => path('e/b', 'e/a', `udp ${i + 1}`))]
  const { atoms, inventory } = lowered({ workloads: ['e/a', 'e/b'], externals: {}, paths }, Date.now())
  const whole = (): string => render(atoms, inventory, { now: Date.now() })
  const stacks = inventory.attachments.map((a) => ({ name: a.interface, addresses: [formatAddress(a.ipv4), formatAddress(a.ipv6)] as const }))
  const router = await openRouter(inventory, [], whole, stacks)
  const started: ReturnType<typeof router.sandbox.start>[] = []
  try {
    const [a, b] = ['e/a', 'e/b'].map((workload) => inventory.attachments.find((each) => each.workload === workload))
    assert.ok(a !== undefined && b !== undefined)
    const inside = (netns: string, script: string): (typeof started)[number] => {
      const child = router.sandbox.start(['ip', 'netns', 'exec', netns, process.execPath, '-e', script])
      started.push(child)
      return child
    }
    const serving = inside(b.interface, server)
    await said(serving, /listening\nlistening/, 60_000)
    const [v4, v6] = [formatAddress(b.ipv4), formatAddress(b.ipv6)]
    const clients = [client(v4, 5432), client(v6, 5432), client(v4, 5500), client(v6, 5500), opener(v4, 5500)].map((script) => inside(a.interface, script))
    const heard = clients.map((each) => said(each, /trips \w+\n/, 120_000))
    await Promise.all(clients.map((each) => said(each, /connected/, 60_000)))
    for (let i = 0; i < replacements; i++) await router.apply(whole())
    for (const each of clients) each.stdin?.end()
    for (const text of await Promise.all(heard)) assert.equal(text, 'connected\ntrips some\n')
    assert.deepEqual(await router.refused(), {})
  } finally {
    for (const child of started) child.kill('SIGKILL')
    await router.close()
  }
})

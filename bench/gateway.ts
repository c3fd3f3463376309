/**
 * What gateways cost: Envoy with the configuration that Bulkhead renders for more and more policies, beside one that somebody writes by
 * hand who has no policy, the same with the records that Bulkhead keeps, the same as strict with requests as well, and no gateway at
 * all. Every round measures all of them, one after the other; the processor time is that of the Envoy alone, so that the client's own
 * work is no part of it.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { findEnvoy, withoutEnvoy } from '../src/engines/envoy/binary.ts'
import { attach, helper, processorMs, residentMib, routing, startGateway, startPlain } from './lib/gateways.ts'
import { filesFor, hostOf, nameOf, outside, pathOf, platformWith, resolverAddress, workloadAddress, workloadPort } from './lib/gateway-policies.ts'
import { gatewayLines } from './lib/gateway-report.ts'
import { insideNamespaces } from './lib/namespaces.ts'
import { losers, revoke } from './lib/gateway-changes.ts'
import { numbers, option, quick, report } from './lib/results.ts'
import { plainEnvoy, plainPort } from './lib/plain-envoy.ts'
import type { Direction } from './lib/gateway-policies.ts'
import type { Measured, Side } from './lib/gateway-report.ts'
import type { Order, Took } from './load/gateway-client.ts'
import type { Platform } from '../src/model/platform.ts'

const envoy = findEnvoy()
if (envoy === undefined) {
  process.stderr.write(`${withoutEnvoy}\n`)
  process.exit(1)
}
insideNamespaces()

const sizes = numbers('policies', quick ? [10, 1_000] : [10, 1_000, 10_000])
const rounds = Number(option('rounds') ?? (quick ? 2 : 5))
const ms = Number(option('seconds') ?? (quick ? 0.2 : 0.4)) * 1000
const revocations = Number(option('revocations') ?? (quick ? 3 : 40))
const changing = sizes.includes(1_000) ? 1_000 : Math.max(...sizes)
const server = '198.51.100.200'
const busy = 8
const opening = 4

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const progress = (text: string): void => void process.stderr.write(`\r${text}, ${Math.round(performance.now() / 1000)} s      `)

/** In the middle of its list, so that a list that is walked is walked half way. Who asks and who answers are two. */
const asker = (count: number): number => Math.floor(count / 10)
const answerer = (count: number): number => asker(count) - 1

execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2', '-subj', '/CN=bench'], { cwd: folder, stdio: 'ignore' })
const certificate = { chain: readFileSync(join(folder, 'cert.pem'), 'utf8'), key: readFileSync(join(folder, 'key.pem'), 'utf8') }

/** What a client that speaks TLS says first. The gateway reads no more of it, so nothing else of TLS has to be spoken here. */
const hellos = new Map<string, Promise<string>>()
function hello(servername: string): Promise<string> {
  const known = hellos.get(servername) ?? new Promise<string>((heard) => {
    const listening = createServer((socket) => socket.on('error', () => undefined).once('data', (part) => {
      heard(part.toString('base64'))
      socket.destroy()
      listening.close()
    }))
    listening.listen(0, '127.0.0.1', () => void connect({ host: '127.0.0.1', port: (listening.address() as { port: number }).port, servername }).on('error', () => undefined))
  })
  hellos.set(servername, known)
  return known
}

const get = (host: string, path: string): string => Buffer.from(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`).toString('base64')
const order = (mode: Order['mode'], from: string, to: string, port: number, send: string, tls?: string): Omit<Order, 'parallel' | 'ms'> => ({ mode, from, to, port, send, tls })

routing()
// An address is either a client's or a server's.
const which = losers(changing, revocations).filter((of) => !sizes.map(answerer).includes(of))
const inEach = (of: (count: number) => number): readonly string[] => sizes.map((count) => workloadAddress(of(count)))
attach('client', [...new Set([outside.client, ...inEach(asker), ...which.map(workloadAddress)])])
attach('server', [...new Set([server, resolverAddress, ...inEach(answerer)])])
await helper('server', 'gateway-server.ts', server, resolverAddress, '80', '443', String(workloadPort)).ready()

let gateways = 0
const sides: Side[] = []
let changed: { readonly platform: Platform; readonly side: Side; readonly led: string } | undefined

/** A gateway's namespace. `led`: what is sent to this address comes to its Envoy. */
function nextGateway(plainPort?: number): { readonly netns: string; readonly own: string; readonly led: string; readonly folder: string } {
  gateways++
  const place = { netns: `gw${gateways}`, own: `192.0.2.${gateways}`, led: `198.51.100.${gateways}`, folder: join(folder, `gw${gateways}`) }
  attach(place.netns, [place.own], place.led, plainPort)
  return place
}

async function addSides(direction: Direction): Promise<void> {
  const [first = 10] = sizes
  const orders = async (count: number, own: string, led: string): Promise<Side['orders']> => direction === 'outbound'
    ? { requests: order('requests', workloadAddress(asker(count)), led, 80, get(nameOf(asker(count), 2), '/x')), connects: order('connects', workloadAddress(asker(count)), led, 443, await hello(nameOf(asker(count), 2))) }
    : { requests: order('requests', outside.client, own, 443, get(hostOf(answerer(count)), `${pathOf(2)}x`), hostOf(answerer(count))), connects: order('connects', outside.client, own, 443, get(hostOf(answerer(count)), `${pathOf(2)}x`), hostOf(answerer(count))) }
  const directly = direction === 'outbound' ? await orders(first, server, server) : { requests: order('requests', outside.client, server, workloadPort, get('any', '/')), connects: order('connects', outside.client, server, workloadPort, get('any', '/')) }
  sides.push({ direction, name: 'direct', kind: 'direct', orders: directly, running: undefined, files: undefined, rounds: [] })
  for (const [kind, name] of [['plain', 'plain Envoy'], ['recording', 'plain Envoy with records'], ['hardened', 'plain Envoy, strict, with records']] as const) {
    const { netns, own, led, folder: at } = nextGateway(plainPort)
    progress(`starting ${netns}`)
    const running = await startPlain(envoy ?? '', netns, at, plainEnvoy(direction, { folder: at, records: kind !== 'plain', hardened: kind === 'hardened', certificate, workload: server }))
    sides.push({ direction, name, kind, orders: await orders(first, own, led), running, files: undefined, rounds: [] })
  }
  for (const count of sizes) {
    const { netns, own, led, folder: at } = nextGateway()
    const name = `${count.toLocaleString('en-US')} policies`
    progress(`starting ${direction}, ${name}`)
    const platform = platformWith(count, direction)
    const began = performance.now()
    const files = filesFor(platform, direction, at)
    const rendered = performance.now() - began
    const running = await startGateway(envoy ?? '', netns, at, files, certificate)
    const bytes = [...files.files.values()].reduce((sum, text) => sum + text.length, 0)
    const side: Side = { direction, name, kind: 'bulkhead', orders: await orders(count, own, led), running, files: { bytes, renderMs: rendered }, rounds: [] }
    sides.push(side)
    if (direction === 'outbound' && count === changing) changed = { platform, side, led }
  }
}

await addSides('outbound')
await addSides('inbound')

const client = helper('client', 'gateway-client.ts')

async function measure({ orders, running }: Side): Promise<Measured> {
  const cost = async (asked: Omit<Order, 'parallel' | 'ms'>, parallel: number): Promise<Took & { readonly cpu: number }> => {
    const before = running === undefined ? 0 : processorMs(running.pid)
    const took = await client.ask<Took>({ ...asked, parallel, ms } satisfies Order)
    return { ...took, cpu: running === undefined ? NaN : ((processorMs(running.pid) - before) * 1000) / took.count }
  }
  const many = await cost(orders.requests, busy)
  const one = await cost(orders.requests, 1)
  const fresh = await cost(orders.connects, opening)
  return { requests: (many.count * 1000) / many.ms, requestCpu: many.cpu, p50: one.p50, p99: one.p99, connections: (fresh.count * 1000) / fresh.ms, connectionCpu: fresh.cpu, connectP50: fresh.p50 }
}

for (let round = 0; round <= rounds; round++) {
  // Forwards, then backwards: what drifts during a round disturbs no side more than the other.
  for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
    progress(`round ${round}/${rounds}, ${side.direction}, ${side.name}`)
    const measured = await measure(side).catch((error: unknown) => {
      throw new Error(`${side.direction}, ${side.name}: ${String(error)}`)
    })
    // The first round warms everything up.
    if (round > 0) side.rounds.push(measured)
  }
}
for (const side of sides) side.memory = side.running === undefined ? undefined : residentMib(side.running.pid)
const changes = changed?.side.running === undefined ? undefined : await revoke(which, { platform: changed.platform, gateway: changed.side.running, led: changed.led, hello, progress })
process.stderr.write('\n')

report({
  name: 'gateway',
  command: ['npm run bench:gateway --', ...process.argv.slice(2)].join(' ').replace(/ --$/, ''),
  lines: [
    `${rounds} rounds, ${ms / 1000} s for each figure; median (min to max). Five policies for each workload, a host name for each workload on the way in. Processor time is that of Envoy alone, two worker threads.`,
    ...gatewayLines(sides, changes, { changing, busy, opening }),
  ],
})
process.exit(0)

import assert from 'node:assert/strict'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { addressOf, loopbackV4, lookUp, rendered, standIn, zoneFile } from '../engines/dns/testing.ts'
import { start } from '../base/process.ts'
import type { ChildProcess } from '../base/process.ts'
import type { Listening } from '../engines/dns/server.ts'
import type { StandIn, Told } from '../engines/dns/testing.ts'

const documents = `
{ apiVersion: bulkhead.dev/v1, kind: Enclave, metadata: { name: e }, spec: {} }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: api, enclave: e }, spec: { ports: [80] } }
---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: pypi }, spec: { domains: [pypi.org, six.example.com] } }
---
apiVersion: bulkhead.dev/v1
kind: EgressPolicy
metadata: { name: out, enclave: e }
spec: { source: api, destination: external:pypi, protocol: tcp, port: 443 }
`
/** The workload has 127.0.1.1 and, the only other address of loopback, ::1. */
const zones = JSON.parse(JSON.stringify(rendered(documents, { gateways: [{ name: 'outbound', addresses: [addressOf('127.0.3.3')], names: [] }] }, loopbackV4).zones).replaceAll('fdbb:1::10', '::1')) as object

type Line = Readonly<Record<string, unknown>> & { readonly kind: string }

interface Running {
  readonly child: ChildProcess
  readonly lines: Line[]
  readonly say: (message: object | string) => void
  readonly until: (wanted: (line: Line) => boolean) => Promise<Line>
  readonly ended: Promise<number | null>
}

function run(...args: readonly string[]): Running {
  const program = new URL('resolver-main.ts', import.meta.url).pathname
  const child = start([process.execPath, program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines: Line[] = []
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (text) => lines.push(JSON.parse(text) as Line))
  return {
    child, lines, ended,
    say: (message) => void child.stdin?.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`),
    async until(wanted) {
      for (let tries = 0; tries < 1000; tries++) {
        const found = lines.find(wanted)
        if (found !== undefined) return found
        await sleep(10)
      }
      throw new Error(`no such line among ${JSON.stringify(lines)}`)
    },
  }
}

let resolver: Running
let four: StandIn
let six: StandIn
let listening: readonly Listening[]

const look = (name: string, type: string, at = 0, transport: 'udp' | 'tcp' = 'udp'): Promise<Told | undefined> =>
  lookUp(name, type, { from: at === 0 ? '127.0.1.1' : '::1', to: listening[at] ?? { address: '', port: 0 }, transport, waitMs: 20_000 })

before(async () => {
  const says = zoneFile({ 'pypi.org': ['151.101.0.223', '2a04:4e42::223'], 'six.example.com': ['2001:db8::6', '203.0.113.6'] })
  four = await standIn(says)
  six = await standIn(says, '::1')
  resolver = run('--listen', '127.0.0.1', '--listen', '::1', '--port', '0')
  listening = (await resolver.until(({ kind }) => kind === 'ready'))['listening'] as readonly Listening[]
})

after(async () => {
  resolver.child.kill('SIGKILL')
  await resolver.ended
  await four.close()
  await six.close()
})

test('before it is told anything it refuses everything', async () => {
  assert.equal((await look('api', 'A'))?.rcode, 'REFUSED')
})

test('a state is in force when it is said to be, for IPv4 and IPv6, over UDP and TCP', async () => {
  resolver.say({ kind: 'state', serial: 1, zones, upstream: [`127.0.0.1:${four.port}`] })
  await resolver.until(({ kind, serial }) => kind === 'applied' && serial === 1)
  for (const [at, transport] of [[0, 'udp'], [0, 'tcp'], [1, 'udp'], [1, 'tcp']] as const) {
    assert.deepEqual((await look('api.e.internal', 'A', at, transport))?.addresses, ['127.0.1.1'], `${at} ${transport}`)
  }
})

test('addresses go out when the agent has admitted them, and not otherwise', async () => {
  const silent = await look('pypi.org', 'A')
  assert.equal(silent?.rcode, 'SERVFAIL')
  const request = await resolver.until(({ kind }) => kind === 'admit')
  assert.deepEqual({ ...request, id: 0 }, { kind: 'admit', id: 0, asker: 'e/api@running', name: 'pypi.org', addresses: ['151.101.0.223'], ttl: 60 })
  const before = resolver.lines.length
  const waiting = look('pypi.org', 'A')
  const second = await resolver.until((line) => line.kind === 'admit' && resolver.lines.indexOf(line) >= before)
  resolver.say({ kind: 'admitted', id: second['id'] })
  assert.deepEqual((await waiting)?.addresses, ['151.101.0.223'])
})

test('an admission that the agent refuses is a failure at once', async () => {
  const times: number[] = []
  // A busy machine may need longer than that; not every time.
  while (times.length < 20 && !times.some((ms) => ms < 2_500)) {
    const before = resolver.lines.length
    const began = performance.now()
    const waiting = look('pypi.org', 'AAAA')
    const request = await resolver.until((line) => line.kind === 'admit' && resolver.lines.indexOf(line) >= before)
    resolver.say({ kind: 'not-admitted', id: request['id'], reason: 'the set is full' })
    assert.equal((await waiting)?.rcode, 'SERVFAIL')
    times.push(performance.now() - began)
  }
  assert.ok(times.some((ms) => ms < 2_500), `sooner than by waiting: ${times.join(', ')} ms`)
})

test('servers upstream change with the state, and may have IPv6 addresses', async () => {
  resolver.say({ kind: 'state', serial: 2, zones, upstream: [`[::1]:${six.port}`] })
  await resolver.until(({ kind, serial }) => kind === 'applied' && serial === 2)
  const before = resolver.lines.length
  const waiting = look('six.example.com', 'AAAA', 1)
  resolver.say({ kind: 'admitted', id: (await resolver.until((line) => line.kind === 'admit' && resolver.lines.indexOf(line) >= before))['id'] })
  assert.deepEqual((await waiting)?.addresses, ['2001:db8::6'])
  assert.deepEqual(six.asked, ['udp AAAA six.example.com'])
})

test('what it does not understand it rejects and keeps what it had', async () => {
  resolver.say({ kind: 'state', serial: 3, zones: { ...zones, askers: 'everybody' }, upstream: [] })
  assert.match(String((await resolver.until(({ kind, serial }) => kind === 'rejected' && serial === 3))['reason']), /askers/)
  resolver.say({ kind: 'state', serial: 4, zones, upstream: ['resolver.example'] })
  assert.match(String((await resolver.until(({ kind, serial }) => kind === 'rejected' && serial === 4))['reason']), /resolver\.example/)
  resolver.say({ kind: 'state', serial: 5, zones: { ...zones, never: ['everything'] }, upstream: [] })
  await resolver.until(({ kind, serial }) => kind === 'rejected' && serial === 5)
  resolver.say('not json')
  resolver.say({ kind: 'admitted', id: 999_999 })
  assert.deepEqual((await look('api', 'A'))?.addresses, ['127.0.1.1'])
})

test('every decision is a record', async () => {
  await look('secret.example', 'TXT')
  const denied = await resolver.until(({ kind, name }) => kind === 'name-verdict' && name === 'secret.example')
  assert.deepEqual(
    { ...denied, time: '' },
    { kind: 'name-verdict', time: '', count: 1, verdict: 'deny', reason: 'no-policy', asker: 'e/api@running', address: '127.0.1.1', name: 'secret.example', type: 'TXT', transport: 'udp', answer: 'REFUSED' },
  )
  const allowed = await resolver.until(({ kind, name, verdict }) => kind === 'name-verdict' && name === 'pypi.org' && verdict === 'allow')
  assert.deepEqual([allowed['policies'], allowed['addresses']], [['EgressPolicy e/out'], ['151.101.0.223']])
})

test('an empty state revokes everything', async () => {
  resolver.say({ kind: 'state', serial: 6, zones: { kind: 'dns-zones', hosts: [], askers: [], never: [] }, upstream: [] })
  await resolver.until(({ kind, serial }) => kind === 'applied' && serial === 6)
  assert.equal((await look('pypi.org', 'A'))?.rcode, 'REFUSED')
  assert.equal((await look('api', 'A'))?.rcode, 'REFUSED')
})

test('it ends when its agent does', async () => {
  const other = run('--listen', '127.0.0.1', '--port', '0')
  await other.until(({ kind }) => kind === 'ready')
  other.child.stdin?.end()
  assert.equal(await other.ended, 0)
})

test('without its address it does not start', async () => {
  const program = new URL('resolver-main.ts', import.meta.url).pathname
  const taken = start([process.execPath, program, '--listen', '127.0.0.1', '--port', String(listening[0]?.port)], { stdio: ['pipe', 'ignore', 'ignore'] })
  assert.equal(await new Promise((resolve) => taken.on('exit', resolve)), 1)
})

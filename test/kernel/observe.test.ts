/** Real refused packets through the real table and the real ulogd, to records on disk. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { lower } from '../../src/engines/nftables/lower.ts'
import { render } from '../../src/engines/nftables/render.ts'
import { command } from '../../src/cli/flows.ts'
import { small, smallContext } from '../../src/observe/testing.ts'
import { connect } from './lib/connection.ts'
import { crafted } from './lib/flows.ts'
import { packet } from './lib/packet.ts'
import { eventually, openRecorder, stored, verdicts } from './lib/recorder.ts'
import { openRouter, uplinkAddresses } from './lib/router.ts'
import type { TestContext } from 'node:test'
import type { VerdictRecord } from '../../src/observe/verdict.ts'
import type { End } from './lib/flows.ts'
import type { Transport } from './lib/packet.ts'
import type { Router } from './lib/router.ts'

const end = (place: { readonly interface: string; readonly ipv4: string; readonly ipv6: string }): End => ({ name: place.interface, ipv4: place.ipv4, ipv6: place.ipv6 })
const [api, db, probe] = [end(small.api), end(small.db), end(small.probe)]
let router: Router
let root: string
let folder: string

before(async () => {
  const { platform, intent, inventory, ids } = smallContext()
  const { atoms } = lower(platform, intent, inventory, ids, Date.now())
  router = await openRouter(inventory, [], () => render(atoms, inventory, { now: Date.now() }))
})
/** Each test has a state folder of its own; its name has a space, as a user's may have. */
function fresh(t: TestContext): void {
  root = mkdtempSync(join(tmpdir(), 'bulkhead observe '))
  folder = join(root, 'default', 'observe')
  const made = root
  t.after(() => rmSync(made, { recursive: true }))
}
after(() => router.close())

async function send(from: End, ...packets: readonly Buffer[]): Promise<void> {
  await router.exchangeRaw(...packets.map((data) => [from.name, data] as const))
}

const syn = (dport: number, sport = 40_000): Transport => ({ kind: 'tcp', sport, dport, flags: 'S', seq: 1 })

/** The record of one packet. */
async function recorded(from: End, data: Buffer, is: (record: VerdictRecord) => boolean): Promise<VerdictRecord> {
  await send(from, data)
  return eventually(async () => (await verdicts(folder)).find(is))
}

/** ulogd 2.0.8 reads no SCTP ports out of IPv6, and without a port nothing can be said about policies. */
function unread(transport: string, family: string): boolean {
  return transport === 'sctp' && family === 'ipv6'
}

test('each refused packet becomes a record within a second, with both identities and the nearest policy', async (t) => {
  fresh(t)
  const recorder = await openRecorder(router.sandbox, folder)
  const attempts: readonly (readonly [string, Transport, string, Partial<VerdictRecord>])[] = [
    ['tcp', syn(5433), 'tcp', { port: 5433, sourcePort: 40_000 }],
    ['udp', { kind: 'udp', sport: 40_001, dport: 53 }, 'udp', { port: 53, sourcePort: 40_001 }],
    ['sctp', { kind: 'sctp', sport: 40_002, dport: 3868, chunk: 1 }, 'sctp', { port: 3868, sourcePort: 40_002 }],
  ]
  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const [name, transport, protocol, fields] of attempts) {
      await t.test(`${name}, ${family}`, async () => {
        const record = await recorded(api, crafted(family, api, db, transport), (r) => r.protocol === protocol && r.source.address === api[family])
        const { time, explanation, nearest, ...rest } = record
        assert.deepEqual(rest, {
          kind: 'verdict', count: 1, verdict: 'deny', reason: 'policy', protocol, ...(unread(name, family) ? {} : fields),
          source: { address: api[family], identity: 'spiffe://small.internal/enclave/lab/workload/api', workload: 'lab/api', phase: 'running', replica: 0 },
          destination: { address: db[family], identity: 'spiffe://small.internal/enclave/lab/workload/db', workload: 'lab/db', phase: 'running', replica: 0 },
          interfaces: { in: 'bh1', out: 'bh2' }, probe: false,
        })
        assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
        assert.ok(Math.abs(Date.parse(time) - Date.now()) < 5_000)
        if (unread(name, family)) return
        assert.match(explanation ?? '', /no policy opens/)
        assert.equal(nearest?.origin[0]?.document, small.policy)
        assert.deepEqual(nearest.origin[0]?.at, { file: 'policies.yaml', line: 12, column: 1 })
      })
    }
    await t.test(`an echo request, ${family}`, async () => {
      const type = family === 'ipv4' ? 8 : 128
      const record = await recorded(api, crafted(family, api, db, { kind: 'icmp', type }), (r) => r.icmp?.type === type)
      assert.equal(record.protocol, 'icmp')
      assert.equal(record.source.workload, 'lab/api')
      assert.equal(record.destination.workload, 'lab/db')
      assert.match(record.explanation ?? '', /icmp/)
    })
    await t.test(`a forged source, ${family}`, async () => {
      const record = await recorded(db, crafted(family, api, { ...db, ...uplink }, syn(80)), (r) => r.reason === 'spoof' && r.source.address === api[family])
      assert.equal(record.source.workload, 'lab/db', 'told by the interface, not by the address')
    })
    await t.test(`a way outside, ${family}`, async () => {
      const data = packet({ from: api[family], to: family === 'ipv4' ? '198.51.100.9' : '2001:db8:9::9', payload: syn(443) })
      const record = await recorded(api, data, (r) => r.port === 443 && r.source.address === api[family])
      assert.deepEqual(record.destination.externals, ['everywhere'])
      assert.equal(record.interfaces.out, small.uplink)
    })
    await t.test(`a probe, ${family}`, async () => {
      const record = await recorded(probe, crafted(family, probe, db, syn(5433)), (r) => r.interfaces.in === probe.name && r.source.address === probe[family])
      assert.equal(record.probe, true)
      assert.equal(record.source.workload, 'lab/api')
    })
  }
  const stats = await recorder.stop()
  assert.equal(stats.lost, 0)
  assert.equal(stats.malformed, 0)
})

const uplink = { ipv4: uplinkAddresses.ipv4, ipv6: uplinkAddresses.ipv6 }

test('a connection is recorded when it begins and when it ends, with the policies that opened it', async (t) => {
  fresh(t)
  const recorder = await openRecorder(router.sandbox, folder)
  for (const family of ['ipv4', 'ipv6'] as const) {
    await connect(router, family, api, db, 5432)
    const began = await eventually(async () => (await verdicts(folder)).find((r) => r.event === 'new' && r.source.address === api[family]))
    assert.deepEqual(began.policies, [small.policy])
    assert.equal(began.reason, 'policy')
    assert.equal(began.source.workload, 'lab/api')
    assert.equal(began.destination.workload, 'lab/db')
    assert.equal(began.port, 5432)
    await router.sandbox.must(['conntrack', '-D', '-f', family, '-p', 'tcp', '--dport', '5432'])
    const ended = await eventually(async () => (await verdicts(folder)).find((r) => r.event === 'end' && r.source.address === api[family]))
    assert.equal(ended.sourcePort, began.sourcePort)
  }
  assert.equal((await recorder.stop()).connections, 4)
})

/** Refusals to two ports from many source ports. */
function burst(count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_, i) => crafted('ipv4', api, db, syn(9_000 + (i % 2), 1_024 + (i % 60_000))))
}

async function countedIn(where: string): Promise<number> {
  return (await verdicts(where)).filter((r) => r.verdict === 'deny').reduce((sum, r) => sum + r.count, 0)
}

async function loggedSince(work: () => Promise<void>): Promise<number> {
  const total = async (): Promise<number> => {
    const text = await router.sandbox.must(['nft', '-j', 'list', 'counters', 'table', 'inet', 'bulkhead'])
    const { nftables } = JSON.parse(text) as { readonly nftables: readonly { readonly counter?: { readonly name: string; readonly packets: number } }[] }
    return nftables.reduce((sum, { counter }) => sum + (counter?.name.startsWith('logged-') === true ? counter.packets : 0), 0)
  }
  const first = await total()
  await work()
  return (await total()) - first
}

test('a burst across many rotations: what is recorded and what is lost add up to what was refused', async (t) => {
  fresh(t)
  const recorder = await openRecorder(router.sandbox, folder, { rawBytes: 100_000, fileBytes: 50_000_000 })
  const packets = burst(20_000)
  const refused = await loggedSince(() => send(api, ...packets))
  assert.equal(refused, packets.length)
  await sleep(300)
  const stats = await recorder.stop()
  assert.equal(stats.recorded + stats.lost, refused)
  assert.equal(await countedIn(folder), stats.recorded)
  assert.ok(stats.recorded > refused / 2)
  const lostLines = (await stored(folder)).reduce((sum, r) => sum + (r.kind === 'loss' ? r.lost ?? 0 : 0), 0)
  assert.equal(lostLines, stats.lost)
  assert.equal(readdirSync(folder).some((name) => name.endsWith('.draining')), false)
  assert.ok(statSync(join(folder, 'denied.json')).size < 3_000_000, 'the raw file was rotated')
})

test('refusals while ulogd is dead are counted as lost, and it is started again', async (t) => {
  fresh(t)
  const recorder = await openRecorder(router.sandbox, folder)
  const ulogdPid = (): number => (JSON.parse(readFileSync(join(folder, 'ulogd.json'), 'utf8')) as { pid: number }).pid
  const first = ulogdPid()
  process.kill(first, 'SIGSTOP')
  process.kill(first, 'SIGKILL')
  await send(api, ...burst(7))
  await eventually(() => Promise.resolve(ulogdPid() === first ? undefined : true))
  await eventually(async () => (await stored(folder)).find((r) => r.kind === 'session' && r.event === 'restarted'))
  await send(api, ...burst(5))
  const stats = await eventually(async () => {
    const now = await recorder.stats()
    return now.recorded + now.lost === 12 ? now : undefined
  })
  assert.ok(stats.recorded >= 5)
  assert.equal(stats.restarts, 1)
  await recorder.stop()
})

test('a recorder that is killed in the middle is followed by one that misses and repeats nothing', async (t) => {
  fresh(t)
  const first = await openRecorder(router.sandbox, folder, { rawBytes: 200_000 })
  let after = 0
  const refused = await loggedSince(async () => {
    const sending = send(api, ...burst(6_000))
    await sleep(60)
    await first.kill()
    await sending
    await send(api, ...burst(100))
    const second = await openRecorder(router.sandbox, folder)
    await send(api, ...burst(50))
    await sleep(300)
    const stats = await second.stop()
    after = stats.recorded + stats.lost
    assert.equal(await countedIn(folder), stats.recorded)
  })
  assert.equal(after, refused)
  assert.ok((await stored(folder)).some((r) => r.kind === 'session' && r.event === 'adopted'))
})

/** A process that has ended and that nobody has asked about yet has no command line. */
function isUlogd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('ulogd')
  } catch {
    return false
  }
}

test('ulogd goes with a recorder that stops, and stays for the next with one that is detached', async (t) => {
  fresh(t)
  const first = await openRecorder(router.sandbox, folder)
  const { pid } = JSON.parse(readFileSync(join(folder, 'ulogd.json'), 'utf8')) as { pid: number }
  await first.detach()
  assert.equal(isUlogd(pid), true)
  await send(api, crafted('ipv4', api, db, syn(5433)))
  const second = await openRecorder(router.sandbox, folder)
  await eventually(async () => (await verdicts(folder)).find((r) => r.port === 5433))
  await second.stop()
  assert.equal(isUlogd(pid), false)
  assert.equal(readdirSync(folder).includes('ulogd.json'), false)
})

interface Shown {
  readonly lines: readonly string[]
  readonly notes: readonly string[]
}

async function flows(options: Readonly<Record<string, string | boolean>>, signal = new AbortController().signal, onLine: (line: string) => void = () => undefined): Promise<Shown> {
  const lines: string[] = []
  const notes: string[] = []
  const out = {
    line: (text = '') => {
      lines.push(text)
      onLine(text)
    },
    write: () => undefined, note: (text: string) => void notes.push(text), json: () => undefined, colour: false, paint: (_: string, text: string) => text,
  }
  const json = options['json'] === true
  assert.equal(await command.run({ args: [], rest: [], options: { state: root, ...options }, out, json, now: Date.now(), signal, env: {}, cwd: root }), 0)
  return { lines, notes }
}

test('`bulkhead flows` shows them, follows them, and says what is missing', async (t) => {
  fresh(t)
  await assert.rejects(flows({}), /nothing has been recorded/)
  const recorder = await openRecorder(router.sandbox, folder)
  await send(api, crafted('ipv6', api, db, syn(5433)))
  await send(probe, crafted('ipv4', probe, db, syn(5433)))
  await connect(router, 'ipv4', api, db, 5432)
  await eventually(async () => ((await verdicts(folder)).length >= 3 ? true : undefined))
  const denied = await flows({ denied: true })
  assert.equal(denied.lines.length, 1)
  assert.match(denied.lines[0] ?? '', /^\S+Z deny {2}lab\/api -> lab\/db tcp\/5433 policy; nearest: ServicePolicy lab\/api-to-db \(policies\.yaml:12:1\), but /)
  assert.match(denied.notes.join('\n'), /1 record of live verification not shown/)
  assert.equal((await flows({ denied: true, probes: true })).lines.length, 2)
  const allowed = await flows({ allowed: true })
  assert.match(allowed.lines.join('\n'), /allow lab\/api -> lab\/db tcp\/5432 new by ServicePolicy lab\/api-to-db/)
  for (const line of (await flows({ json: true })).lines) assert.ok(typeof JSON.parse(line) === 'object')
  assert.equal((await flows({ denied: true, since: '1d' })).lines.length, 1)
  await sleep(1_100)
  assert.equal((await flows({ denied: true, since: '1s' })).lines.length, 0)

  const stop = new AbortController()
  const seen = Promise.withResolvers<void>()
  const following = flows({ denied: true, follow: true }, stop.signal, (line) => {
    if (line.includes('udp/53')) seen.resolve()
  })
  await sleep(150)
  await send(api, crafted('ipv4', api, db, { kind: 'udp', sport: 1, dport: 53 }))
  await seen.promise
  stop.abort()
  assert.equal((await following).lines.length, 2)

  await recorder.kill()
  await send(api, crafted('ipv4', api, db, syn(7)))
  await sleep(5_500)
  assert.match((await flows({ denied: true })).notes.join('\n'), /the agent has been silent since .*; \d{3} bytes that the kernel reported wait to be read/)
  const last = await openRecorder(router.sandbox, folder)
  await last.stop()
  assert.match((await flows({ denied: true })).lines.join('\n'), /tcp\/7 /)
  assert.match((await flows({ denied: true })).notes.join('\n'), /the platform is down/)
})

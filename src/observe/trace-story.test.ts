import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chains } from '../engines/nftables/chains.ts'
import { addressFromBits } from '../net/address.ts'
import { hostIndex } from './host-index.ts'
import { small, smallContext, smallPlatform } from './testing.ts'
import { collector, lostMs } from './trace-collect.ts'
import { parseTraceEvent } from './trace-events.ts'
import { traceReport } from './trace-report.ts'
import type { PacketStory } from './trace-story.ts'

const context = smallContext()
const host = hostIndex(smallPlatform(), context.inventory, context.ids)
const seen = (out = ''): string => `iif "${small.api.interface}" ${out}ip saddr ${small.api.ipv4} ip daddr ${small.db.ipv4} ip protocol tcp tcp sport 40000 tcp dport 5432 tcp flags == syn`

/** `CHAIN packet: ...`, `CHAIN rule ...` of the table, with the packet's number in front. */
function tell(lines: readonly string[], number = 'ab12', table = 'inet bulkhead'): readonly PacketStory[] {
  let now = 0
  const packets = collector('inet watching', 'first', () => now)
  for (const line of [`inet watching first packet: ${seen()}`, ...lines.map((l) => (/^(inet|ip) /.test(l) ? l : `${table} ${l}`))]) {
    const event = parseTraceEvent(`trace id ${number} ${line} `.replace(/ $/, ''))
    assert.ok(event, line)
    packets.add(event)
  }
  now = lostMs
  return packets.take({ host, pathOf: () => 1 }, 0)
}

function only(lines: readonly string[]): PacketStory {
  const [story] = tell(lines)
  assert.ok(story)
  return story
}

const arrival = ['prerouting rule iifname . ip saddr @source4 meta mark set 0x00000001 accept (verdict accept)', `forward packet: ${seen(`oif "${small.db.interface}" `)}`]
const allowed = [
  ...arrival,
  'forward rule meta l4proto . ct direction vmap { tcp . original : goto original } (verdict goto original)',
  'original rule meta mark set iifgroup . oifgroup . meta l4proto . th dport map @port goto permit (verdict goto permit)',
  'permit rule ct mark 0x00000000 goto admit (verdict goto admit)',
  'admit rule ct mark set meta mark meta mark set 0x80000000 accept (verdict accept)',
  `gate packet: ${seen(`oif "${small.db.interface}" `)}`,
  'gate rule meta mark 0x80000000 accept (verdict accept)',
]
const refused = ['original rule goto refuse-policy (verdict goto refuse-policy)', 'refuse rule meta l4proto tcp reject with tcp reset (verdict drop)']

test('an allowed packet is told check by check, with the document that opens its path', () => {
  const story = only(allowed)
  assert.deepEqual(story.hops.map((h) => h.check), ['arrival', 'route', 'path', 'connection', 'gate', 'departure'])
  assert.equal(story.end, 'passed')
  assert.deepEqual(story.policies, [small.policy])
  assert.match(story.hops[2]?.text ?? '', /ServicePolicy lab\/api-to-db opens it \(exactly this port\)/)
})

test('a refused packet ends where it was refused, and says how its sender was told', () => {
  const story = only([...arrival, ...refused])
  assert.equal(story.end, 'refused')
  assert.equal(story.reason, 'policy')
  assert.equal(story.hops.at(-1)?.text, 'no path is open; the sender was told with a reset')
})

test('a forged source address names whose interface it came on', () => {
  const story = only(['prerouting rule goto unmarked (verdict goto unmarked)', 'unmarked rule goto drop-spoof (verdict goto drop-spoof)', 'drop-spoof rule counter name "logged-spoof" log prefix "bh:spoof" group 1 drop (verdict drop)'])
  assert.equal(story.end, 'dropped')
  assert.equal(story.hops.at(-1)?.text, `${small.api.ipv4} is not an address of lab/api; the sender was not told`)
})

test('what is led to a gateway, goes straight beside it, or answers for it has arrived like everything else, by no stranger\'s rule', () => {
  const own = (chain: string, rule = ''): PacketStory => only([
    `prerouting rule iifname . ip saddr @source4 ip daddr != 224.0.0.0/4 meta mark set 0x00000001 goto ${chain} (verdict goto ${chain})`,
    `${chain} rule ${rule}accept (verdict accept)`, ...allowed.slice(1),
  ])
  const arrived = `on ${small.api.interface}, lab/api: ${small.api.ipv4} is its own address`
  for (const chain of ['lead4', 'lead6', 'lead-name4', 'straight']) assert.equal(own(chain).hops[0]?.text, arrived, chain)
  const led = own('led', 'meta mark set 0x00000003 ')
  assert.deepEqual(led.hops.map((h) => h.check), ['arrival', 'route', 'path', 'connection', 'gate', 'departure'])
  assert.equal(led.hops[0]?.text, `${arrived}, and it is led to the outbound gateway`)
  assert.match(own('returning', 'meta mark set 0x00000001 ').hops[0]?.text ?? '', /, in the name of 10\./)
})

test('no chain of the table is taken for a stranger\'s, whatever the host has', () => {
  const place = { interface: 'bhg', ipv4: addressFromBits(4, 0x0a800003n), ipv6: addressFromBits(6, 3n) }
  const full = { ...context.inventory, uplink: { interface: 'up' }, gateways: { outbound: place, inbound: place, resolver: place } }
  let chain = ''
  for (const line of chains(full, 1, 100, { names: true, inside: true, ranges: true }, true)) {
    chain = /^ {2}chain (\S+)/.exec(line)?.[1] ?? chain
    if (!/(^| )accept$/.test(line)) continue
    const rule = line.trim()
    assert.equal(only([`${chain} rule ${rule} (verdict accept)`]).hops.some((h) => h.check === 'stranger'), false, `${chain}: ${rule}`)
  }
})

test('a rule that somebody else put into the table is told as that, accepting or dropping', () => {
  assert.equal(only([...arrival, 'forward rule accept (verdict accept)', `gate packet: ${seen()}`, 'gate rule counter name "logged-gate" drop (verdict drop)']).hops.find((h) => h.check === 'stranger')?.text, 'a rule in chain `forward` that is not Bulkhead\'s: `accept`')
  assert.match(only([...arrival, 'forward rule ip saddr 1.2.3.4 drop (verdict drop)']).hops.at(-1)?.text ?? '', /not Bulkhead's: `ip saddr 1\.2\.3\.4 drop`/)
  assert.match(only([...arrival, 'ip mangle all rule tcp dport 5432 drop (verdict drop)']).hops.at(-1)?.text ?? '', /table `ip mangle`, which is not Bulkhead's/)
})

test('a packet that goes in and never comes out is lost, and why is said', () => {
  const lost = only(arrival.slice(0, 1))
  assert.equal(lost.end, 'lost')
  assert.equal(lost.hops.at(-1)?.text, `the router has no way to ${small.db.ipv4}`)
})

test('a number that the kernel gives to the next packet does not join the two', () => {
  const first = [`inet watching first packet: ${seen()}`, ...allowed]
  assert.equal(tell([...allowed, ...first]).length, 2)
})

test('the answer is where it stopped, in the words of the documents', () => {
  const isRequest = (s: PacketStory): boolean => s.interfaceIn === small.api.interface
  const deny = { verdict: 'deny', reason: 'no policy opens it' } as const
  const allow = { verdict: 'allow', paths: [], reason: 'allowed by ServicePolicy lab/api-to-db (policies.yaml:12)' } as const
  assert.deepEqual(traceReport([only([...arrival, ...refused])], isRequest, 'refused', deny), { kind: 'trace', verdict: 'stopped', conclusion: 'stopped: no policy opens it', documents: deny, packets: 1, stopped: 1 })
  assert.match(traceReport([only([...arrival, ...refused])], isRequest, 'refused', allow).conclusion, /although it is allowed by ServicePolicy/)
  const [path] = context.intent.paths
  assert.ok(path)
  const proxied = { ...allow, paths: [{ ...path, via: { kind: 'proxy', hosts: ['a.example.org'] } }] } as unknown as typeof allow
  assert.match(traceReport([only([...arrival, ...refused])], isRequest, 'refused', proxied).conclusion, /is allowed by .*, but only through the inbound gateway/)
  assert.equal(traceReport([only(allowed)], isRequest, 'open', allow).conclusion, `delivered by ${small.policy}, and answered`)
  assert.equal(traceReport([only(allowed)], isRequest, 'silent', allow).verdict, 'unanswered')
  assert.equal(traceReport([], isRequest, undefined, allow).verdict, 'unseen')
})

test('a line that is no event is none, whatever it holds', () => {
  for (const line of ['', 'trace id', 'trace id zz inet bulkhead forward rule x', 'new generation 5', 'trace id ab12 inet bulkhead forward packet: iif "lo"']) assert.equal(parseTraceEvent(line), undefined, line)
  const event = parseTraceEvent('trace id ab12 inet x y rule comment "(verdict accept)" drop (verdict drop)')
  assert.deepEqual(event, { packet: 'ab12', table: 'inet x', chain: 'y', kind: 'rule', rule: 'comment "(verdict accept)" drop', verdict: 'drop' })
})

test('a packet of which half has been heard is not lost yet, and none begins after the end', () => {
  let now = 0
  const packets = collector('inet watching', 'first', () => now)
  const hear = (id: string, ...lines: readonly string[]): void => {
    for (const line of lines) {
      const event = parseTraceEvent(`trace id ${id} ${line} `.replace(/ $/, ''))
      assert.ok(event, line)
      packets.add(event)
    }
  }
  const begin = `inet watching first packet: ${seen()}`
  const ends = (): readonly string[] => packets.take({ host, pathOf: () => 1 }, 100).map(({ end }) => end)
  hear('aa', begin)
  now = 500
  assert.deepEqual(ends(), [])
  packets.close()
  hear('bb', begin)
  hear('aa', ...[...arrival, ...refused].map((line) => `inet bulkhead ${line}`))
  now = 550
  assert.deepEqual([ends(), packets.isEmpty()], [[], false], 'more of it may be on its way')
  now = 600
  assert.deepEqual([ends(), packets.isEmpty()], [['refused'], true])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { explainer } from './explain.ts'
import { hostIndex } from './host-index.ts'
import { parseAllowed, parseDenied } from './parse.ts'
import { allowedLine, deniedLine, small, smallContext } from './testing.ts'
import { allowedVerdict, deniedVerdict } from './verdict.ts'
import type { VerdictRecord } from './verdict.ts'

const context = smallContext()
const host = hostIndex(context.platform, context.inventory, context.ids)
const { explain } = explainer(context.platform, context.intent, { now: () => 0, elapsed: () => 0 })

function denied(change: Readonly<Record<string, unknown>> = {}): VerdictRecord {
  const raw = parseDenied(deniedLine(change))
  assert.ok(raw)
  return deniedVerdict(raw, host, explain)
}

function allowed(change: Readonly<Record<string, unknown>> = {}): VerdictRecord | undefined {
  const raw = parseAllowed(allowedLine(change))
  assert.ok(raw)
  return allowedVerdict(raw, host)
}

const api = { address: small.api.ipv4, identity: 'spiffe://small.internal/enclave/lab/workload/api', workload: 'lab/api', phase: 'running', replica: 0 }
const db = { address: small.db.ipv4, identity: 'spiffe://small.internal/enclave/lab/workload/db', workload: 'lab/db', phase: 'running', replica: 0 }

test('a refusal names both identities, the reason and the nearest policy with its place', () => {
  const { explanation, nearest, ...rest } = denied()
  assert.deepEqual(rest, {
    kind: 'verdict', time: '2026-11-21T19:27:34.744913Z', count: 1, verdict: 'deny', reason: 'policy', source: api, destination: db,
    protocol: 'tcp', port: 5433, sourcePort: 46796, interfaces: { in: 'bh1', out: 'bh2' }, probe: false,
  })
  assert.match(explanation ?? '', /no policy opens/)
  assert.deepEqual(nearest?.origin, [{ document: small.policy, at: { file: 'policies.yaml', line: 12, column: 1 } }])
  assert.match(nearest.why, /port/)
})

test('a forged source address changes nothing about who is named', () => {
  for (const reason of ['spoof', 'policy']) {
    const record = denied({ 'oob.prefix': `bh:${reason}`, src_ip: small.db.ipv4 })
    assert.deepEqual(record.source, { ...api, address: small.db.ipv4 })
  }
})

test('a destination is known by its address before routing, and by the way out after it', () => {
  assert.equal(denied({ 'oob.out': '' }).destination.workload, 'lab/db')
  assert.equal(denied({ dest_ip: '10.128.9.9' }).destination.workload, 'lab/db')
})

test('addresses outside are shown with the Externals that hold them; reserved and own addresses never are', () => {
  const to = (dest_ip: string): VerdictRecord['destination'] => denied({ dest_ip, 'oob.out': small.uplink }).destination
  assert.deepEqual(to('198.51.100.7'), { address: '198.51.100.7', externals: ['everywhere'] })
  assert.deepEqual(to('2001:db8::7'), { address: '2001:db8::7', externals: ['everywhere'] })
  assert.deepEqual(to('169.254.169.254'), { address: '169.254.169.254' })
  assert.deepEqual(to('10.128.77.1'), { address: '10.128.77.1' })
})

test('the router is named as such', () => {
  assert.deepEqual(denied({ dest_ip: '169.254.1.1', 'oob.out': '', 'oob.prefix': 'bh:input' }).destination, { address: '169.254.1.1', router: true })
})

test('what comes from outside has no identity', () => {
  assert.deepEqual(denied({ 'oob.in': small.uplink, src_ip: '203.0.113.9' }).source, { address: '203.0.113.9', externals: ['everywhere'] })
})

test('probes of live verification are marked: they come from a shadow, or from outside to one', () => {
  assert.equal(denied({ 'oob.in': small.probe.interface }).probe, true)
  assert.equal(denied({ 'oob.out': small.probe.interface }).probe, false)
  assert.equal(denied({ 'oob.in': 'bhp77' }).probe, true)
  assert.equal(denied({ 'oob.in': small.uplink, src_ip: '203.0.113.9', 'oob.out': small.probe.interface }).probe, true, 'played from outside, to nobody real')
  assert.equal(allowed({ src_ip: small.probe.ipv4 })?.probe, true)
})

test('an echo request is explained, another ICMP type is not', () => {
  const icmp = { 'ip.protocol': 1, src_port: undefined, dest_port: undefined, 'tcp.syn': undefined, 'icmp.code': 0 }
  const echo = denied({ ...icmp, 'icmp.type': 8 })
  assert.deepEqual(echo.icmp, { type: 8, code: 0 })
  assert.match(echo.explanation ?? '', /icmp/)
  assert.equal(denied({ ...icmp, 'icmp.type': 5 }).explanation, undefined)
})

test('a protocol without a name keeps its number', () => {
  const record = denied({ 'ip.protocol': 47, src_port: undefined, dest_port: undefined, 'tcp.syn': undefined })
  assert.equal(record.protocol, '47')
  assert.equal(record.port, undefined)
})

test('a refused reply of a connection is explained by what its initiator asked for', () => {
  const record = denied({ 'oob.in': 'bh2', 'oob.out': 'bh1', src_ip: small.db.ipv4, dest_ip: small.api.ipv4, src_port: 5432, dest_port: 40000, 'tcp.ack': 1 })
  assert.equal(record.midstream, true)
  assert.equal(record.source.workload, 'lab/db')
  assert.equal(record.intended, 'allow')
})

test('a refusal of what the documents allow says so', () => {
  const record = denied({ dest_port: 5432 })
  assert.equal(record.intended, 'allow')
  assert.match(record.explanation ?? '', /allowed by ServicePolicy lab\/api-to-db/)
  assert.equal(record.nearest, undefined)
})

test('an allowed connection names the documents behind its mark', () => {
  const record = allowed()
  assert.deepEqual(record, {
    kind: 'verdict', time: '2026-11-21T19:27:34.000007Z', count: 1, verdict: 'allow', event: 'new', reason: 'policy', source: api, destination: db,
    protocol: 'tcp', port: 5432, sourcePort: 35350, interfaces: { in: 'bh1', out: 'bh2' }, probe: false, policies: [small.policy],
  })
})

test('a connection of a workload without a known policy is recorded as unaccounted', () => {
  const record = allowed({ 'ct.mark': 99 })
  assert.equal(record?.reason, 'unaccounted')
  assert.equal(record.policies, undefined)
})

test('connections of the host that have nothing to do with the platform are left out', () => {
  assert.equal(allowed({ 'ct.mark': 0, src_ip: '192.0.2.1', dest_ip: '192.0.2.2', 'reply.ip.saddr.str': '192.0.2.2' }), undefined)
})

test('behind a published address the workload that answers is the destination', () => {
  const record = allowed({ src_ip: '203.0.113.9', dest_ip: '198.51.100.1', 'orig.l4.dport': 80 })
  assert.equal(record?.destination.workload, 'lab/db')
  assert.equal(record.port, 80)
  assert.equal(record.source.workload, undefined)
})

test('any parsed line makes a record', () => {
  const names = fc.constantFrom('', 'bh1', 'bh2', 'bhp1', 'bhu0', 'eth9')
  const addresses = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom(small.api.ipv4, small.db.ipv6, '::', '169.254.1.1'))
  const fields = fc.record({
    'oob.in': names, 'oob.out': names, src_ip: addresses, dest_ip: addresses, 'ip.protocol': fc.constantFrom(0, 1, 6, 17, 41, 58, 132, 255),
    src_port: fc.nat(65_535), dest_port: fc.nat(65_535), 'tcp.ack': fc.nat(1), 'icmp.type': fc.nat(255), 'oob.prefix': fc.constantFrom('bh:policy', 'bh:spoof', 'x'),
  })
  fc.assert(fc.property(fields, (change) => {
    const raw = parseDenied(deniedLine(change))
    if (raw !== undefined) JSON.stringify(deniedVerdict(raw, host, explain))
  }))
})

test('explaining has a share of the time: beyond it refusals go unexplained, but not unrecorded', () => {
  let at = 0
  // Every decision takes 20 ms.
  const slow = explainer(context.platform, context.intent, { now: () => 0, elapsed: () => (at += 10) })
  const raw = (port: number): VerdictRecord => {
    const parsed = parseDenied(deniedLine({ dest_port: port }))
    assert.ok(parsed)
    return deniedVerdict(parsed, host, slow.explain)
  }
  let port = 1
  const explainedInOnePiece = (): number => {
    slow.begin()
    return Array.from({ length: 20 }, () => raw(port++)).filter((r) => r.explanation !== undefined).length
  }
  const first = explainedInOnePiece()
  assert.ok(first > 2 && first < 10)
  slow.begin()
  assert.ok(raw(1).explanation, 'what is known costs nothing')
  let pieces = 1
  while (explainedInOnePiece() > 1) assert.ok(pieces++ < 60, 'what was saved is used up')
  at += 10_000
  assert.equal(explainedInOnePiece(), first, 'and saved up again')
})

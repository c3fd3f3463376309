import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAllowed, parseDenied } from './parse.ts'
import { allowedLine, deniedLine } from './testing.ts'

test('a refused TCP packet keeps its fields', () => {
  assert.deepEqual(parseDenied(deniedLine()), {
    kind: 'denied', time: { seconds: 1795289254, micros: 744913 }, reason: 'policy', source: '10.128.0.2', destination: '10.128.0.3',
    protocol: 6, sourcePort: 46796, destinationPort: 5433, icmpType: undefined, icmpCode: undefined, midstream: false,
    interfaceIn: 'bh1', interfaceOut: 'bh2', sequence: 3,
  })
})

test('a refused ICMPv6 packet has a type and no ports', () => {
  const raw = parseDenied(deniedLine({
    'oob.prefix': 'bh:spoof', 'ip.protocol': 58, src_port: undefined, dest_port: undefined, 'tcp.syn': undefined, 'icmpv6.type': 143,
    'icmpv6.code': 0, 'oob.out': '', src_ip: '::', dest_ip: 'ff02::16',
  }))
  assert.equal(raw?.reason, 'spoof')
  assert.equal(raw.icmpType, 143)
  assert.equal(raw.destinationPort, undefined)
  assert.equal(raw.interfaceOut, '')
  assert.equal(raw.midstream, false)
})

test('only a SYN without ACK opens a connection', () => {
  assert.equal(parseDenied(deniedLine({ 'tcp.ack': 1 }))?.midstream, true)
  assert.equal(parseDenied(deniedLine({ 'tcp.syn': 0 }))?.midstream, true)
  assert.equal(parseDenied(deniedLine())?.midstream, false)
})

test('a connection that ends is timed by its end and carries what the kernel counted', () => {
  const raw = parseAllowed(allowedLine({
    'ct.event': 4, 'flow.end.sec': 1795289260, 'flow.end.usec': 5, 'orig.raw.pktcount': 3, 'reply.raw.pktcount': 2, 'orig.raw.pktlen': 300, 'reply.raw.pktlen': 200,
  }))
  assert.equal(raw?.event, 'end')
  assert.deepEqual(raw.time, { seconds: 1795289260, micros: 5 })
  assert.equal(raw.packets, 5)
  assert.equal(raw.bytes, 500)
})

test('what is not such a record is refused without a throw', () => {
  const wrong = [
    '', '{', '[]', 'null', '1', '{}', deniedLine().slice(0, -1), `x${deniedLine()}`, deniedLine({ src_ip: '10.0.0' }), deniedLine({ dest_ip: 5 }),
    deniedLine({ 'ip.protocol': 256 }), deniedLine({ 'oob.time.sec': -1 }), deniedLine({ 'oob.time.usec': 1_000_000 }), deniedLine({ 'oob.time.sec': 1.5 }),
    allowedLine({ 'ct.event': 2 }), allowedLine({ 'ct.event': undefined }), allowedLine({ 'flow.start.sec': undefined }), allowedLine({ src_ip: 'a'.repeat(1000) }),
  ]
  for (const line of wrong) {
    assert.equal(parseDenied(line), undefined, line)
    assert.equal(parseAllowed(line), undefined, line)
  }
})

test('an IPv4-mapped address, which policies refuse, is still recorded', () => {
  assert.equal(parseDenied(deniedLine({ dest_ip: '::ffff:10.0.0.1' }))?.destination, '::ffff:10.0.0.1')
})

test('names and prefixes that could drive a terminal are not kept', () => {
  const escape = '\u001b]0;owned\u0007'
  const raw = parseDenied(deniedLine({ 'oob.in': `x${escape}`, 'oob.prefix': `bh:${escape}` }))
  assert.equal(raw?.interfaceIn, '?')
  assert.equal(raw.reason, 'unknown')
  assert.equal(parseDenied(deniedLine({ 'oob.prefix': 'other' }))?.reason, 'unknown')
  assert.equal(parseDenied(deniedLine({ 'oob.prefix': 'bh:later-reason' }))?.reason, 'later-reason')
})

test('no text makes a parser throw or give anything but plain values', () => {
  const field = fc.oneof(fc.constantFrom(...Object.keys(JSON.parse(deniedLine()) as object), ...Object.keys(JSON.parse(allowedLine()) as object)), fc.string())
  const lines = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.dictionary(field, fc.jsonValue(), { maxKeys: 20 }).map((change) => deniedLine(change)),
    fc.dictionary(field, fc.jsonValue(), { maxKeys: 20 }).map((change) => allowedLine(change)),
  )
  fc.assert(fc.property(lines, (line) => {
    for (const raw of [parseDenied(line), parseAllowed(line)]) {
      for (const value of Object.values(raw ?? {})) {
        if (typeof value === 'string') assert.match(value, /^[\w:.@?-]*$/)
        else if (typeof value === 'number') assert.ok(Number.isSafeInteger(value) && value >= 0)
      }
    }
  }), { numRuns: 2_000 })
})

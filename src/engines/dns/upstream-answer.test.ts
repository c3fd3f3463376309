import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode, encode } from 'dns-packet'
import { encodeQuestion, readUpstream } from './upstream-answer.ts'
import { measured } from '../../base/testing.ts'
import type { Answer, Packet } from 'dns-packet'
import type { ReadUpstream, UpstreamQuestion } from './upstream-answer.ts'

const question: UpstreamQuestion = { id: 0x4242, name: 'pypi.org', type: 'A' }
const sent = encodeQuestion(question)
const asked = [{ name: 'pypi.org', type: 'A', class: 'IN' }] as const

function said(packet: Partial<Packet>): Buffer {
  return encode({ type: 'response', id: 0x4242, questions: [...asked], ...packet, flags: 0x0180 | (packet.flags ?? 0) })
}

function read(packet: Partial<Packet>): ReadUpstream {
  return readUpstream(said(packet), sent, question)
}

const a = (name: string, data: string, ttl = 60): Answer => ({ name, type: 'A', ttl, data })
const alias = (name: string, data: string, ttl = 60): Answer => ({ name, type: 'CNAME', ttl, data })

function told(packet: Partial<Packet>): string {
  const found = read(packet)
  return found.kind === 'answer' ? [found.answer.rcode, found.answer.ttl, ...found.answer.addresses].join(' ') : found.kind === 'failed' ? `failed: ${found.why}` : found.kind
}

test('what is sent is the name in lower case with one empty EDNS record, and nothing of any client', () => {
  const packet = decode(sent)
  assert.deepEqual(packet.questions?.map(({ name, type }) => [name, type]), [['pypi.org', 'A']])
  assert.deepEqual([packet.flag_rd, packet.additionals?.length, (packet.additionals?.[0] as { options?: unknown }).options], [true, 1, []])
  assert.equal(sent.length, 12 + 10 + 4 + 11)
})

test('addresses come sorted, each once, with the shortest time to live', () => {
  assert.equal(told({ answers: [a('pypi.org', '203.0.113.9', 300), a('pypi.org', '151.101.0.223', 90), a('pypi.org', '203.0.113.9')] }), 'NOERROR 60 151.101.0.223 203.0.113.9')
})

test('aliases are followed to their end, in whatever order the records come', () => {
  assert.equal(told({ answers: [a('edge.example.net', '203.0.113.1', 30), alias('www.example.net', 'Edge.example.net', 20), alias('pypi.org', 'www.example.net', 500)] }), 'NOERROR 20 203.0.113.1')
})

test('records of names that nothing leads to are passed over', () => {
  assert.equal(told({ answers: [a('pypi.org', '203.0.113.1'), a('evil.example', '203.0.113.66')] }), 'NOERROR 60 203.0.113.1')
  assert.equal(told({ answers: [a('evil.example', '203.0.113.66')] }), 'NOERROR 30')
  assert.equal(told({ answers: [{ ...a('pypi.org', '203.0.113.66'), class: 'CH' } as Answer] }), 'NOERROR 30')
})

test('aliases in a circle, without end, or two at once lead nowhere', () => {
  assert.equal(told({ answers: [alias('pypi.org', 'b.example'), alias('b.example', 'pypi.org')] }), 'failed: aliases lead in a circle')
  assert.equal(told({ answers: [alias('pypi.org', 'pypi.org')] }), 'failed: aliases lead in a circle')
  const chain = Array.from({ length: 12 }, (_, n) => alias(n === 0 ? 'pypi.org' : `n${n}.example`, `n${n + 1}.example`))
  assert.equal(told({ answers: chain }), 'failed: too many aliases')
  assert.equal(told({ answers: [alias('pypi.org', 'b.example'), alias('pypi.org', 'c.example')] }), 'failed: a name with two aliases')
})

test('times to live are kept within bounds', () => {
  assert.equal(told({ answers: [a('pypi.org', '203.0.113.1', 0)] }), 'NOERROR 10 203.0.113.1')
  assert.equal(told({ answers: [a('pypi.org', '203.0.113.1', 4_000_000)] }), 'NOERROR 3600 203.0.113.1')
  const soa = { name: 'org', type: 'SOA', ttl: 900, data: { mname: 'a.org', rname: 'b.org', minimum: 100 } } as const
  assert.equal(told({ flags: 3, authorities: [soa] }), 'NXDOMAIN 100')
  assert.equal(told({ flags: 3 }), 'NXDOMAIN 30')
})

test('no more than 16 addresses are taken', () => {
  const many = Array.from({ length: 40 }, (_, n) => a('pypi.org', `203.0.113.${n}`))
  const found = read({ answers: many })
  assert.equal(found.kind === 'answer' ? found.answer.addresses.length : 0, 16)
})

test('IPv4 inside IPv6 stays visible as what it is', () => {
  const six = { ...question, type: 'AAAA' } as const
  const message = encode({ type: 'response', id: six.id, flags: 0x0180, questions: [{ name: 'pypi.org', type: 'AAAA', class: 'IN' }], answers: [{ name: 'pypi.org', type: 'AAAA', ttl: 60, data: '::ffff:10.0.0.1' }] })
  const found = readUpstream(message, encodeQuestion(six), six)
  assert.match(found.kind === 'answer' ? found.answer.addresses.join() : '', /^::ffff:/)
})

test('packets that do not answer this question are passed over: number, name, spelling, type, direction', () => {
  assert.equal(read({ id: 0x4243 }).kind, 'foreign')
  for (const questions of [
    [{ name: 'pypi.com', type: 'A', class: 'IN' }], [{ name: 'PyPI.org', type: 'A', class: 'IN' }], [{ name: 'pypi.org', type: 'AAAA', class: 'IN' }],
    [...asked, ...asked],
  ] as const) assert.equal(read({ questions: [...questions] }).kind, 'foreign')
  assert.equal(readUpstream(encodeQuestion(question), sent, question).kind, 'foreign')
  assert.equal(readUpstream(Buffer.alloc(5), sent, question).kind, 'foreign')
})

test('cut answers are asked again, errors and nonsense are failures', () => {
  assert.equal(read({ flags: 0x0200 }).kind, 'truncated')
  assert.equal(told({ flags: 2 }), 'failed: rcode 2')
  assert.equal(told({ flags: 5, questions: [] }), 'failed: rcode 5')
  assert.match(told({ answers: Array.from({ length: 300 }, () => a('pypi.org', '203.0.113.1')) }), /too many records/)
  const half = said({ answers: [a('pypi.org', '203.0.113.1')] })
  assert.match((readUpstream(half.subarray(0, half.length - 2), sent, question) as { why?: string }).why ?? '', /not readable/)
})

test('any bytes from upstream are read quickly and give known text, or nothing', () => {
  const whole = said({ answers: [alias('pypi.org', 'edge.example.net'), a('edge.example.net', '203.0.113.1')], additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }] })
  const changed = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
    const message = Buffer.from(whole)
    for (const [at, value] of changes) message[at] = value
    return message
  })
  const headed = fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([whole.subarray(0, 26), rest]))
  const began = performance.now()
  fc.assert(fc.property(fc.oneof(changed, headed), (message) => {
    const found = readUpstream(message, sent, question)
    if (found.kind === 'answer') assert.ok(found.answer.addresses.length <= 16 && found.answer.ttl >= 10 && found.answer.ttl <= 3600)
  }), { numRuns: 3000 })
  assert.ok(performance.now() - began < 20_000)
})

test('names that point back and back again cost little', () => {
  const pointers = Buffer.alloc(60_000)
  for (let at = 0; at + 1 < pointers.length && at < 16_000; at += 2) pointers.writeUInt16BE(0xc000 | Math.max(12, at + 24), at)
  const header = Buffer.from(said({ answers: [] }))
  header.writeUInt16BE(250, 6)
  const { ms } = measured(() => readUpstream(Buffer.concat([header, pointers]), sent, question))
  assert.ok(ms < 1000, `${ms} ms`)
})

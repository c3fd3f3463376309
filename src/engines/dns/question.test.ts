import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode } from 'dns-packet'
import { encodeReply, errorReply } from './reply.ts'
import { isMetaType, largestQuery, readQuery, typeName } from './question.ts'
import { edns, queryBytes } from './testing.ts'

function bytes(...parts: readonly (number | string | readonly number[])[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(typeof part === 'number' ? [part] : part))))
}

const header = (questions = 1, answers = 0, authorities = 0, additionals = 0, flags = 0x0100): number[] =>
  [0x12, 0x34, flags >> 8, flags & 0xff, 0, questions, 0, answers, 0, authorities, 0, additionals]
const typeA = [0, 1, 0, 1]

test('a plain query is its name in lower case, its type, and the question as it came', () => {
  const query = readQuery(queryBytes('PyPI.Org', 'AAAA'))
  assert.ok(query.kind === 'query')
  assert.deepEqual([query.name, query.shown, query.type, query.class, query.recursionDesired, query.edns], ['pypi.org', 'PyPI.Org', 28, 1, true, undefined])
  assert.equal(Buffer.from(query.raw).toString('latin1'), '\x04PyPI\x03Org\x00\x00\x1c\x00\x01')
})

test('a label that holds a dot is not two labels', () => {
  const query = readQuery(bytes(header(), 8, 'pypi.org', 0, typeA))
  assert.ok(query.kind === 'query')
  assert.equal(query.name, undefined)
  assert.equal(query.shown, 'pypi\\046org')
})

test('bytes that are not of a host name are shown escaped and name nothing', () => {
  const query = readQuery(bytes(header(), 3, [0x1b, 0xe2, 0x20], 0, typeA))
  assert.ok(query.kind === 'query')
  assert.deepEqual([query.name, query.shown], [undefined, '\\027\\226\\032'])
})

const malformed: Readonly<Record<string, Buffer>> = {
  'two questions': bytes(header(2), 1, 'a', 0, typeA, 1, 'b', 0, typeA),
  'no question': bytes(header(0)),
  'answers of its own': bytes(header(1, 1), 1, 'a', 0, typeA),
  'authorities, as an update has': bytes(header(1, 0, 1), 1, 'a', 0, typeA),
  'a name that points elsewhere': bytes(header(), [0xc0, 0x0c], typeA),
  'a label of 64 bytes': bytes(header(), 64, 'x'.repeat(64), 0, typeA),
  'a name of 256 bytes': bytes(header(), ...Array.from({ length: 5 }, () => [50, ...Buffer.from('y'.repeat(50))]), 0, typeA),
  'a name that does not end': bytes(header(), 5, 'ab'),
  'a question without a type': bytes(header(), 1, 'a', 0),
  'bytes after the question': bytes(header(), 1, 'a', 0, typeA, 'hidden'),
  'an additional record that is not EDNS': bytes(header(1, 0, 0, 1), 1, 'a', 0, typeA, 0, typeA, [0, 0, 0, 0, 0, 0]),
  'EDNS options longer than the message': bytes(header(1, 0, 0, 1), 1, 'a', 0, typeA, 0, [0, 41, 4, 208, 0, 0, 0, 0, 0, 9], 'x'),
  'bytes after the EDNS options': bytes(header(1, 0, 0, 1), 1, 'a', 0, typeA, 0, [0, 41, 4, 208, 0, 0, 0, 0, 0, 0], 'x'),
}

for (const [what, message] of Object.entries(malformed)) {
  test(`a query with ${what} is malformed`, () => {
    const query = readQuery(message)
    assert.ok(query.kind === 'bad', JSON.stringify(query))
    assert.deepEqual([query.rcode, query.reason], ['FORMERR', 'malformed'])
    const reply = decode(Buffer.from(encodeReply(query, errorReply(query.rcode), 'udp')))
    assert.deepEqual([reply.id, reply.flag_qr, (reply as { rcode?: string }).rcode], [0x1234, true, 'FORMERR'])
  })
}

test('other operations, other versions of EDNS and endless queries are refused in their own words', () => {
  const update = readQuery(bytes(header(1, 0, 0, 0, 5 << 11), 1, 'a', 0, typeA))
  assert.ok(update.kind === 'bad' && update.rcode === 'NOTIMP')
  const version = readQuery(queryBytes('a.b', 'A', edns(1232, { ednsVersion: 1 })))
  assert.ok(version.kind === 'bad' && version.rcode === 'BADVERS')
  const reply = decode(Buffer.from(encodeReply(version, errorReply('BADVERS'), 'udp')))
  assert.deepEqual([(reply as { rcode?: string }).rcode, (reply.additionals?.[0] as { extendedRcode?: number }).extendedRcode], ['NOERROR', 1])
  const long = readQuery(Buffer.concat([queryBytes('a.b', 'A'), Buffer.alloc(largestQuery)]))
  assert.ok(long.kind === 'bad' && long.reason === 'oversize')
})

test('answers and fragments of headers get no answer', () => {
  assert.equal(readQuery(bytes(header(1, 0, 0, 0, 0x8000), 1, 'a', 0, typeA)).kind, 'ignore')
  assert.equal(readQuery(Buffer.alloc(11)).kind, 'ignore')
})

test('any bytes at all are read without an error, and whatever is answered is a message that echoes them', () => {
  const near = fc.tuple(fc.constantFrom(queryBytes('api.research.internal', 'A', edns(4096)), queryBytes('x.y', 'TXT')), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }), fc.nat(80))
    .map(([message, changes, cut]) => {
      const changed = Buffer.from(message.subarray(0, message.length - (cut < 40 ? 0 : cut - 40)))
      for (const [at, value] of changes) if (at < changed.length) changed[at] = value
      return changed
    })
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 90 }), near), (message) => {
    const query = readQuery(message)
    if (query.kind === 'ignore') return
    assert.match(query.shown, /^[\x21-\x7e]*$/)
    if (query.kind === 'query' && query.name !== undefined) assert.match(query.name, /^[a-z0-9_.-]*$/)
    const reply = Buffer.from(encodeReply(query, errorReply(query.kind === 'bad' ? query.rcode : 'REFUSED'), 'udp'))
    assert.equal(reply.readUInt16BE(0), Buffer.from(message).readUInt16BE(0))
    assert.ok(reply.length <= 512)
    decode(reply)
  }), { numRuns: 3000 })
})

test('types are named, and requests about servers and whole zones are told from data', () => {
  assert.deepEqual([1, 28, 65, 255, 999].map(typeName), ['A', 'AAAA', 'HTTPS', 'ANY', 'TYPE999'])
  assert.deepEqual([1, 16, 65, 255, 252, 251, 249, 41, 0].map(isMetaType), [false, false, false, true, true, true, true, true, true])
})

/** Messages through a real NATS server: what the documents permit works, everything else is refused. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { authorityOf, startBroker, withoutServer } from './lib/broker.ts'
import { connect } from './lib/nats-client.ts'
import type { Client } from './lib/nats-client.ts'

const skip = withoutServer()
const denied = (client: Client): readonly string[] => client.errors.map((error) => error.replace(/^'(.*)'$/, '$1'))
const heard = (client: Client): readonly string[] => client.messages.map(({ subject, text }) => `${subject} ${text}`)

test('allowed subjects work and no others do, in either direction', { skip }, async (t) => {
  const real = await startBroker(t, ['source: a, publish: [orders.*, audit]', 'source: b, subscribe: orders.>', 'source: c, subscribe: orders.*'])
  const [a, b, c] = await Promise.all([real.client('e/a'), real.client('e/b'), real.client('e/c')])
  await b.subscribe('orders.>')
  await c.subscribe('orders.*')
  await a.publish('orders.new', 'one')
  await a.publish('audit', 'two')
  await b.flush()
  await c.flush()
  assert.deepEqual([heard(b), heard(c), denied(a)], [['orders.new one'], ['orders.new one'], []])

  await a.publish('orders.new.large', 'three')
  await a.subscribe('orders.*')
  await b.publish('orders.new', 'four')
  for (const subject of ['audit', '>', '*', '*.>', '_INBOX.>', '_INBOX.e.>', '$SYS.>']) await b.subscribe(subject)
  assert.deepEqual(denied(a), ['Permissions Violation for Publish to "orders.new.large"', 'Permissions Violation for Subscription to "orders.*"'])
  assert.equal(denied(b).length, 8)
  assert.deepEqual([heard(b), heard(c)], [['orders.new one'], ['orders.new one']])
})

test('a subscription to `a.>` never grows out of an allowed `a.*`, alone or in a queue group', { skip }, async (t) => {
  const real = await startBroker(t, ['source: a, publish: orders.>', 'source: c, subscribe: orders.*', 'source: d, subscribe: orders.>'])
  const [a, c, d] = await Promise.all([real.client('e/a'), real.client('e/c'), real.client('e/d')])
  await c.subscribe('orders.>')
  await c.subscribe('orders.>', 'workers')
  await d.subscribe('orders.>')
  for (const subject of ['orders.new', 'orders.new.large']) await a.publish(subject, 'x')
  await Promise.all([c.flush(), d.flush()])
  assert.deepEqual(heard(c), ['orders.new x', 'orders.new x'])
  assert.deepEqual(heard(d), ['orders.new x', 'orders.new.large x'])

  // The same for a subscription that was wider when it was made.
  assert.deepEqual(await real.policies('source: a, publish: orders.>', 'source: c, subscribe: orders.*', 'source: d, subscribe: orders.*'), { kind: 'in-force' })
  await a.publish('orders.new.late', 'y')
  await a.publish('orders.late', 'y')
  await Promise.all([c.flush(), d.flush()])
  assert.deepEqual(heard(d).slice(2), ['orders.late y'])
})

test('replies reach who asked and nobody else, and only those who may hear the question answer', { skip }, async (t) => {
  const real = await startBroker(t, ['source: a, publish: ask.*', 'source: b, subscribe: ask.*', 'source: c, publish: ask.*', 'source: d, subscribe: other'])
  const [a, b, c, d] = await Promise.all([real.client('e/a'), real.client('e/b'), real.client('e/c'), real.client('e/d')])
  await a.subscribe('_INBOX.e.a.1')
  await b.subscribe('ask.*')
  for (const subject of ['_INBOX.e.a.1', '_INBOX.e.a.>', '_INBOX.e.*.>', '_INBOX.*.*.>', '_INBOX.>']) {
    await c.subscribe(subject)
    await b.subscribe(subject)
  }
  await a.publish('ask.time', 'when', '_INBOX.e.a.1')
  await b.flush()
  const reply = b.messages[0]?.reply ?? ''
  assert.equal(reply, '_INBOX.e.a.1')
  await b.publish(reply, 'now')
  await d.publish('_INBOX.e.a.1', 'never')
  await c.publish('_INBOX.e.a.1', 'never')
  await Promise.all([a.flush(), c.flush()])
  assert.deepEqual(heard(a), ['_INBOX.e.a.1 now'])
  assert.deepEqual([heard(c), heard(b)], [[], ['ask.time when']])
  assert.deepEqual([denied(c).length, denied(b).length, denied(d).length], [6, 5, 1])

  // Where a message asks for a reply somewhere else, nobody sends one there.
  await a.publish('ask.time', 'when', 'other')
  await b.flush()
  await b.publish(b.messages[1]?.reply ?? '', 'now')
  assert.equal(denied(b).at(-1), 'Permissions Violation for Publish to "other"')
})

test('without a certificate, with one of another trust domain, or without a policy nobody gets in', { skip }, async (t) => {
  const real = await startBroker(t, ['source: a, publish: x'])
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-other-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const other = authorityOf(folder, 'other.internal')
  // An authority of the same name is another one all the same.
  const twin = authorityOf(join(folder, 'twin'), 'test.internal')
  const { ca } = real.credentials('e/a')
  const forged = twin.issue('spiffe://test.internal/enclave/e/workload/a')
  await assert.rejects(connect(real.port, { ca }))
  await assert.rejects(connect(real.port, real.credentials('e/a', other)))
  await assert.rejects(connect(real.port, { ca, cert: forged.chain, key: forged.key.reveal() }))
  await assert.rejects(connect(real.port, real.credentials('e/b')), /Authorization Violation/)
  const server = real.authority.issueServer(['a.e.test.internal'])
  await assert.rejects(connect(real.port, { ca, cert: server.chain, key: server.key.reveal() }))
  assert.ok((await real.client('e/a')).isOpen())
})

test('a change takes away what it takes away, and nothing from others', { skip }, async (t) => {
  const all = ['source: a, publish: news.>', 'source: b, subscribe: news.>', 'source: c, subscribe: news.>']
  const real = await startBroker(t, all)
  const [a, b, c] = await Promise.all([real.client('e/a'), real.client('e/b'), real.client('e/c')])
  await b.subscribe('news.today')
  await c.subscribe('news.today')
  await a.publish('news.today', '1')

  // Revoked altogether: the connection ends.
  assert.deepEqual(await real.policies(all[0] ?? '', all[1] ?? ''), { kind: 'in-force' })
  await c.ended
  await assert.rejects(real.client('e/c'), /Authorization Violation/)
  assert.deepEqual([a.isOpen(), b.isOpen(), denied(a), denied(b)], [true, true, [], []])
  await a.publish('news.today', '2')
  await b.flush()
  assert.deepEqual(heard(b), ['news.today 1', 'news.today 2'])

  // Narrowed: the subscription ends, the connection stays for what is left.
  assert.deepEqual(await real.policies('source: a, publish: news.>', 'source: b, subscribe: news.later'), { kind: 'in-force' })
  await a.publish('news.today', '3')
  await b.flush()
  assert.deepEqual([heard(b).length, denied(b)], [2, ['Permissions Violation for Subscription to "news.today" (sid "1")']])
  assert.deepEqual(await real.policies('source: a, publish: rare', 'source: b, subscribe: news.later'), { kind: 'in-force' })
  await a.publish('news.later', '4')
  assert.deepEqual(denied(a), ['Permissions Violation for Publish to "news.later"'])
  assert.ok(a.isOpen() && b.isOpen())
})

test('what the server does not accept is said and changes nothing, and the same text again is fine', { skip }, async (t) => {
  const real = await startBroker(t, ['source: a, publish: x'])
  const a = await real.client('e/a')
  const broken = await real.apply('listen: "127.0.0.1:1"\nauthorization: {')
  assert.equal(broken.kind, 'rejected')
  await a.publish('x', '1')
  assert.deepEqual([a.isOpen(), denied(a)], [true, []])
  for (let i = 0; i < 2; i++) assert.deepEqual(await real.policies('source: a, publish: [x, y]'), { kind: 'in-force' })
  await a.publish('y', '2')
  assert.deepEqual(denied(a), [])
  assert.deepEqual(await real.policies(), { kind: 'in-force' })
  await a.ended
})

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { decode, encode } from 'dns-packet'
import { systemClock } from '../../base/clock.ts'
import { frame, unframe } from './framing.ts'
import { createResolver } from './resolver.ts'
import { startServer } from './server.ts'
import { edns, exchange, loopbackV4, lookUp, queryBytes, readReply, rendered, standIn, zoneFile } from './testing.ts'
import { createUpstream } from './upstream.ts'
import type { Answer } from 'dns-packet'
import type { Decided } from './records.ts'
import type { DnsServer, Listening } from './server.ts'
import type { Resolver } from './resolver.ts'
import type { StandIn } from './testing.ts'
import type { Upstream } from './upstream.ts'

const documents = `
{ apiVersion: bulkhead.dev/v1, kind: Enclave, metadata: { name: e }, spec: {} }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: api, enclave: e }, spec: { ports: [80] } }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: db, enclave: e }, spec: { ports: [80], replicas: 40 } }
---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: pypi }, spec: { domains: [pypi.org, big.example.com, rebind.example.com, mixed.example.com, loop.example.com, "*.cdn.example.com"] } }
---
policy: { source: api, destination: db, protocol: tcp, port: 80, action: allow }
---
apiVersion: bulkhead.dev/v1
kind: EgressPolicy
metadata: { name: out, enclave: e }
spec: { source: api, destination: external:pypi, protocol: tcp, port: 443 }
`
const zones = rendered(documents, {}, loopbackV4).zones
const api = '127.0.1.1'
const big = Array.from({ length: 16 }, (_, n) => `2001:db8::${n + 1}`)

let upstreamServer: StandIn
let upstream: Upstream
let server: DnsServer
let resolver: Resolver
let to: Listening
const records: Decided[] = []
const admitted: string[] = []

before(async () => {
  const says = zoneFile({
    'pypi.org': ['edge.example.net'], 'edge.example.net': ['151.101.0.223', '2a04:4e42::223'], 'big.example.com': big, 'rebind.example.com': ['127.0.0.1', '::1'],
    'mixed.example.com': ['203.0.113.1', '10.0.0.5'], 'loop.example.com': ['loop2.example.com'], 'loop2.example.com': ['loop.example.com'], 'n.cdn.example.com': ['203.0.113.9'],
  })
  upstreamServer = await standIn((question) => {
    const said = says(question)
    // As real servers do: what does not fit in 1232 bytes is asked again over TCP.
    if (question.transport === 'udp' && question.name === 'big.example.com') return { flags: 0x0200 }
    return said
  })
  upstream = createUpstream({ serverMs: 400 })
  upstream.setServers([upstreamServer])
  resolver = createResolver({
    ask: upstream.ask, clock: systemClock, records: { add: (record) => void records.push(record) },
    admissions: { request: ({ asker, addresses }) => Promise.resolve(admitted.push(`${asker} ${addresses.join(' ')}`) > 0) },
  })
  resolver.setZones(zones)
  server = await startServer([{ address: '127.0.0.1', port: 0 }], resolver.handle)
  to = server.listening[0] ?? { address: '', port: 0 }
})

after(async () => {
  await server.close()
  await upstreamServer.close()
})

const ask = (name: string, type: string, rest: { readonly from?: string; readonly transport?: 'udp' | 'tcp'; readonly packet?: object } = {}) =>
  lookUp(name, type, { from: api, to, ...rest })

test('who asks is who owns the address of the packet, over both transports', async () => {
  for (const transport of ['udp', 'tcp'] as const) {
    assert.equal((await ask('db.e.internal', 'AAAA', { transport }))?.rcode, 'NOERROR')
    assert.equal((await ask('api', 'A', { transport }))?.addresses[0], api)
    assert.equal((await ask('db.e.internal', 'A', { from: '127.0.9.9', transport }))?.rcode, 'REFUSED')
    assert.equal((await ask('api.e.internal', 'A', { from: '127.0.1.2', transport }))?.rcode, 'REFUSED')
  }
  assert.ok(records.some(({ reason, address, asker }) => reason === 'unknown-asker' && address === '127.0.9.9' && asker === undefined))
})

test('a name outside is answered through its aliases with addresses alone, under the name that was asked', async () => {
  const told = await ask('PyPi.org', 'A')
  assert.deepEqual(told?.addresses, ['151.101.0.223'])
  assert.deepEqual(told.packet.answers?.map(({ name, type }) => [name, type]), [['PyPi.org', 'A']])
  assert.equal(told.packet.questions?.[0]?.name, 'PyPi.org')
  assert.deepEqual((await ask('pypi.org', 'AAAA'))?.addresses, ['2a04:4e42::223'])
  assert.deepEqual(admitted, ['e/api@running 151.101.0.223', 'e/api@running 2a04:4e42::223'])
  assert.deepEqual(upstreamServer.asked, ['udp A pypi.org', 'udp AAAA pypi.org'])
})

test('what does not fit in a datagram is marked, and comes over TCP', async () => {
  const cut = await ask('db', 'A')
  assert.deepEqual([cut?.packet.flag_tc, cut?.addresses.length, cut?.rcode], [true, 0, 'NOERROR'])
  const roomy = await ask('db', 'A', { packet: edns(4096) })
  assert.deepEqual([roomy?.packet.flag_tc, roomy?.addresses.length], [false, 40])
  assert.deepEqual([(await ask('db', 'AAAA', { packet: edns(512) }))?.packet.flag_tc, (await ask('db', 'A', { transport: 'tcp' }))?.addresses.length], [true, 40])
})

test('a cut answer from upstream is fetched over TCP', async () => {
  upstreamServer.forget()
  const told = await ask('big.example.com', 'AAAA', { packet: edns(1232) })
  assert.deepEqual([...(told?.addresses ?? [])].sort(), [...big].sort())
  assert.deepEqual(upstreamServer.asked, ['udp AAAA big.example.com', 'tcp AAAA big.example.com'])
})

test('EDNS is answered with EDNS, without it there is none, and a refusal says that it is one', async () => {
  assert.equal((await ask('api', 'A'))?.packet.additionals?.length, 0)
  const opt = (await ask('api', 'A', { packet: edns(4096, { flags: 0x8000, options: [{ code: 10, data: Buffer.from('12345678') }, { code: 8, family: 1, sourcePrefixLength: 24, ip: '192.0.2.0' }] }) }))?.packet.additionals?.[0]
  assert.ok(opt?.type === 'OPT')
  assert.deepEqual([opt.udpPayloadSize, opt.ednsVersion, opt.options], [1232, 0, []])
  const version = (await ask('api', 'A', { packet: edns(4096, { ednsVersion: 1 }) }))?.packet
  assert.equal((version?.additionals?.[0] as { extendedRcode?: number } | undefined)?.extendedRcode, 1)
  const refused = (await ask('ghost', 'A', { packet: edns(4096) }))?.packet.additionals?.[0] as { options?: readonly { code: number; data?: Buffer }[] } | undefined
  assert.deepEqual(refused?.options?.map(({ code, data }) => [code, [...(data ?? [])]]), [[15, [0, 18]]])
})

test('answers that lead inside, into machinery or in circles are refused, and admit nothing', async () => {
  admitted.length = 0
  assert.equal((await ask('rebind.example.com', 'A'))?.rcode, 'REFUSED')
  assert.equal((await ask('rebind.example.com', 'AAAA'))?.rcode, 'REFUSED')
  assert.equal((await ask('mixed.example.com', 'A'))?.rcode, 'REFUSED')
  assert.equal((await ask('loop.example.com', 'A'))?.rcode, 'SERVFAIL')
  assert.deepEqual(admitted, [])
  assert.ok(records.some(({ name, reason, detail }) => name === 'mixed.example.com' && reason === 'rebinding' && detail === '10.0.0.5'))
})

test('the addresses of a connected name are rotated for each question', async () => {
  const first = []
  for (let n = 0; n < 3; n++) first.push((await ask('db', 'A', { transport: 'tcp' }))?.addresses[0])
  assert.equal(new Set(first).size, 3)
})

test('a connection carries several questions, in any pieces', async () => {
  const socket = connect({ host: to.address, port: to.port, localAddress: api })
  const ids: number[] = []
  const done = Promise.withResolvers<void>()
  const take = unframe(65_535, (message) => {
    ids.push(readReply(message)?.packet.id ?? 0)
    if (ids.length === 3) done.resolve()
  })
  socket.on('data', (chunk) => take(chunk))
  const queries = ['api', 'db', 'ghost'].map((name) => queryBytes(name, 'A'))
  const bytes = Buffer.concat(queries.map(frame))
  for (const byte of bytes) {
    socket.write(Uint8Array.of(byte))
    await sleep(0)
  }
  await done.promise
  socket.destroy()
  assert.deepEqual(ids.sort(), queries.map((query) => query.readUInt16BE(0)).sort())
})

test('a connection that sends more than a query, or more connections than one address may have, are closed', async () => {
  const long = connect({ host: to.address, port: to.port, localAddress: '127.0.1.9' })
  const closed = Promise.withResolvers<void>()
  long.on('close', () => closed.resolve())
  long.write(Buffer.from([0xff, 0xff, 1, 2, 3]))
  await closed.promise
  const sockets = Array.from({ length: 30 }, () => connect({ host: to.address, port: to.port, localAddress: '127.0.1.9' }))
  sockets.forEach((socket) => socket.on('error', () => undefined))
  for (let tries = 0; tries < 100 && sockets.filter(({ destroyed }) => !destroyed).length > 16; tries++) await sleep(10)
  assert.equal(sockets.filter(({ destroyed }) => !destroyed).length, 16)
  assert.equal((await ask('api', 'A', { transport: 'tcp' }))?.addresses[0], api, 'another address has its own')
  sockets.forEach((socket) => socket.destroy())
})

test('a message that trickles in, and a connection without any, are ended', async () => {
  const impatient = await startServer([{ address: '127.0.0.1', port: 0 }], resolver.handle, { messageMs: 200, idleMs: 400 })
  const port = impatient.listening[0]?.port ?? 0
  const lives = async (write: (socket: ReturnType<typeof connect>, n: number) => void): Promise<number> => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: api })
    const began = performance.now()
    let open = true
    socket.on('error', () => undefined)
    socket.on('close', () => (open = false))
    for (let n = 0; open && n < 200; n++) {
      write(socket, n)
      await sleep(25)
    }
    socket.destroy()
    return performance.now() - began
  }
  const bytes = frame(queryBytes('api.e.internal', 'A'))
  assert.ok(await lives((socket, n) => void socket.write(bytes.subarray(n % bytes.length, (n % bytes.length) + 1))) < 3000)
  assert.ok(await lives(() => undefined) < 4000)
  await impatient.close()
})

test('a silent or lying server upstream is passed over for the next one', async () => {
  const silent = await standIn(() => undefined)
  const lying = await standIn(({ message }) => {
    // The right question under the wrong number, as somebody would send who guesses.
    const forged = Buffer.from(message)
    forged[0] = (forged[0] ?? 0) ^ 0xff
    forged.writeUInt16BE(0x8180, 2)
    return forged
  })
  try {
    const two = createUpstream({ serverMs: 150 })
    two.setServers([silent, lying, upstreamServer])
    assert.deepEqual(await two.ask('pypi.org', 'A'), { kind: 'answer', answer: { rcode: 'NOERROR', addresses: ['151.101.0.223'], ttl: 60 } })
    two.setServers([silent])
    assert.deepEqual(await two.ask('pypi.org', 'A'), { kind: 'failed', why: '127.0.0.1: no answer' })
    two.setServers([{ address: '127.0.0.1', port: 1 }])
    assert.equal((await two.ask('pypi.org', 'A')).kind, 'failed')
    two.setServers([])
    assert.equal((await two.ask('pypi.org', 'A')).kind, 'failed')
  } finally {
    await silent.close()
    await lying.close()
  }
})

test('a datagram that is lost is sent again, under another number and from another port, and who has refused is not asked again', async () => {
  const seen: string[] = []
  let losing = 1
  const { createSocket } = await import('node:dgram')
  const lossy = createSocket('udp4')
  lossy.on('message', (message, from) => {
    seen.push(`${message.readUInt16BE(0)} ${from.port}`)
    if (seen.length <= losing) return
    lossy.send(encode({ type: 'response', id: message.readUInt16BE(0), flags: 0x0180, questions: decode(message).questions, answers: [{ name: 'pypi.org', type: 'A', ttl: 60, data: '151.101.0.223' }] }), from.port, from.address)
  })
  await new Promise<void>((resolve) => void lossy.bind({ address: '127.0.0.1', port: 0 }, resolve))
  const refusing = await standIn(() => ({ flags: 5 }))
  try {
    const one = createUpstream({ serverMs: 1000, totalMs: 60_000 })
    one.setServers([refusing, { address: '127.0.0.1', port: lossy.address().port }])
    assert.deepEqual(await one.ask('pypi.org', 'A'), { kind: 'answer', answer: { rcode: 'NOERROR', addresses: ['151.101.0.223'], ttl: 60 } })
    assert.deepEqual([seen.length, new Set(seen).size, refusing.asked.length], [2, 2, 1])
    losing = 100
    const hasty = createUpstream({ serverMs: 100, totalMs: 60_000 })
    hasty.setServers([{ address: '127.0.0.1', port: lossy.address().port }])
    assert.deepEqual(await hasty.ask('pypi.org', 'A'), { kind: 'failed', why: '127.0.0.1: no answer' })
    assert.equal(seen.length, 5, 'three times, and no more')
  } finally {
    lossy.close()
    await refusing.close()
  }
})

test('every question upstream comes from another port and has another number', async () => {
  const ports = new Set<number>()
  const ids = new Set<number>()
  const { createSocket } = await import('node:dgram')
  const socket = createSocket('udp4')
  socket.on('message', (message, from) => {
    ports.add(from.port)
    ids.add(message.readUInt16BE(0))
  })
  await new Promise<void>((resolve) => void socket.bind({ address: '127.0.0.1', port: 0 }, resolve))
  const asking = createUpstream({ serverMs: 50 })
  asking.setServers([{ address: '127.0.0.1', port: socket.address().port }])
  await Promise.all(Array.from({ length: 50 }, (_, n) => asking.ask(`n${n}.example`, 'A')))
  socket.close()
  assert.ok(ports.size >= 45, `${ports.size} ports`)
  assert.ok(ids.size >= 45, `${ids.size} numbers`)
})

/** What a tunnel does: pieces of a secret, spelled in names, cases, types and options, under every name that it can think of. */
test('a tunnel finds no way through: upstream sees the allowed name and nothing else', async () => {
  upstreamServer.forget()
  resolver.flush()
  const secret = Buffer.from('patient 4711, diagnosis: everything that must not leave the enclave')
  const base32 = [...secret].map((byte) => byte.toString(2).padStart(8, '0')).join('').match(/.{1,5}/g)?.map((bits) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(bits.padEnd(5, '0'), 2)]).join('') ?? ''
  const pieces = base32.match(/.{1,30}/g) ?? []
  const attempts: Buffer[] = []
  for (const piece of pieces) {
    for (const name of [`${piece}.pypi.org`, `${piece}.tunnel.example`, `pypi.org.${piece}.example`, `${piece}.e.internal`, `${piece}pypi.org`]) {
      for (const type of ['A', 'TXT', 'NULL', 'CNAME']) attempts.push(queryBytes(name, type))
    }
  }
  // One bit for each letter, in the spelling of the allowed name.
  for (const byte of secret.subarray(0, 8)) attempts.push(queryBytes([...'pypi.org'].map((c, i) => ((byte >> i) & 1) === 1 ? c.toUpperCase() : c).join(''), 'A'))
  // In the type, the number and the options of questions for the allowed name.
  for (const byte of secret.subarray(0, 16)) attempts.push(queryBytes('pypi.org', `UNKNOWN_${256 + byte}`))
  for (const type of ['TXT', 'NULL', 'CNAME', 'MX', 'SRV', 'NAPTR', 'CAA', 'UNKNOWN_64', 'UNKNOWN_65', 'ANY', 'AXFR']) attempts.push(queryBytes('pypi.org', type))
  attempts.push(queryBytes('pypi.org', 'A', edns(1232, { options: [{ code: 8, family: 1, sourcePrefixLength: 32, ip: '192.0.2.77' }, { code: 65001, data: secret }] })))
  attempts.push(queryBytes('pypi.org', 'A', { flags: 0x0110, id: 0x4711 }))
  // A second question, and a record, behind the allowed one.
  attempts.push(queryBytes('pypi.org', 'A', { questions: [{ name: 'pypi.org', type: 'A', class: 'IN' }, { name: `${pieces[0]}.tunnel.example`, type: 'A', class: 'IN' }] }))
  attempts.push(queryBytes('pypi.org', 'A', { additionals: [{ name: `${pieces[0]}.tunnel.example`, type: 'TXT', data: secret } as Answer] }))
  attempts.push(Buffer.concat([queryBytes('pypi.org', 'A'), secret]))
  for (const [n, message] of attempts.entries()) {
    await exchange(message, { from: api, to, transport: n % 7 === 0 ? 'tcp' : 'udp' }, 300)
    // Stay below the rate, so that the names are judged and not the haste.
    if (n % 50 === 49) await sleep(400)
  }
  assert.ok(attempts.length > 100)
  assert.deepEqual([...new Set(upstreamServer.asked)], ['udp A pypi.org'])
  assert.equal(upstreamServer.asked.length, 1, 'and it sees it once: while an answer lives, not even the moment of a question shows')
  const [only = Buffer.alloc(0)] = upstreamServer.messages
  assert.equal(only.subarray(2).toString('hex'), '0100000100000000000104707970690' + '36f7267000001000100002904d0000000000000')
})

test('under a wildcard a tunnel gets the documented trickle', async () => {
  upstreamServer.forget()
  for (let n = 0; n < 80; n++) {
    await exchange(queryBytes(`secret${n}.cdn.example.com`, 'A'), { from: api, to }, 300)
    if (n % 40 === 39) await sleep(300)
  }
  assert.ok(upstreamServer.asked.length <= 31, `${upstreamServer.asked.length} names left`)
})

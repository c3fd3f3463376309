import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { documents, families, marker, openAttackLab, policies, routerSays, workloads } from './lib/attack.ts'
import { settleCards } from './lib/card.ts'
import { echo, lab as labOf, said } from './lib/instance.ts'
import { packet } from './lib/packet.ts'
import type { AttackLab, IpFamily } from './lib/attack.ts'

/** Everything but what `evil` may open to `friend`. */
const revoked = labOf(workloads, ...policies.filter((p) => !p.includes('source: evil, destination: friend')))

let lab: AttackLab

before(async () => {
  lab = await openAttackLab({ hearAll: true })
})
after(() => lab.close())

let ports = 41_000

interface Segment {
  readonly flags: string
  readonly seq: number
  readonly ack?: number
  readonly data?: string
}

const segment = (family: IpFamily, sport: number, { flags, seq, ack, data }: Segment): Buffer =>
  lab.fromEvil(packet({ from: lab.evil[family], to: lab.friend[family], payload: { kind: 'tcp', sport, dport: 7000, flags, seq, ...(ack === undefined ? {} : { ack }), ...(data === undefined ? {} : { data }) } }))

/** Frames with the marker that arrive at `friend`, and what `evil` gets of that connection. */
async function exchange(...frames: readonly Buffer[]): Promise<{ readonly there: number; readonly back: readonly Buffer[] }> {
  for (const card of lab.cards.values()) card.take()
  lab.card('evil').send(...frames)
  await settleCards(lab.cards.values())
  return { there: lab.card('friend').take().filter((f) => f.includes(marker)).length, back: lab.card('evil').take() }
}

/** The attacker's own kernel knows nothing of hand-made connections and would reset them. */
async function muteEvil(): Promise<void> {
  const rules = 'add table inet mute; add chain inet mute out { type filter hook output priority 0; }; add rule inet mute out tcp flags rst drop'
  const { code, stderr } = await lab.instance.exec('evil', 'nft', rules)
  assert.equal(code, 0, `a privileged workload has rules of its own: ${stderr}`)
}

/** Opens a connection by hand and gives the numbers to go on with. */
async function handshake(family: IpFamily, sport: number): Promise<{ readonly seq: number; readonly ack: number }> {
  const { back } = await exchange(segment(family, sport, { flags: 'S', seq: 1000 }))
  const tcp = 14 + (family === 'ipv4' ? 20 : 40)
  const answer = back.find((f) => f.length >= tcp + 20 && f[tcp + 13] === 0x12 && f.readUInt16BE(tcp + 2) === sport)
  assert.ok(answer, `${family}: the handshake is answered`)
  return { seq: 1001, ack: (answer.readUInt32BE(tcp + 4) + 1) >>> 0 }
}

const entries = async (sport: number): Promise<string> => (await routerSays(lab, 'sh', '-c', `conntrack -L -f ipv4 2>/dev/null; conntrack -L -f ipv6 2>/dev/null`)).split('\n').filter((line) => line.includes(`sport=${sport} `)).join('\n')

test('established, half-open and idle connections carry nothing after a revocation, nor when the path is granted again', async () => {
  await muteEvil()
  const [established, half, idle] = [ports++, ports++, ports++]
  const live = new Map<IpFamily, { readonly established: { seq: number; ack: number }; readonly half: { seq: number; ack: number }; readonly idle: { seq: number; ack: number } }>()
  for (const family of families) {
    const open = { established: await handshake(family, established), half: await handshake(family, half), idle: await handshake(family, idle) }
    const data = await exchange(segment(family, established, { flags: 'PA', ...open.established, data: marker }), segment(family, idle, { flags: 'A', ...open.idle }))
    assert.equal(data.there, 1, `${family}: what is permitted arrives`)
    live.set(family, open)
  }
  const later = async (why: string): Promise<void> => {
    for (const family of families) {
      const open = live.get(family)
      assert.ok(open)
      const after = { seq: open.established.seq + marker.length, ack: open.established.ack }
      const tries = [
        segment(family, established, { flags: 'PA', ...after, data: marker }), segment(family, established, { flags: 'PAF', ...after, data: marker }),
        segment(family, half, { flags: 'PA', ...open.half, data: marker }), segment(family, idle, { flags: 'PA', ...open.idle, data: marker }),
        segment(family, idle, { flags: 'R', ...open.idle, data: marker }), segment(family, half, { flags: 'SA', ...open.half, data: marker }),
      ]
      assert.equal((await exchange(...tries)).there, 0, `${family}: ${why}`)
    }
  }
  const report = await lab.instance.apply(revoked)
  assert.ok(report.closed.some((line) => line.startsWith('lab/evil -> lab/friend tcp/7000')), JSON.stringify(report.closed))
  await later('after the revocation')
  for (const sport of [established, half, idle]) assert.equal(await entries(sport), '', 'the connection table has forgotten it')
  await lab.instance.apply(documents)
  await later('after it was granted again')
  for (const family of families) {
    const again = await handshake(family, established)
    assert.equal((await exchange(segment(family, established, { flags: 'PA', ...again, data: marker }))).there, 1, 'a new handshake on the same five-tuple is a new connection')
  }
})

test('a flow of datagrams does not outlive its path in either direction', async () => {
  const sport = ports++
  const there = (family: IpFamily): Buffer => lab.fromEvil(packet({ from: lab.evil[family], to: lab.friend[family], payload: { kind: 'udp', sport, dport: 7000, data: marker } }))
  for (const family of families) assert.equal((await exchange(there(family))).there >= 1, true)
  const answers = (frames: readonly Buffer[]): number => frames.filter((f) => f.includes(marker)).length
  await lab.instance.apply(revoked)
  for (const family of families) {
    const { there: arrived } = await exchange(there(family))
    assert.equal(arrived, 0)
    // The answerer goes on with what it took for a connection.
    const reply = packet({ from: lab.friend[family], to: lab.evil[family], payload: { kind: 'udp', sport: 7000, dport: sport, data: marker } })
    const frame = Buffer.concat([Buffer.from(lab.friend.gatewayMac.replaceAll(':', ''), 'hex'), Buffer.from(lab.friend.mac.replaceAll(':', ''), 'hex'), Buffer.from(family === 'ipv4' ? '0800' : '86dd', 'hex'), reply])
    for (const card of lab.cards.values()) card.take()
    lab.card('friend').send(frame)
    await settleCards(lab.cards.values())
    assert.equal(answers(lab.card('evil').take()), 0, `${family}: nothing comes back`)
  }
  await lab.instance.apply(documents)
})

test('a connection that was cut ends at both sockets, though the attacker holds its own and tries to go on', async () => {
  const holder = lab.instance.spawn('evil', 'node', '-e', `const s=require('net').connect({host:'${lab.friend.ipv4}',port:7000,localPort:${ports++}});s.on('connect',()=>{console.log('open');setInterval(()=>s.write('x'),5)});s.on('error',e=>console.log('error',e.code));s.on('close',()=>{console.log('closed');process.exit()})`)
  await said(holder, /open/)
  const end = said(holder, /closed/)
  const report = await lab.instance.apply(revoked)
  assert.ok(report.ended.some((c) => c.source === lab.evil.ipv4), JSON.stringify(report.ended))
  await end
  const left = await lab.instance.exec('friend', 'sh', '-c', 'cat /proc/net/tcp /proc/net/tcp6')
  assert.doesNotMatch(left.stdout, /:1B58 [0-9A-F]+:[0-9A-F]+ 01 /, 'no established socket is left at the other end')
  await lab.instance.apply(documents)
})

test('a new workload inherits no address, no path and no connection of the one before', async () => {
  const sport = ports++
  const numbers = await handshake('ipv4', sport)
  const before = lab.friend.ipv4
  const rest = { evil: workloads.evil, victim: workloads.victim, plain: workloads.plain }
  await lab.instance.apply(labOf(rest, ...policies.filter((p) => !p.includes('friend'))))
  await lab.instance.apply(labOf({ ...rest, stranger: { extra: '  privileged: true\n', script: echo(7000), ports: '[7000]' } }, ...policies.filter((p) => !p.includes('friend'))))
  const stranger = (await lab.instance.status()).workloads.find((w) => w.workload === 'lab/stranger')
  assert.notEqual(stranger?.ipv4, before)
  for (const to of [before, stranger?.ipv4 ?? '']) {
    const data = lab.fromEvil(packet({ from: lab.evil.ipv4, to, payload: { kind: 'tcp', sport, dport: 7000, flags: 'PA', ...numbers, data: marker } }))
    const syn = lab.fromEvil(packet({ from: lab.evil.ipv4, to, payload: { kind: 'tcp', sport, dport: 7000, flags: 'S', seq: 1, data: marker } }))
    for (const card of lab.cards.values()) card.take()
    lab.card('evil').send(data, syn)
    await settleCards([lab.card('evil'), lab.card('victim')])
    assert.deepEqual(lab.card('victim').take().filter((f) => f.includes(marker)), [])
  }
  const heard = await lab.instance.exec('stranger', 'sh', '-c', 'cat /proc/net/tcp /proc/net/tcp6')
  assert.doesNotMatch(heard.stdout, / 0[1-9] .*:1B58 /)
  assert.equal(await entries(sport), '')
})

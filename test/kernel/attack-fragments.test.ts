import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { families, marker, openAttackLab, policies, routerSays, workloads } from './lib/attack.ts'
import { frame, settleCards } from './lib/card.ts'
import { lab as labOf, policy } from './lib/instance.ts'
import { fragments, packet } from './lib/packet.ts'
import type { AttackLab, IpFamily } from './lib/attack.ts'

/** `friend` may also send datagrams to `victim`, which are long enough to come in parts. */
const set = labOf(
  { ...workloads, victim: { ...workloads.friend } },
  ...policies, policy('friend', 'victim', 7000, 'udp'),
)

let lab: AttackLab
let fromOutside: (data: Buffer) => Buffer
let ids = 20_000

before(async () => {
  lab = await openAttackLab({ set })
  const [link] = JSON.parse(await routerSays(lab, 'ip', '-json', 'link', 'show', 'dev', 'bhu0')) as { address: string }[]
  const mac = /link\/ether (\S+)/.exec((await lab.instance.bulkhead('exec', '--outside', '--', 'ip', 'link', 'show', 'eth0')).stdout)?.[1] ?? ''
  fromOutside = (data) => frame(link?.address ?? '', mac, data)
})
after(() => lab.close())

const fromFriend = (data: Buffer): Buffer => frame(lab.friend.gatewayMac, lab.friend.mac, data)

/** What of these reaches `victim` with the marker: frames of one card, then of another. */
async function heard(one: string, first: readonly Buffer[], other = one, then: readonly Buffer[] = []): Promise<number> {
  for (const card of lab.cards.values()) card.take()
  lab.card(one).send(...first)
  await lab.card(one).drain()
  lab.card(other).send(...then)
  await settleCards(lab.cards.values())
  return lab.card('victim').take().filter((f) => f.includes(marker)).length
}

/** A datagram of `friend` to `victim`, in two parts. */
function datagram(family: IpFamily, data: string, at: number, id: number): readonly [Buffer, Buffer] {
  const [first, rest] = fragments(packet({ from: lab.friend[family], to: lab.victim[family], payload: { kind: 'udp', sport: 4242, dport: 7000, data } }), at, id)
  assert.ok(first && rest)
  return [first, rest]
}

/** The same words in another order have the same checksum: a forger who knows what is said needs to know no more. */
const plain = `${marker}!`
const scrambled = (plain.match(/../g) ?? []).reverse().join('')
const clean = scrambled + scrambled
const forged = { first: plain + scrambled, rest: scrambled + plain } as const
/** The header of a datagram, and half of what it says. */
const at = 8 + plain.length

for (const family of families) {
  test(`nobody puts a part of its own into the datagram of another (${family})`, async () => {
    const whole = datagram(family, forged.rest, at, ++ids)
    assert.ok((await heard('friend', whole.map(fromFriend))) > 0, 'in parts, it passes')
    for (const [who, wrap] of [['evil', lab.fromEvil], ['--outside', fromOutside]] as const) {
      for (const half of ['first', 'rest'] as const) {
        const id = ++ids
        const [own, bad] = [datagram(family, clean, at, id), datagram(family, forged[half], at, id)]
        const [lie, truth] = half === 'first' ? [bad[0], own[1]] : [bad[1], own[0]]
        assert.equal(await heard(who, [wrap(lie)], 'friend', [fromFriend(truth)]), 0, `${who}: ${half}`)
      }
    }
  })
}

for (const family of families) {
  test(`who sends parts that are never complete leaves room for the datagrams of others (${family})`, async (t) => {
    const arrived = async (): Promise<number> => {
      let count = 0
      for (let i = 0; i < 5; i++) {
        const [first, rest] = datagram(family, marker.repeat(100), 1200, ++ids)
        count += (await heard('friend', [first, rest].map(fromFriend))) > 0 ? 1 : 0
      }
      return count
    }
    assert.equal(await arrived(), 5, 'nobody is in the way')
    const whole = packet({ from: lab.evil[family], to: lab.friend[family], payload: { kind: 'udp', sport: 4242, dport: 7000, data: 'z'.repeat(1400) } })
    lab.card('evil').send(...Array.from({ length: 8_000 }, (_, i) => lab.fromEvil(fragments(whole, 1200, 1 + i)[0] ?? whole)))
    await lab.card('evil').drain()
    t.diagnostic((await routerSays(lab, 'grep', 'FRAG', '/proc/net/sockstat')).trim())
    assert.equal(await arrived(), 5, 'beside the parts of others')
  })
}

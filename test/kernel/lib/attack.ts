/**
 * An enclave with an attacker in it. `evil` may talk to `friend`, `friend` to `victim`, and nobody to anybody else. All three
 * are privileged, so that attacks are made of real frames and everything that reaches a victim's card is seen.
 */
import assert from 'node:assert/strict'
import { mac } from '../../../src/host/plan.ts'
import { frame, openCard, settleCards } from './card.ts'
import { echo, eventually, lab, openInstance, policy } from './instance.ts'
import { packet } from './packet.ts'
import type { Card } from './card.ts'
import type { House, TestInstance } from './instance.ts'
import type { PacketSpec } from './packet.ts'

export interface Place {
  readonly name: string
  readonly ipv4: string
  readonly ipv6: string
  readonly mac: string
  readonly gatewayMac: string
  /** The router's end. */
  readonly interface: string
}

export interface AttackLab {
  readonly instance: TestInstance
  readonly evil: Place
  readonly friend: Place
  readonly victim: Place
  readonly cards: ReadonlyMap<string, Card>
  readonly card: (name: string) => Card
  /** The frame that `evil` sends to its gateway. */
  readonly fromEvil: (data: Buffer) => Buffer
  /** Sends frames at `evil` and tells at which cards the marker arrived, `name: count`, in order of names; the sender's own left out. */
  readonly reached: (...frames: readonly Buffer[]) => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

/** In the payload of every packet that an attack sends: where it is seen, it got through. */
export const marker = 'BULKHEAD-ATTACK'

const external = 'apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: world }\nspec: { cidrs: [203.0.113.0/24, 2001:db8:1::/48] }'
const published = 'apiVersion: bulkhead.dev/v1\nkind: IngressPolicy\nmetadata: { name: web, enclave: lab }\nspec: { source: external:world, destination: victim, protocol: tcp, port: 7000, authentication: none, publish: { address: [198.51.100.7, "2001:db8:7::7"], port: 80 } }'
const egress = 'apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: out, enclave: lab }\nspec: { source: evil, destination: external:world, protocol: tcp, port: 7000 }'

const server = `${echo(7000)};const u=require('dgram').createSocket({type:'udp6',ipv6Only:false});u.on('message',(m,r)=>u.send(m,r.port,r.address));u.bind(7000)`
const privileged = '  privileged: true\n'

export const workloads = {
  evil: { extra: privileged },
  friend: { extra: privileged, script: server, ports: '[7000, { port: 7000, protocol: udp }]' },
  victim: { extra: privileged, script: server, ports: '[7000]' },
  plain: {},
}
export const policies = [policy('evil', 'friend', 7000), policy('evil', 'friend', 7000, 'udp'), policy('friend', 'victim', 7000), external, published, egress]
export const documents = lab(workloads, ...policies)

/** With a card in each of the three and one outside; they hear only the marker unless `hearAll`. */
export async function openAttackLab(options: { readonly hearAll?: boolean; readonly set?: string; readonly house?: House } = {}): Promise<AttackLab> {
  const { instance, close } = openInstance(options.house)
  try {
    const report = await instance.up(options.set ?? documents)
    assert.equal(report.applied, true, JSON.stringify(report))
    const status = await instance.status()
    const place = (name: string): Place => {
      const found = status.workloads.find((w) => w.workload === `lab/${name}`)
      assert.ok(found, name)
      const slot = Number(found.interface.slice('bhw'.length))
      return { name, ipv4: found.ipv4, ipv6: found.ipv6, mac: mac(1, slot), gatewayMac: mac(0, slot), interface: found.interface }
    }
    const [evil, friend, victim] = [place('evil'), place('friend'), place('victim')]
    const cards = new Map<string, Card>()
    await Promise.all(
      ['evil', 'friend', 'victim', '--outside'].map(async (name) => {
        await eventually(async () => void cards.set(name, await openCard(instance, name, options.hearAll === true || name === 'evil' ? undefined : marker)))
      }),
    )
    const card = (name: string): Card => {
      const found = cards.get(name)
      assert.ok(found, name)
      return found
    }
    const reached: AttackLab['reached'] = async (...frames) => {
      for (const c of cards.values()) c.take()
      card('evil').send(...frames)
      await settleCards(cards.values())
      return [...cards]
        .filter(([name]) => name !== 'evil')
        .map(([name, c]) => ({ name, count: c.take().filter((data) => data.includes(marker)).length }))
        .filter(({ count }) => count > 0)
        .map(({ name, count }) => `${name}: ${count}`)
        .sort()
    }
    return {
      instance, evil, friend, victim, cards, card, reached,
      fromEvil: (data) => frame(evil.gatewayMac, evil.mac, data),
      close: async () => {
        await Promise.all([...cards.values()].map((c) => c.close()))
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

export const families = ['ipv4', 'ipv6'] as const
export type IpFamily = (typeof families)[number]

let ports = 30_000

/** A first packet that carries the marker; `overrides` change what an attack changes. */
export function probe(family: IpFamily, from: Place, to: { readonly ipv4: string; readonly ipv6: string }, kind: 'tcp' | 'udp' = 'tcp', port = 7000, overrides: Partial<PacketSpec> = {}): Buffer {
  const sport = ports++
  const payload = kind === 'tcp' ? ({ kind, sport, dport: port, flags: 'S', data: marker } as const) : ({ kind, sport, dport: port, data: marker } as const)
  return packet({ from: from[family], to: to[family], payload, ...overrides })
}

/** What one command in the router namespace says. */
export async function routerSays(lab: Pick<AttackLab, 'instance'>, ...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.instance.router(...argv)
  assert.equal(code, 0, stderr)
  return stdout
}

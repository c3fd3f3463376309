/**
 * SCTP without a kernel that speaks it: the first packet of an association is written onto the pod's interface, and when it
 * arrives at its destination it is answered there. What is judged are the packets.
 */
import { enter, findInstance } from '../../../src/host/instance.ts'
import { placeNetns } from '../../../src/host/plan.ts'
import { run, start } from '../../../src/base/process.ts'
import { join } from 'node:path'
import { openWire, settle } from '../../kernel/lib/wire.ts'
import { describe, packet } from '../../kernel/lib/packet.ts'
import type { WorkloadId } from '../../../src/model/platform.ts'
import type { Wire } from '../../kernel/lib/wire.ts'

export interface Sctp {
  /** `x/a -> y/b` of the associations whose first packet arrived and whose answer came back. */
  readonly probe: (port: number) => Promise<ReadonlySet<string>>
  readonly close: () => Promise<void>
}

export async function openSctp(state: string, addresses: ReadonlyMap<string, string>): Promise<Sctp> {
  const where = await findInstance({ name: 'default', folder: join(state, 'default') })
  if (where === undefined) throw new Error('the instance does not run')
  const wires = new Map<string, Wire>()
  const inside = { start: (argv: readonly string[]) => start(enter(where, argv), { stdio: ['pipe', 'pipe', 'inherit'] }) }
  for (const pod of addresses.keys()) {
    const netns = placeNetns('', pod as WorkloadId, 0)
    const { stdout } = await run(enter(where, ['ip', '-n', netns, 'neigh', 'show', '169.254.1.1']))
    const mac = /lladdr ([0-9a-f:]+)/.exec(stdout)?.[1]
    if (mac === undefined) throw new Error(`no router for ${pod}: ${stdout}`)
    wires.set(pod, await openWire(inside, netns, 'eth0', mac))
  }
  let sport = 30_000
  return {
    probe: async (port) => {
      const open = new Set<string>()
      for (const [source, wire] of wires) {
        const others = [...wires].filter(([pod]) => pod !== source)
        await settle(wires.values())
        for (const each of wires.values()) each.take()
        sport++
        const from = addresses.get(source) ?? ''
        for (const [pod] of others) wire.send(packet({ from, to: addresses.get(pod) ?? '', payload: { kind: 'sctp', sport, dport: port, chunk: 1 } }))
        await settle(wires.values())
        for (const [pod, other] of others) {
          const to = addresses.get(pod) ?? ''
          const arrived = other.take().map(describe).some((line) => line.includes(`${from}:${sport} > ${to}:${port}`))
          if (arrived) other.send(packet({ from: to, to: from, payload: { kind: 'sctp', sport: port, dport: sport, chunk: 2, tag: 1 } }))
        }
        await settle(wires.values())
        const answers = wire.take().map(describe)
        for (const [pod] of others) if (answers.some((line) => line.includes(`${addresses.get(pod) ?? ''}:${port} > ${from}:${sport}`))) open.add(`${source} -> ${pod}`)
      }
      return open
    },
    close: async () => {
      await Promise.all([...wires.values()].map((wire) => wire.close()))
    },
  }
}

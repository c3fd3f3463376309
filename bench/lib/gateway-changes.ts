/** Changes at a running outbound gateway: one policy after the other is revoked, while a connection by it says something all the time. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { apply } from '../../src/engines/envoy/apply.ts'
import { filesFor, nameOf, perWorkload, workloadAddress } from './gateway-policies.ts'
import { helper, processorMs } from './gateways.ts'
import type { Ended, Held } from '../load/gateway-holder.ts'
import type { Platform } from '../../src/model/platform.ts'
import type { Running } from './gateways.ts'

/** Milliseconds of every change. */
export interface Changes {
  /** Documents to files. */
  readonly rendered: number[]
  /** Files to accepted by Envoy. */
  readonly accepted: number[]
  /** Processor time of Envoy for it. */
  readonly processor: number[]
  /** From the documents on, to the last byte. */
  readonly lastByte: number[]
  /** From the files on. */
  readonly lastByteFromFiles: number[]
  /** Connections by other policies, that had to stay and did. */
  kept: number
}

interface Where {
  readonly platform: Platform
  readonly gateway: Running
  readonly led: string
  readonly hello: (name: string) => Promise<string>
  readonly progress: (text: string) => void
}

/** Which workloads lose a policy: spread over all of them. */
export function losers(policies: number, revocations: number): readonly number[] {
  const workloads = Math.ceil(policies / perWorkload)
  const count = Math.min(revocations, workloads)
  return Array.from({ length: count }, (_, i) => Math.floor((i * workloads) / count))
}

const now = (): number => Number(process.hrtime.bigint()) / 1e6

/** Every workload of `which` holds a connection by its first policy, which is revoked, and one by its second, which stays. */
export async function revoke(which: readonly number[], { platform, gateway, led, hello, progress }: Where): Promise<Changes> {
  const found: Changes = { rendered: [], accepted: [], processor: [], lastByte: [], lastByteFromFiles: [], kept: 0 }
  const held: Held[] = []
  for (const policy of [0, 1]) for (const of of which) held.push({ from: workloadAddress(of), to: led, port: 443, send: await hello(nameOf(of, policy)) })
  const holder = helper('client', 'gateway-holder.ts')
  const ended = new Map<number, number>()
  holder.say(held)
  if ((await holder.ready()) !== 'ready') throw new Error('a connection was refused')
  void (async () => {
    for (;;) {
      const { index, last } = JSON.parse(await holder.ready()) as Ended
      ended.set(index, last)
    }
  })()
  let standing = platform
  for (const [i, of] of which.entries()) {
    const revoked = `out-${of * perWorkload}`
    standing = { ...standing, egressPolicies: standing.egressPolicies.filter(({ name }) => name !== revoked) }
    const began = now()
    const files = filesFor(standing, 'outbound', gateway.folder)
    const given = now()
    const before = processorMs(gateway.pid)
    await apply(files, { folder: gateway.folder, timeoutMs: 60_000 })
    const accepted = now()
    found.processor.push(processorMs(gateway.pid) - before)
    while (!ended.has(i)) {
      if (now() > accepted + 20_000) throw new Error(`a revoked connection lives: ${readFileSync(`${gateway.folder}/envoy.log`, 'utf8').slice(-500)}`)
      await sleep(10)
    }
    const last = ended.get(i) ?? NaN
    found.rendered.push(given - began)
    found.accepted.push(accepted - given)
    found.lastByte.push(last - began)
    found.lastByteFromFiles.push(last - given)
    progress(`${i + 1}/${which.length} revocations`)
  }
  const lost = [...ended.keys()].filter((index) => index >= which.length)
  if (lost.length > 0) throw new Error(`${lost.length} connections by policies that stand were cut`)
  found.kept = which.length
  return found
}

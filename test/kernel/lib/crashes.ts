/** Kills the agent, the command, or both, somewhere in the middle of a change, again and again. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { echo, eventually, lab, policy, withInstance } from './instance.ts'
import { hammer, hits, knocks } from './hammer.ts'
import { agentPid, killNow, leftBehind } from './processes.ts'
import type { House, TestInstance } from './instance.ts'

const client = 'lab.client.0'
/** 7000 comes and goes; 7009 is never open to anybody. */
const workloads = { client: { script: hammer([7000, 7009]) }, server: { script: echo(7000, 7009), ports: '[7000, 7009]' } }
const granted = lab(workloads, policy('client', 'server', 7000))
/** Revokes, and has more to do: another workload, another path. */
const revoked = lab({ ...workloads, extra: {} }, policy('extra', 'server', 7009))

export interface CrashOptions {
  /** A sandbox when unsaid. */
  readonly house?: House
  readonly rounds: number
  /** Fewer rounds when this much time has passed, but at least a quarter of them. */
  readonly mostMs: number
  readonly seed: number
}

/** Chance that can be repeated (mulberry32, a public-domain generator). */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Gives the number of rounds that were played. */
export async function crashLoop({ rounds, mostMs, seed, house }: CrashOptions): Promise<number> {
  const random = chance(seed)
  let played = 0
  await withInstance(async (i) => {
    const closed: { from: number; to: number }[] = []
    await complete(i, granted)
    const long = { up: 900, apply: 600, down: 700 }
    const began = performance.now()
    while (played < rounds && (played * 4 < rounds || performance.now() - began < mostMs)) {
      const verb = random() < 0.15 ? 'down' : random() < 0.5 ? 'up' : 'apply'
      const what = `round ${played} of seed ${seed}: ${verb}`
      const revoking = random() < 0.5
      await interrupt(i, verb, revoking ? revoked : granted, random() * long[verb], random())
      const revokes = random() < 0.5
      await complete(i, revokes ? revoked : granted, what)
      const from = Date.now()
      if (revokes) {
        await sleep(60)
        closed.push({ from, to: Date.now() })
      }
      played++
    }
    const found = hits(i, client)
    assert.ok(knocks(i, client) > 20 * played, `it knocked ${knocks(i, client)} times`)
    assert.ok(found.some((h) => h.port === 7000), 'the open path was found open')
    assert.deepEqual(found.filter((h) => h.port === 7009), [], 'a path that is never open was open')
    // A connection that was made before may be noted a moment later.
    assert.deepEqual(found.filter((h) => h.port === 7000 && closed.some((c) => h.at > c.from + 20 && h.at < c.to)), [], 'a revoked path was open')
    await complete(i, granted)
    const evidence = await i.verify()
    assert.deepEqual([evidence.mismatches, evidence.deviations, evidence.reading.differences], [[], [], []])
    await i.bulkhead('down')
    await eventually(async () => assert.deepEqual(leftBehind(i), [], 'nothing is left after down'))
  }, house)
  return played
}

/** `victim` below 0.7: the agent; below 0.85: the command; else both. */
async function interrupt(i: TestInstance, verb: 'up' | 'apply' | 'down', text: string, delayMs: number, victim: number): Promise<void> {
  i.write(text)
  const argv = verb === 'up' ? ['up', i.directory, ...i.flags] : verb === 'apply' ? ['apply', i.directory] : ['down']
  const child = i.spawnCommand(...argv)
  child.stdout?.resume()
  child.stderr?.resume()
  const ended = once(child, 'exit')
  await sleep(150 + delayMs)
  if (victim < 0.7 || victim >= 0.85) killNow(agentPid(i))
  if (victim >= 0.7) child.kill('SIGKILL')
  const late = setTimeout(() => child.kill('SIGKILL'), 60_000)
  const [, signal] = (await ended) as [number | null, string | null]
  clearTimeout(late)
  assert.ok(signal === null || victim >= 0.7, `\`bulkhead ${verb}\` hung after its agent was killed`)
}

/** The next command completes whatever was left. */
async function complete(i: TestInstance, text: string, what = 'at first'): Promise<void> {
  i.write(text)
  const { code, stdout, stderr } = await i.bulkhead('up', i.directory, ...i.flags)
  assert.equal(code, 0, `${what}: ${stdout}${stderr}`)
  const processes = await i.router('sh', '-c', `for p in $(ip netns pids ${i.prefix}lab.client.0); do tr "\\0" " " </proc/$p/cmdline; echo; done`)
  assert.equal(processes.stdout.split('\n').filter((line) => line.startsWith('node ')).length, 1, `${what}: one process for one workload\n${processes.stdout}`)
  const status = await i.bulkhead('status')
  assert.equal(status.code, 0, `${what}: ${status.stdout}${status.stderr}`)
}

/** Workloads that try a closed path in their first instruction, each in a place that was made for it a moment before. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { echo, eventually, lab, policy, withInstance } from './instance.ts'
import type { TestInstance } from './instance.ts'

export interface Race {
  readonly starts: number
  readonly breaches: number
  /** First attempts on the allowed path that did not succeed. */
  readonly late: number
  /** Milliseconds from the first instruction to the first connection on the allowed path; sorted. */
  readonly reachedMs: readonly number[]
}

const server = { script: echo(7000, 7009), ports: '[7000, 7009]' }

/** bash speaks TCP by itself: no program has to be loaded before the first attempt. */
function racer(name: string, address: string): string {
  const script = [
    `(exec 3<>/dev/tcp/${address}/7009) 2>/dev/null && echo breach`,
    'began=$EPOCHREALTIME; tries=1',
    `until (exec 3<>/dev/tcp/${address}/7000) 2>/dev/null; do tries=$((tries + 1)); done`,
    'echo "ready $began $EPOCHREALTIME $tries"',
    'exec sleep infinity',
  ].join('\n')
  return `apiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: { name: ${name}, enclave: lab }\nspec: { run: { command: [bash, -c, ${JSON.stringify(script)}] } }`
}

export async function race(starts: number, atOnce: number): Promise<Race> {
  const all = { starts: 0, breaches: 0, late: 0, reachedMs: [] as number[] }
  await withInstance(async (i) => {
    await i.up(lab({ server }))
    const address = (await i.status()).workloads[0]?.ipv4 ?? ''
    await eventually(async () => assert.match((await i.exec('server', 'cat', '/proc/net/tcp6')).stdout, /:1B58 /))
    for (let round = 0; all.starts < starts; round++) {
      const names = Array.from({ length: Math.min(atOnce, starts - all.starts) }, (_, n) => `racer-${round}-${n}`)
      const report = await i.apply(lab({ server }, ...names.map((name) => racer(name, address)), ...names.map((name) => policy(name, 'server', 7000))))
      assert.deepEqual(report.failed, [])
      for (const name of names) {
        const said = await finished(i, name)
        all.starts++
        all.breaches += said.includes('breach') ? 1 : 0
        const [, began, reached, tries] = /^ready (\S+) (\S+) (\d+)$/m.exec(said) ?? []
        all.late += tries === '1' ? 0 : 1
        all.reachedMs.push((Number(reached) - Number(began)) * 1000)
      }
    }
  })
  return { ...all, reachedMs: all.reachedMs.sort((a, b) => a - b) }
}

async function finished(i: TestInstance, name: string): Promise<string> {
  const log = join(i.state, 'default', 'log', `lab.${name}.0.log`)
  let said = ''
  await eventually(() => {
    said = readFileSync(log, 'utf8')
    assert.match(said, /^ready /m, `${name} said ${said}`)
    return Promise.resolve()
  }, 30_000)
  return said
}

/**
 * How long a change by somebody else stands: the rules, routes, interfaces and settings of a machine with workloads are harmed
 * in one way after the other, and the agent's own account says when it noticed and when everything was as it should be again.
 */
import { harmedSet, harms } from '../test/kernel/lib/harms.ts'
import { eventually, withInstance } from '../test/kernel/lib/instance.ts'
import { option, quick, report } from './lib/results.ts'
import { digits, spread, table } from './lib/stats.ts'
import type { Harm } from '../test/kernel/lib/harms.ts'
import type { TestInstance } from '../test/kernel/lib/instance.ts'

const rounds = Number(option('rounds') ?? (quick ? 1 : 10))

/** Milliseconds from the end of the harmful command until all was as it should be. A look that was under way may have seen it, too. */
async function repair(i: TestInstance, { name, command, seen }: Harm): Promise<number> {
  const argv = await command(i)
  const known = new Set((await i.status()).drift.map((d) => JSON.stringify(d)))
  const { code, stderr } = await i.router(...argv)
  if (code !== 0) throw new Error(`${name}: ${stderr}`)
  const harmed = Date.now()
  let found: number | undefined
  await eventually(async () => {
    const { drift, enforced } = await i.status()
    const told = drift.find((d) => !known.has(JSON.stringify(d)) && seen.test(d.what))
    if (told?.repaired !== true || !enforced) throw new Error(`${name}: not repaired`)
    found = Math.max(0, Date.parse(told.at) + told.tookMs - harmed)
  })
  if (found === undefined) throw new Error(name)
  return found
}

const repairs = new Map<string, number[]>(harms.map(({ name }) => [name, []]))
await withInstance(async (i) => {
  const { applied, failed } = await i.up(harmedSet)
  if (!applied || failed.length > 0) throw new Error(JSON.stringify(failed))
  for (let round = 0; round < rounds; round++) {
    for (const harm of harms) repairs.get(harm.name)?.push(await repair(i, harm))
    process.stderr.write(`round ${round + 1}/${rounds}\n`)
  }
})

const whole = [...repairs.values()].flat()
const row = (name: string, values: readonly number[]): readonly string[] => {
  const { count, min, median, max } = spread(values)
  return [name, String(count), ...[min, median, max].map(digits)]
}
report({
  name: 'drift',
  command: ['npm run bench:drift --', ...process.argv.slice(2)].join(' ').replace(/ --$/, ''),
  lines: [
    'Milliseconds from the end of the command that did it until all is as it should be. Settings are looked at twice a second; of all else the kernel tells.',
    '',
    ...table(['what was done', 'times', 'min', 'median', 'max'], [...repairs].map(([name, each]) => row(name, each))),
    '',
    `The longest took ${digits(spread(whole).max)} ms (target: under 1,000).`,
  ],
})

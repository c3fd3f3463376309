/** Kubernetes' network policies, imported and enforced by this host's kernel, held to their truth tables with real packets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cases } from './cases.ts'
import { podNames, withCluster } from './lib/cluster.ts'
import type { Table } from './cases.ts'
import type { TestCluster } from './lib/cluster.ts'

test('the truth tables are 48, each of its own name', () => {
  assert.equal(new Set(cases.map(({ name }) => name)).size, 48)
})

test('pods of imported manifests reach each other just as the truth tables say', async (t) => {
  await withCluster(async (cluster) => {
    for (const { name, steps } of cases) {
      await t.test(name, async () => {
        for (const { state, tables } of steps(cluster.address)) {
          await cluster.put(state)
          for (const table of tables) await holds(cluster, table)
        }
      })
    }
  })
})

async function holds(cluster: TestCluster, table: Table): Promise<void> {
  const { protocol = 'tcp', port } = table
  const expected = expectedOpen(table)
  let seen = await cluster.probe(protocol, port)
  // A probe may be late on a busy machine; what is closed must be closed every time.
  for (let tries = 1; tries < 6 && [...expected].some((pair) => !seen.has(pair)); tries++) {
    seen = new Set([...seen, ...(await cluster.probe(protocol, port))])
  }
  assert.equal(drawn(seen), drawn(expected), `${protocol} ${port}`)
}

function expectedOpen({ closed = [], open = [] }: Table): ReadonlySet<string> {
  const pairs = podNames.flatMap((from) => podNames.filter((to) => to !== from).map((to) => ({ from, to })))
  const matches = (patterns: readonly string[], from: string, to: string): boolean => patterns.some((pattern) => {
    const [source = '', destination = ''] = pattern.split(' -> ')
    return isOne(source, from) && isOne(destination, to)
  })
  return new Set(pairs.filter(({ from, to }) => !matches(closed, from, to) || matches(open, from, to)).map(({ from, to }) => `${from} -> ${to}`))
}

function isOne(pattern: string, pod: string): boolean {
  return pattern === '*' || pattern === pod || (pattern.endsWith('/*') && pod.startsWith(pattern.slice(0, -1)))
}

/** `.` for open and `X` for closed: a table that can be compared by eye. */
function drawn(open: ReadonlySet<string>): string {
  const row = (from: string): string => podNames.map((to) => (to === from ? ' - ' : open.has(`${from} -> ${to}`) ? ' . ' : ' X ')).join(' ')
  return [`    ${podNames.join(' ')}`, ...podNames.map((from) => `${from} ${row(from)}`)].join('\n')
}

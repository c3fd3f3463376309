/** A sandboxed group, with packets: members reach each other on declared ports, and nothing else reaches or leaves it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dial, echo, eventually, lab, policy, withInstance } from './lib/instance.ts'

const group = (members: string, rest = ''): string => `apiVersion: bulkhead.dev/v1\nkind: Group\nmetadata: { name: pipeline, enclave: lab }\nspec: { members: [${members}]${rest} }`
const member = { script: echo(7000, 7001), ports: '[7000]', extra: '  groups: [pipeline]\n' }
const outsider = { script: echo(7000, 7001), ports: '[7000]' }

test('members reach each other on declared ports and on nothing else; one half of a consent opens nothing', async () => {
  await withInstance(async (i) => {
    // `shy` is listed and does not join, `keen` joins and is not listed.
    const workloads = { ingest: member, clean: member, keen: member, shy: outsider, stranger: outsider }
    await i.up(lab(workloads, group('ingest, clean, shy')))
    const { workloads: places } = await i.status()
    const tried = async (from: string, to: string, port: number): Promise<string> => {
      const place = places.find((w) => w.workload === `lab/${to}`)
      const answers = await Promise.all([place?.ipv4, place?.ipv6].map(async (address) => (await i.exec(from, ...dial(address ?? '', port, 10_000))).stdout.trim()))
      return [...new Set(answers)].join()
    }
    await eventually(async () => assert.deepEqual([await tried('ingest', 'clean', 7000), await tried('clean', 'ingest', 7000)], ['open', 'open']))
    const closed = [['ingest', 'clean', 7001], ['ingest', 'stranger', 7000], ['stranger', 'ingest', 7000], ['ingest', 'shy', 7000], ['shy', 'clean', 7000], ['ingest', 'keen', 7000], ['keen', 'clean', 7000]] as const
    for (const [from, to, port] of closed) assert.equal(await tried(from, to, port), 'ECONNREFUSED', `${from} -> ${to} ${port}`)

    // A path across the edge is refused as a whole set; with the group's own exception it opens, and only so far.
    const across = [policy('stranger', 'ingest', 7001)]
    const refused = await i.apply(lab(workloads, group('ingest, clean, shy'), ...across))
    assert.deepEqual([refused.applied, refused.diagnostics.filter((d) => d.severity === 'error').map((d) => d.code)], [false, ['group-edge']])
    assert.equal(await tried('stranger', 'ingest', 7001), 'ECONNREFUSED')
    const excepted = await i.apply(lab(workloads, group('ingest, clean, shy', ', exceptions: [{ with: stranger, direction: in }]'), ...across))
    assert.equal(excepted.applied, true)
    assert.deepEqual([await tried('stranger', 'ingest', 7001), await tried('stranger', 'ingest', 7000), await tried('stranger', 'clean', 7001), await tried('ingest', 'stranger', 7000)], ['open', 'ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED'])
  })
})

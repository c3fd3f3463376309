/** Damaged and hostile manifests: always an answer or diagnostics, in bounded time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { measured } from '../../base/testing.ts'
import { analyseCluster, connections } from './connections.ts'
import { importCluster } from './documents.ts'
import { matrixLines, networkPolicy, pod, problems, read } from './testing.ts'
import { manifestSets } from './testing/arbitrary-manifests.ts'
import { manifestText } from './testing/manifests.ts'

const inserts = ['{', '}', '[', ']', ':', '- ', '\n', '"', "'", '---\n', 'null', '-1', '65536', '1e999', '0o17', '.inf', '&a ', '*a', '!!binary ', '<<: ', '__proto__', 'constructor', '\u202e', '\t', '  ', 'items', '::/0', 'x'.repeat(300)]

/** One wound: something cut out, doubled, put in, or exchanged for something else of the text. */
const wounds = fc.array(fc.tuple(fc.constantFrom('cut', 'double', 'insert', 'swap'), fc.nat(), fc.nat({ max: 60 }), fc.constantFrom(...inserts)), { minLength: 1, maxLength: 6 })

function wound(text: string, list: readonly (readonly [string, number, number, string])[]): string {
  let out = text
  for (const [how, where, length, piece] of list) {
    const at = out.length === 0 ? 0 : where % out.length
    const part = out.slice(at, at + length)
    if (how === 'cut') out = out.slice(0, at) + out.slice(at + length)
    else if (how === 'double') out = out.slice(0, at) + part + out.slice(at)
    else if (how === 'insert') out = out.slice(0, at) + piece + out.slice(at)
    else out = out.slice(0, at) + piece + out.slice(at + length)
  }
  return out
}

function survives(text: string): void {
  const { ms } = measured(() => {
    const { cluster, diagnostics } = read([text])
    assert.equal(cluster === undefined, diagnostics.some((d) => d.severity === 'error'))
    if (cluster === undefined) return
    connections(analyseCluster(cluster))
    importCluster(cluster, { run: true })
  })
  assert.ok(ms < 10_000, `${ms} ms`)
}

test('damaged manifests give diagnostics or an answer, never an exception', () => {
  fc.assert(fc.property(manifestSets, wounds, (manifests, list) => survives(wound(manifestText(manifests), list))), { numRuns: 400 })
})

test('values of any shape in the place of a field are told', () => {
  fc.assert(
    fc.property(manifestSets, fc.nat(), fc.jsonValue({ maxDepth: 2 }), (manifests, which, value) => {
      const text = manifestText(manifests)
      const places = [...text.matchAll(/: (?=[[{"0-9])/g)].map((match) => match.index + 2)
      const at = places[which % places.length] ?? 0
      // The rest of the value stays behind and breaks the syntax, or does not.
      survives(text.slice(0, at) + JSON.stringify(value) + text.slice(at))
      const manifest = JSON.parse(JSON.stringify(manifests[which % manifests.length])) as Record<string, unknown>
      const spec = manifest['spec'] as Record<string, unknown> | undefined
      const key = Object.keys(spec ?? {})[which % Math.max(1, Object.keys(spec ?? {}).length)]
      if (spec !== undefined && key !== undefined) spec[key] = value
      survives(JSON.stringify(manifest))
    }),
    { numRuns: 300 },
  )
})

test('lists in lists, owners in a circle and huge policies end', () => {
  const nested = (depth: number): string => (depth === 0 ? '{ apiVersion: v1, kind: Pod }' : `{ apiVersion: v1, kind: List, items: [${nested(depth - 1)}] }`)
  assert.match(problems([nested(6)]).join(), /too-deep/)
  const circle = ['a', 'b'].map((name, i) => `apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: { name: ${name}, ownerReferences: [{ kind: ReplicaSet, name: ${['b', 'a'][i] ?? ''}, controller: true }] }\nspec: { template: { spec: { containers: [] } } }\n`)
  assert.equal(problems(circle).length, 0)
  const peers = Array.from({ length: 3000 }, (_, i) => `{ ipBlock: { cidr: 10.${i >> 8}.${i & 255}.0/24 } }`).join(', ')
  const began = performance.now()
  assert.equal(matrixLines(pod('a'), networkPolicy('p', `{ podSelector: {}, ingress: [{ from: [${peers}] }] }`)).filter((line) => line.includes('=> default/a')).length, 3000)
  assert.ok(performance.now() - began < 20_000)
})

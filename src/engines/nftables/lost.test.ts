import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lost } from './lost.ts'
import { lowered, path } from './testing.ts'
import type { Path } from '../../intent/intent.ts'
import type { Lost } from './lost.ts'

const workloads = ['e/a', 'e/b', 'e/c'] as const
const externals = { web: ['203.0.113.0/24'], more: ['198.51.100.0/24'] }
const name = (title: string): { document: string } => ({ document: title })

function losing(before: readonly Path[], after: readonly Path[]): Lost | undefined {
  const first = lowered({ workloads, externals, paths: before }, 0)
  const second = lowered({ workloads, externals, paths: after }, 0, first.ids)
  return lost(first.atoms, second.atoms)
}

const ab = path('e/a', 'e/b', 'tcp 80', name('A'))
const ac = path('e/a', 'e/c', 'tcp 1-9', name('B'))
const out = path('e/a', 'external:web', 'tcp 443', name('C'))

test('a path that goes is lost, and nothing else', () => {
  const found = losing([ab, ac], [ac])
  assert.deepEqual([...(found?.paths ?? [])], [1])
  assert.deepEqual(found?.direct.map((a) => [a.protocol, a.match]), [['tcp', { kind: 'port', port: 80 }]])
  assert.deepEqual(losing([ab, ac, out], [out, ac, ab]), { paths: new Set(), direct: [] })
  assert.deepEqual(losing([ab], [ab, ac]), { paths: new Set(), direct: [] })
})

test('a path that another document opens as well has another id, and its connections are only looked at', () => {
  const found = losing([ab, path('e/a', 'e/b', 'tcp 80', name('D'))], [ab])
  assert.equal(found?.paths.size, 1)
  assert.deepEqual(found?.direct, [])
})

test('a range that shrinks loses what it was', () => {
  const found = losing([ac], [path('e/a', 'e/c', 'tcp 1-5', name('B'))])
  assert.equal(found?.paths.size, 1)
  assert.deepEqual(found?.direct.map((a) => a.match), [{ kind: 'range', from: 1, to: 9 }])
})

test('what goes to the outside is lost by its id; when addresses change class, anything may be', () => {
  assert.deepEqual([...(losing([ab, out, path('e/b', 'external:web', 'tcp 443', name('E'))], [ab, out])?.paths ?? [])].length, 1)
  assert.equal(losing([out], [out, path('e/b', 'external:more', 'udp 53', name('F'))]), undefined)
  assert.deepEqual(losing([ab], [ab, out]), { paths: new Set(), direct: [] })
})

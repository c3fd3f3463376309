import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')

interface Cruise {
  readonly modules: readonly { readonly source: string }[]
  readonly summary: { readonly violations: readonly { readonly from: string; readonly to: string; readonly rule: { readonly name: string } }[] }
}

function cruise(folder: string, places: readonly string[]): Cruise {
  const tool = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs')
  const args = [tool, ...places, '--config', join(root, '.dependency-cruiser.cjs'), '--output-type', 'json']
  const ended = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 })
  assert.ok(ended.stdout.startsWith('{'), `dependency-cruiser did not run: ${ended.stderr}`)
  return JSON.parse(ended.stdout) as Cruise
}

/** The names of the rules that a small tree of its own breaks. */
function broken(files: Readonly<Record<string, string>>): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-layering-'))
  try {
    for (const [file, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
      mkdirSync(join(folder, dirname(file)), { recursive: true })
      writeFileSync(join(folder, file), text)
    }
    return [...new Set(cruise(folder, ['src']).summary.violations.map((found) => found.rule.name))].sort()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const command = `import '../base/clock.ts'\n`

test('every folder imports only what stands before it, and the pure ones no built-ins', () => {
  const places = ['src', 'test', ...['bench', 'examples'].filter((place) => globSync(`${place}/**/*.ts`, { cwd: root }).length > 0)]
  const { modules, summary } = cruise(root, places)
  const found = summary.violations.map(({ rule, from, to }) => `  ${rule.name}: ${from}${to === from ? '' : ` -> ${to}`}`)
  assert.equal(found.length, 0, `the layering is broken\n${found.join('\n')}`)
  const cruised = new Set(modules.map((module) => module.source))
  const files = globSync(places.map((place) => `${place}/**/*.ts`), { cwd: root })
  assert.ok(files.length > 0)
  assert.deepEqual(files.filter((file) => !cruised.has(file)).sort(), [], 'files that the layering check never saw')
})

test('a tree that keeps the order breaks no rule', () => {
  assert.deepEqual(broken({ 'src/cli/main.ts': command, 'src/base/clock.ts': `import 'node:fs'\n` }), [])
})

const breaches: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ['an import of a later folder', 'order-base', { 'src/base/clock.ts': `import '../net/ports.ts'\n`, 'src/net/ports.ts': 'export {}\n' }],
  ['an import of a later folder for a type alone', 'order-base', {
    'src/base/clock.ts': `import type { A } from '../net/ports.ts'\nexport type B = A\n`,
    'src/net/ports.ts': 'export type A = 1\n',
  }],
  ['a folder that is not in the order', 'known-folder', {
    'src/base/clock.ts': 'export const a = 1\n',
    'src/misc/a.ts': `import '../base/clock.ts'\n`,
    'src/cli/main.ts': `import '../misc/a.ts'\n`,
  }],
  ['a built-in in a pure folder', 'pure', {
    'src/cli/main.ts': `import '../net/ports.ts'\nimport '../base/clock.ts'\n`,
    'src/base/clock.ts': 'export {}\n',
    'src/net/ports.ts': `import 'node:fs'\n`,
  }],
  ['a built-in in an engine\'s render', 'pure', {
    'src/cli/main.ts': `import '../engines/dns/render.ts'\n`,
    'src/engines/dns/render.ts': `import { hostname } from 'os'\nexport const a = hostname\n`,
  }],
  ['an engine that knows another', 'engines-apart', {
    'src/cli/main.ts': `import '../engines/dns/apply.ts'\n`,
    'src/engines/dns/apply.ts': `import '../nftables/apply.ts'\n`,
    'src/engines/nftables/apply.ts': 'export {}\n',
  }],
  ['a reference evaluator that sees the intent through another file', 'second-opinion', {
    'src/cli/main.ts': `import '../verify/live.ts'\n`,
    'src/verify/live.ts': `import './reference.ts'\n`,
    'src/verify/reference.ts': `import './words.ts'\n`,
    'src/verify/words.ts': `import '../intent/intent.ts'\n`,
    'src/intent/intent.ts': 'export {}\n',
  }],
  ['a verification that decides by the Intent', 'verification-apart', {
    'src/cli/main.ts': `import '../verify/names.ts'\n`,
    'src/verify/names.ts': `import '../intent/decide.ts'\n`,
    'src/intent/decide.ts': 'export {}\n',
  }],
  ['a reader that looks at the renderer', 'read-apart', {
    'src/cli/main.ts': `import '../engines/dns/read.ts'\n`,
    'src/engines/dns/read.ts': `import './render.ts'\n`,
    'src/engines/dns/render.ts': 'export {}\n',
  }],
  ['a process started elsewhere', 'one-home-for-processes', { 'src/cli/main.ts': `import 'node:child_process'\n` }],
  ['a circle', 'no-circular', {
    'src/cli/main.ts': `import '../base/clock.ts'\n`,
    'src/base/clock.ts': `import './time.ts'\n`,
    'src/base/time.ts': `import './clock.ts'\n`,
  }],
  ['a file that nothing uses', 'in-use', { 'src/cli/main.ts': command, 'src/base/clock.ts': 'export {}\n', 'src/base/time.ts': `import './clock.ts'\n` }],
  ['a file that stands alone', 'no-orphans', { 'src/cli/main.ts': command, 'src/base/clock.ts': 'export {}\n', 'src/base/time.ts': 'export {}\n' }],
  ['an import that leads nowhere', 'resolvable', { 'src/cli/main.ts': command }],
  ['test support in what ships', 'testing-for-tests', {
    'src/cli/main.ts': `import '../net/arbitraries.ts'\n`,
    'src/net/arbitraries.ts': 'export {}\n',
  }],
]

for (const [what, rule, files] of breaches) {
  test(`the layering check reports ${what}`, () => {
    assert.ok(broken(files).includes(rule), `${rule} was not reported`)
  })
}

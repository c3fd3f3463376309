/** `bulkhead isolation`, from files to exit status. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { run } from '../base/process.ts'
import { command } from './isolation.ts'
import { folderOf, labWith, runCommand, usageFault } from './testing.ts'

const other = '---\napiVersion: bulkhead.dev/v1\nkind: Enclave\nmetadata: {name: yard}\n---\napiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: {name: shed, enclave: yard}\nspec: {ports: [80]}\n'
const folder = folderOf({ 'set/lab.yaml': labWith(''), 'set/yard.yaml': other, 'wrong/lab.yaml': 'kind: Nonsense\n' })
after(() => rmSync(folder, { recursive: true, force: true }))

test('two parties are told layer by layer, as text, for machines, and for customers', async () => {
  const { code, stdout } = await runCommand(folder, command, ['set', 'enclave:lab', 'yard/shed'])
  assert.equal(code, 0)
  assert.match(stdout, /^enclave:lab and yard\/shed\n/)
  assert.equal(stdout.split('\n').filter((line) => /^(infrastructure|stack|segment|host|layer|environment|enclave|container|identity|policy) /.test(line)).length, 10)
  const json = JSON.parse((await runCommand(folder, command, ['set', 'lab', 'yard', '--json'])).stdout) as { between: { name: string }[]; layers: { layer: string; sharing: string }[] }
  assert.deepEqual([json.between.map(({ name }) => name), json.layers.find(({ layer }) => layer === 'enclave')?.sharing], [['enclave:lab', 'enclave:yard'], 'separate'])
  assert.match((await runCommand(folder, command, ['set', 'lab', 'yard', '--format', 'markdown'])).stdout, /^# Separation of enclave:lab and enclave:yard\n/)
  assert.match((await runCommand(folder, command, ['set', 'lab', 'yard', '--format', 'html'])).stdout, /^<!doctype html>\n/)
})

test('--all lists every two of one kind', async () => {
  const { stdout } = await runCommand(folder, command, ['set', '--all', '--by', 'enclave'])
  assert.match(stdout, /^BETWEEN .*\nenclave:lab {2}enclave:yard {2}moderate {3}enclave, identity, policy {2}stack, environment\n$/)
  assert.equal((JSON.parse((await runCommand(folder, command, ['set', '--all', '--by', 'workload', '--json'])).stdout) as { pairs: unknown[] }).pairs.length, 6)
  assert.equal((await runCommand(folder, command, ['set', '--all'])).stdout, 'there are no two of them\n')
})

test('what cannot be asked is refused as usage, and a set with problems by their list', async () => {
  assert.match(await usageFault(folder, command, ['set']), /separated from whom/)
  assert.match(await usageFault(folder, command, ['set', 'lab', 'lab']), /not separated from itself/)
  assert.match(await usageFault(folder, command, ['set', 'lab', 'yrad']), /`yrad` is not a workload/)
  assert.match(await usageFault(folder, command, ['set', 'lab', '--all']), /more than a folder/)
  assert.match(await usageFault(folder, command, ['set', '--all', '--format', 'html']), /no html form/)
  assert.equal((await runCommand(folder, command, ['wrong', 'a', 'b'])).code, 1)
})

test('where git keeps the documents, each finding says since which commit they say so', async () => {
  const set = join(folder, 'set')
  for (const argv of [['init', '-q'], ['add', '.'], ['-c', 'user.name=t', '-c', 'user.email=t@example.org', 'commit', '-q', '-m', 'first']]) {
    assert.equal((await run(['git', '-C', set, ...argv])).code, 0)
  }
  assert.match((await runCommand(folder, command, ['set', 'lab', 'yard'])).stdout, /the documents say so; `yard\.yaml` as of commit [0-9a-f]{7,}, \d{4}-\d\d-\d\d\n|`lab\.yaml` as of commit/)
})

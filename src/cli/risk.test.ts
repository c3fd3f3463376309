/** `bulkhead risk`, from files to exit status. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { command } from './risk.ts'
import { folderOf, labWith, runCommand } from './testing.ts'
import { isFault } from '../base/fault.ts'

const risk = (until: string): string =>
  '---\napiVersion: bulkhead.dev/v1\nkind: External\nmetadata: {name: phone}\nspec: {domains: [home.vendor.example], telemetry: true}\n' +
  `---\napiVersion: bulkhead.dev/v1\nkind: RiskRecord\nmetadata: {name: r}\nspec: {external: phone, software: editor, owner: o, sends: [v], where: w, legalBasis: l, acceptedBy: dpo, mitigations: [m], until: ${until}}\n` +
  '---\napiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: {name: home, enclave: lab}\nspec: {source: api, destination: external:phone, protocol: tcp, port: 443}\n'
const folder = folderOf({ 'good/lab.yaml': labWith(risk('2031-01-01')), 'late/lab.yaml': labWith(risk('2029-01-01')), 'none/lab.yaml': labWith(''), 'wrong/lab.yaml': 'kind: Nonsense\n' })
after(() => rmSync(folder, { recursive: true, force: true }))
const now = Date.parse('2030-01-01')

test('the register is told with exit status 0, and with 1 when a review is overdue although the set would not load', async () => {
  const good = await runCommand(folder, command, ['good'], now)
  assert.deepEqual([good.code, good.stdout.split('\n')[1]?.slice(0, 20)], [0, 'open   phone     edi'])
  const late = await runCommand(folder, command, ['late'], now)
  assert.deepEqual([late.code, late.stdout.split('\n')[1]?.slice(0, 22)], [1, 'overdue  phone     edi'])
  const none = await runCommand(folder, command, ['none'], now)
  assert.deepEqual([none.code, none.stdout], [0, 'no External is telemetry, and no risk is recorded\n'])
})

test('it is given for machines, spreadsheets and paper', async () => {
  const { risks } = JSON.parse((await runCommand(folder, command, ['good', '--json'], now)).stdout) as { risks: { external: string; use: unknown }[] }
  assert.deepEqual(risks.map(({ external, use }) => [external, use]), [['phone', null]])
  assert.match((await runCommand(folder, command, ['good', '--format', 'csv'], now)).stdout, /^state,external,/)
  assert.match((await runCommand(folder, command, ['good', '--format', 'html'], now)).stdout, /^<!doctype html>/)
})

test('a set with other problems is told by its list, and where nothing is in force that is said', async () => {
  assert.equal((await runCommand(folder, command, ['wrong'], now)).code, 1)
  await assert.rejects(runCommand(folder, command, ['--state', join(folder, 'nowhere')], now), (error) => isFault(error) && error.code === 'not-running')
})

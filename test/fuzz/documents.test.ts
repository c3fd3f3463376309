import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { hasErrors } from '../../src/base/diagnostic.ts'
import { assignGroups, noIds } from '../../src/engines/nftables/ids.ts'
import { lower } from '../../src/engines/nftables/lower.ts'
import { render } from '../../src/engines/nftables/render.ts'
import { documentSet, readDocumentSet } from '../../src/host/document-set.ts'
import { checkDocuments } from '../../src/host/documents.ts'
import { planHost } from '../../src/host/plan.ts'
import { noSlots } from '../../src/host/slots.ts'
import { isFault } from '../../src/base/fault.ts'
import { fuzz, mutant, mutantValue } from './mutants.ts'

const root = join(import.meta.dirname, '../..')
const examples = globSync('examples/**/*.yaml', { cwd: root }).sort().map((file) => readFileSync(join(root, file), 'utf8'))
const now = Date.parse('2026-06-01T00:00:00Z')

test('damaged documents are refused or compiled down to a ruleset, and nothing throws', () => {
  assert.ok(examples.length > 3)
  let sound = 0
  fuzz(mutant(examples), 400, (text) => {
    const { set, diagnostics } = checkDocuments(documentSet('/fuzz', [{ path: 'a.yaml', absolute: '/fuzz/a.yaml', text }]), now)
    assert.equal(set === undefined, hasErrors(diagnostics))
    if (set === undefined) return
    sound++
    try {
      const ids = assignGroups(noIds, set.platform)
      const plan = planHost(set.platform, set.intent, ids.groups, noSlots, { prefix: '', uplink: true })
      const lowered = lower(set.platform, set.intent, plan.inventory, ids, now)
      // Whatever names are in the documents, none of them reaches the ruleset.
      assert.doesNotMatch(render(lowered.atoms, plan.inventory, { now }), /[^\x20-\x7e\n]|\$\(|`|\binclude\b/)
    } catch (error) {
      assert.ok(isFault(error) && error.code === 'addresses-exhausted', String(error))
    }
  })
  assert.ok(sound > 0, 'some of them were still sound')
})

test('what is sent to the agent instead of documents is refused by name', () => {
  const sets = examples.slice(0, 3).map((text) => ({ ...documentSet('/fuzz', [{ path: 'a.yaml', absolute: '/fuzz/a.yaml', text: text.slice(0, 400) }]) }))
  assert.deepEqual(readDocumentSet(JSON.parse(JSON.stringify(sets[0]))), sets[0])
  fuzz(mutantValue(sets), 1500, (body) => {
    try {
      checkDocuments(readDocumentSet(body), now)
    } catch (error) {
      assert.ok(isFault(error) && error.code === 'usage', String(error))
    }
  })
})

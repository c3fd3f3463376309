import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson } from '../base/canonical-json.ts'
import { hasErrors } from '../base/diagnostic.ts'
import { readZones } from '../engines/dns/read.ts'
import { render } from '../engines/dns/render.ts'
import { compile } from '../intent/compile.ts'
import { phases } from '../model/platform.ts'
import { addressFromBits } from '../net/address.ts'
import { compareNames } from './names.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { platformOf } from './testing/load.ts'
import { peerEnclaves, peerWorkloads } from './testing/words.ts'
import type { DnsInventory } from '../engines/dns/inventory.ts'
import type { Platform } from '../model/platform.ts'
import type { DocumentSet } from './testing/arbitrary-set.ts'

const askedNames = ['pypi.org', 'PyPI.org.', 'files.pypi.org', 'xpypi.org', 'pypi.org.evil.example', 'x.cdn.example.com', 'org', '*.pypi.org', '', 'localhost', '203.0.113.1']

interface Tried {
  sets: number
  allowed: number
  withheld: number
  peers: number
}

/** Every workload in every phase, and every workload of a peer that documents may name. */
function inventoryOf(platform: Platform): DnsInventory {
  let last = 0n
  const next = () => {
    last += 1n
    return { ipv4: addressFromBits(4, 0x0a80_0010n + last), ipv6: addressFromBits(6, (0xfdbbn << 112n) + last) }
  }
  return {
    places: [...platform.workloads.keys()].flatMap((workload) => phases.map((phase) => ({ workload, phase, probe: false, ...next() }))),
    peers: [...platform.peers.keys()].flatMap((peer) => peerEnclaves.flatMap((enclave) => peerWorkloads.map((workload) => ({ peer, enclave, workload, ...next() })))),
    gateways: [],
  }
}

function agreement(tried: Tried, breakText: (text: string) => string): fc.IProperty<[DocumentSet]> {
  return fc.property(documentSets(), (set) => {
    const platform = platformOf(set)
    if (platform === undefined) return
    const { intent, diagnostics } = compile(platform)
    if (hasErrors(diagnostics)) return
    tried.sets += 1
    const text = canonicalJson(render(platform, intent, inventoryOf(platform), { now: set.now }).zones)
    const askers = readZones(breakText(text))
    const { compared, allowed, differences } = compareNames(platform, askers, set.now, askedNames)
    assert.deepEqual(differences, [])
    tried.allowed += allowed
    tried.withheld += compared - allowed
    tried.peers += askers.filter((asker) => [...asker.inside(set.now).keys()].some((name) => /\.(lab|vault)\./.test(name))).length
  })
}

test('what the resolver tells each workload is what the reference allows it to reach', () => {
  const tried: Tried = { sets: 0, allowed: 0, withheld: 0, peers: 0 }
  fc.assert(agreement(tried, (text) => text), { numRuns: 150 })
  assert.ok(tried.sets >= 80 && tried.allowed >= 500 && tried.withheld >= 500 && tried.peers >= 10, JSON.stringify(tried))
})

const mistakes: Readonly<Record<string, (text: string) => string>> = {
  'opens the name itself with a wildcard': (text) => text.replaceAll('"domain":"*.pypi.org"', '"domain":"pypi.org"'),
  'opens a wildcard with the name': (text) => text.replaceAll('"domain":"pypi.org"', '"domain":"*.pypi.org"'),
  'tells of a workload that nobody opened': (text) => text.replaceAll('"hosts":[{"grants"', '"hosts":[{"grants":[{"documents":[]}],"name":"api.beta.internal"},{"grants"'),
  'tells of a name that nobody has': (text) => text.replaceAll('"hosts":[{"grants"', '"hosts":[{"grants":[{"documents":[]}],"name":"ghost.beta.internal"},{"grants"'),
  'lets everything end too early': (text) => text.replaceAll(/"documents":\[[^\]]*\]\}/g, '"documents":[],"until":0}'),
}

for (const [mistake, breakText] of Object.entries(mistakes)) {
  test(`zones of a renderer that ${mistake} are found out`, () => {
    const found = fc.check(agreement({ sets: 0, allowed: 0, withheld: 0, peers: 0 }, breakText), { numRuns: 100, endOnFailure: true })
    assert.ok(found.failed)
  })
}

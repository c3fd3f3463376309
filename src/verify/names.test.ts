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
import { protocols } from '../net/protocol.ts'
import { referenceDecide } from './reference.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { platformOf } from './testing/load.ts'
import { portNumbers } from './testing/words.ts'
import type { FlowEnd, Phase, Platform, WorkloadId } from '../model/platform.ts'
import type { DocumentSet } from './testing/arbitrary-set.ts'

const ports = [...new Set(portNumbers.flatMap((port) => [port - 1, port, port + 1]))].filter((port) => port >= 1 && port <= 65_535)
const askedNames = [
  'pypi.org', 'PyPI.org.', 'files.pypi.org', 'a.b.pypi.org', 'xpypi.org', 'pypi.org.evil.example', 'files.example.com', 'example.com', 'cdn.example.com',
  'x.cdn.example.com', 'org', '*.pypi.org', '', 'localhost', '203.0.113.1',
]

/** Whether anything at all may travel there, as the reference decides it flow by flow. */
function anything(platform: Platform, source: WorkloadId, phase: Phase, destination: FlowEnd, now: number): boolean {
  return protocols.some((protocol) =>
    (protocol === 'icmp' ? [undefined] : ports).some((port) => referenceDecide(platform, { source: { kind: 'workload', workload: source }, destination, protocol, port, phase }, now) === 'allow'),
  )
}

interface Tried {
  sets: number
  told: number
  withheld: number
}

function agreement(tried: Tried, breakText: (text: string) => string): fc.IProperty<[DocumentSet]> {
  return fc.property(documentSets(), (set) => {
    const platform = platformOf(set)
    if (platform === undefined) return
    const { intent, diagnostics } = compile(platform)
    if (hasErrors(diagnostics)) return
    tried.sets += 1
    const workloads = [...platform.workloads.keys()]
    const places = workloads.flatMap((workload, w) => phases.map((phase, p) => {
      const n = BigInt(w * 3 + p)
      return { workload, phase, ipv4: addressFromBits(4, 0x0a80_0010n + n), ipv6: addressFromBits(6, (0xfdbbn << 112n) + n), probe: false }
    }))
    const { zones } = render(platform, intent, { places, peers: [], gateways: [] }, { now: set.now })
    for (const asker of readZones(breakText(canonicalJson(zones)))) {
      const [source, phase] = asker.asker.split('@') as [WorkloadId, Phase]
      const inside = asker.inside(set.now)
      for (const destination of workloads) {
        const [enclave, name] = destination.split('/')
        const wanted: boolean = destination === source || anything(platform, source, phase, { kind: 'workload', workload: destination }, set.now)
        const short = enclave === source.split('/')[0]
        assert.equal(inside.has(`${name}.${enclave}.internal`), wanted, `${asker.asker} and ${destination}`)
        if (short) assert.equal(inside.has(name ?? ''), wanted, `${asker.asker} and ${destination} by its short name`)
        tried[wanted ? 'told' : 'withheld'] += 1
      }
      for (const name of askedNames) {
        const wanted: boolean = anything(platform, source, phase, { kind: 'name', name }, set.now)
        assert.equal(asker.asksOutside(name, set.now), wanted, `${asker.asker} and ${name}`)
        tried[wanted ? 'told' : 'withheld'] += 1
      }
    }
  })
}

test('what the resolver tells each workload is what the reference allows it to reach', () => {
  const tried: Tried = { sets: 0, told: 0, withheld: 0 }
  fc.assert(agreement(tried, (text) => text), { numRuns: 150 })
  assert.ok(tried.sets >= 80, JSON.stringify(tried))
  assert.ok(tried.told >= 500 && tried.withheld >= 500, JSON.stringify(tried))
})

const mistakes: Readonly<Record<string, (text: string) => string>> = {
  'opens a wildcard to the name itself': (text) => text.replaceAll('"domain":"*.pypi.org"', '"domain":"pypi.org"'),
  'tells of a workload that nobody opened': (text) => text.replaceAll(/"hosts":\[\{"grants"/g, '"hosts":[{"grants":[{"documents":[]}],"name":"api.beta.internal"},{"grants"'),
  'tells nobody anything': (text) => text.replaceAll(/"documents":\[[^\]]*\]/g, '"documents":[],"until":0').replaceAll(/"until":0,"until":[0-9]+/g, '"until":0'),
}

for (const [mistake, breakText] of Object.entries(mistakes)) {
  test(`zones of a renderer that ${mistake} are found out`, () => {
    const found = fc.check(agreement({ sets: 0, told: 0, withheld: 0 }, breakText), { numRuns: 100, endOnFailure: true })
    assert.ok(found.failed)
  })
}

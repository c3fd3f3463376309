/** Layers of hosts in the second opinion: what the compiler refuses is what the reference denies, and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasErrors } from '../base/diagnostic.ts'
import { compile } from '../intent/compile.ts'
import { decide } from '../intent/decide.ts'
import { loadPlatform } from '../model/load.ts'
import { layers } from '../model/platform.ts'
import { referenceRequest } from './reference-request.ts'
import { referenceDecide } from './reference.ts'
import { layerRules } from './reference/rules.ts'
import { flowsFrom, flowTapes } from './testing/arbitrary-flow.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { choicesFrom, tapes } from './testing/choices.ts'
import { document, filesOf } from './testing/documents.ts'
import { flow, formatFlow } from './testing/flow-text.ts'
import { platformOf } from './testing/load.ts'
import type { Path, PathEnd } from '../intent/intent.ts'
import type { Flow, FlowEnd, Platform } from '../model/platform.ts'

const office = { source: 'external:office', protocol: 'tcp', authentication: 'none' }
const scene = [
  document('Platform', 'here', { gateway: { addresses: ['192.0.2.1'] } }),
  document('Stack', 'main', { layers: [...layers] }), document('Stack', 'apart', { layers: [...layers] }),
  document('Environment', 'main', { stack: 'main' }), document('Environment', 'apart', { stack: 'apart' }),
  document('Enclave', 'one', { environment: 'main' }), document('Enclave', 'other', { environment: 'apart' }),
  ...[['one', 'db', 'database'], ['one', 'twin', 'database'], ['one', 'api', 'app'], ['one', 'jump', 'bastion'], ['other', 'api', 'app']].map(([enclave, name = '', layer]) => document('Workload', name, { layer, ports: [5432] }, enclave)),
  document('Workload', 'loose', { ports: [5432] }, 'one'),
  document('External', 'office', { cidrs: ['203.0.113.0/24'] }),
  document('ServicePolicy', 'all', { source: 'one/*', destination: 'one/*', protocol: 'tcp', port: 5432 }, 'one'),
  document('ServicePolicy', 'self', { source: 'db', destination: 'db', protocol: 'tcp', port: 5432 }, 'one'),
  document('FederationPolicy', 'f', { imports: [{ source: 'api', destination: 'one/db', protocol: 'tcp', port: 5432 }] }, 'other'),
  document('FederationPolicy', 'f', { exports: [{ source: 'other/api', destination: 'db', protocol: 'tcp', port: 5432 }, { source: 'peer:north/lab/w', destination: ['db', 'jump'], protocol: 'tcp', port: 5432 }] }, 'one'),
  document('Peer', 'north', { trustDomain: 'north.example', bundleEndpoint: { url: 'https://north.example.org/' }, gateway: 'gw.north.example.org:8443' }),
  ...['db', 'jump'].map((name, i) => document('IngressPolicy', `${name}-at-an-address`, { ...office, destination: name, port: 5432, publish: { address: `192.0.2.1${i}`, port: 443 } }, 'one')),
  document('IngressPolicy', 'until', { ...office, destination: 'jump', port: 22, publish: { address: '192.0.2.20', port: 22 }, expires: '2030-06-01' }, 'one'),
  ...['db', 'jump', 'api'].map((name) => document('IngressPolicy', `${name}-by-name`, { ...office, destination: name, port: 5432, hosts: [`${name}.example.org`] }, 'one')),
]
const now = Date.UTC(2030, 0, 1)

test('the reference lets nobody to a database but its own stack\'s app and bastion, and nobody outside to a bastion without an end', () => {
  const { platform, diagnostics } = loadPlatform(filesOf(scene), { now })
  assert.ok(platform, JSON.stringify(diagnostics))
  const said = (source: string, destination: string, port = 5432): string => referenceDecide(platform, flow(`${source} > ${destination} tcp ${port}`), now)
  const to = (destination: string): readonly string[] => ['one/api', 'one/jump', 'one/db', 'one/twin', 'one/loose', 'other/api', 'peer:north/lab/w', 'external:office'].filter((source) => said(source, destination) === 'allow')
  assert.deepEqual([to('one/db'), to('one/twin'), to('one/jump')], [['one/api', 'one/jump', 'one/db'], ['one/api', 'one/jump'], ['one/api', 'one/db', 'one/twin', 'one/loose']])
  assert.deepEqual(['192.0.2.10', '192.0.2.11'].map((address) => said('203.0.113.9', address, 443)), ['deny', 'deny'])
  assert.deepEqual([said('203.0.113.9', '192.0.2.20', 22), said('external:office', 'one/jump', 22)], ['allow', 'allow'])
  assert.equal(referenceDecide(platform, flow('203.0.113.9 > 192.0.2.20 tcp 22'), Date.UTC(2030, 5, 1)), 'deny')
  const request = (host: string) => referenceRequest(platform, { source: { kind: 'external', external: 'office' }, port: 443, host, method: 'GET', path: '/', caller: { kind: 'nobody' } }, now)
  assert.deepEqual(['db', 'jump', 'api'].map((name) => request(`${name}.example.org`)), [{ refused: 'policy' }, { refused: 'policy' }, { led: ['one/api:5432'] }])
})

/** Most workloads get no layer or `app`, so that a good part of the sets is accepted. */
function layered(platform: Platform, tape: Uint8Array): Platform {
  const choices = choicesFrom(tape)
  const pick = () => (choices.chance(55) ? choices.pick(['app', 'app', 'app', 'bastion', 'database'] as const) : undefined)
  return { ...platform, workloads: new Map(Array.from(platform.workloads, ([id, workload]) => [id, { ...workload, layer: pick() }])) }
}

/** A flow that the path opens, as somebody would ask about it. */
function flowOf({ source, destination, protocol, ports }: Path): Flow {
  return { source: endOf(source), destination: endOf(destination), protocol, port: protocol === 'icmp' ? undefined : ports[0]?.from, phase: undefined }
}

function endOf(end: PathEnd): FlowEnd {
  return end.kind === 'peer' && end.workload === '*' ? { ...end, workload: 'w1' } : end
}

const always = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]

test('a set is refused for its layers exactly where the reference denies what policies open, and the two agree on the others', () => {
  const seen = { accepted: 0, refused: 0, flows: 0 }
  const met = new Set<string>()
  fc.assert(fc.property(documentSets(), flowTapes(60), tapes(40, 40), (set, flows, tape) => {
    const plain = platformOf(set)
    if (plain === undefined || hasErrors(compile(plain).diagnostics)) return
    const platform = layered(plain, tape)
    const { intent, diagnostics } = compile(platform)
    const text = (): string => `${[...platform.workloads.values()].map((w) => `${w.id} ${w.layer ?? '-'}`).join('\n')}\n${set.files.map((file) => file.text).join('')}`
    const broken = intent.paths.filter(({ destination }) => destination.kind === 'workload').map(flowOf)
      .filter((each) => always.some((at) => referenceDecide(plain, each, at) === 'allow' && referenceDecide(platform, each, at, (rule) => met.add(rule)) === 'deny'))
    assert.equal(hasErrors(diagnostics), broken.length > 0, `${broken.map(formatFlow).join('\n')}\n${diagnostics.map((d) => d.message).join('\n')}\n${text()}`)
    if (broken.length > 0) return void seen.refused++
    seen.accepted++
    for (const each of flowsFrom(platform, flows, 60)) {
      seen.flows++
      const by = referenceDecide(platform, each, set.now)
      assert.equal(decide(platform, intent, each, set.now).verdict, by, `${formatFlow(each)}\n${text()}`)
    }
  }), { numRuns: 300, endOnFailure: true })
  assert.ok(seen.accepted > 60 && seen.refused > 20 && seen.flows > 2_000, JSON.stringify(seen))
  assert.deepEqual([...met].filter((rule) => (layerRules as readonly string[]).includes(rule)).sort(), [...layerRules])
})

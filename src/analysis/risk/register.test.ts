import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../intent/compile.ts'
import { loadPlatform } from '../../model/load.ts'
import { needsAttention, riskRegister } from './register.ts'
import { riskCsv, riskHtml, riskText } from './text.ts'
import type { TelemetryUse } from './register.ts'

const day = 86_400_000
const now = Date.parse('2026-06-01')

const kind = (name: string, metadata: string, spec: string): string => `---\napiVersion: bulkhead.dev/v1\nkind: ${name}\nmetadata: {${metadata}}\nspec: {${spec}}\n`
const base = kind('Enclave', 'name: lab', '') + kind('Workload', 'name: app, enclave: lab', '') + kind('External', 'name: phone', 'domains: [home.vendor.example], telemetry: true')
const record = (name: string, until: string): string =>
  kind('RiskRecord', `name: ${name}`, `external: phone, software: =editor, owner: o@x.example, sends: [its version], where: "Vendor, Norway", legalBasis: contract, acceptedBy: dpo@x.example, mitigations: [no data], until: ${until}`)
const out = (name: string, external = 'phone'): string => kind('EgressPolicy', `name: ${name}, enclave: lab`, `source: app, destination: external:${external}, protocol: tcp, port: 443`)

function rows(documents: string, uses?: ReadonlyMap<string, TelemetryUse>) {
  const { platform, diagnostics } = loadPlatform([{ path: 'set.yaml', absolute: '/set.yaml', text: base + documents }], { now: 0 })
  assert.ok(platform, JSON.stringify(diagnostics))
  return riskRegister(platform, compile(platform).intent, { now, soon: 30 * day, ...(uses === undefined ? {} : { uses }) })
}

const states = (documents: string, uses?: ReadonlyMap<string, TelemetryUse>): readonly string[] => rows(documents, uses).map(({ state }) => state)

test('a risk is unaccepted, overdue, due, idle, open or in use, and in use only where that was seen', () => {
  const used = new Map([['phone', { connections: 3, bytes: 4096, first: now - day, last: now - 1000 }]])
  assert.deepEqual(states(''), ['unaccepted'])
  assert.deepEqual(states(record('r', '2026-05-01') + out('p')), ['overdue'])
  assert.deepEqual(states(record('r', '2026-06-20') + out('p')), ['due'])
  assert.deepEqual(states(record('r', '2027-01-01')), ['idle'], 'no policy leads there')
  assert.deepEqual(states(record('r', '2027-01-01') + out('p')), ['open'], 'nobody has looked at records')
  assert.deepEqual(states(record('r', '2027-01-01'), used), ['idle'], 'what was sent before the policy went')
  assert.deepEqual(states(record('r', '2027-01-01') + out('p'), new Map()), ['idle'], 'nothing was sent')
  assert.deepEqual(states(record('r', '2027-01-01') + out('p'), used), ['in use'])
  assert.deepEqual(rows(record('r', '2026-05-01')).map(needsAttention), [true])
})

test('a second name for the same servers hides no policy from the register', () => {
  const [row] = rows(record('r', '2027-01-01') + kind('External', 'name: plain', 'domains: ["*.vendor.example"]') + out('round', 'plain'))
  assert.deepEqual(row?.policies.map(({ name }) => name), ['lab/round'])
  assert.deepEqual(row?.senders, ['lab/app'])
})

test('the register as text, as a spreadsheet that takes nothing for a formula, and as a page', () => {
  const used = new Map([['phone', { connections: 1, bytes: 512, first: now, last: now }]])
  const answer = rows(record('r', '2027-01-01') + out('p'), used)
  assert.equal(riskText(answer), 'STATE   EXTERNAL  SOFTWARE  ACCEPTED BY    REVIEW      POLICIES             USE\nin use  phone     =editor   dpo@x.example  2027-01-01  lab/p (set.yaml:22)  1 connection, 512 bytes, last 2026-06-01T00:00:00.000Z\n')
  assert.match(riskCsv(answer), /\r\nin use,phone,r,'=editor,o@x\.example,its version,"Vendor, Norway",contract,no data,dpo@x\.example,2027-01-01T00:00:00\.000Z,lab\/p \(set\.yaml:22\),lab\/app,1,512,2026-06-01T00:00:00\.000Z\r\n$/)
  assert.match(riskHtml(answer, '<lab>', now, ''), /&lt;lab&gt;: risks of telemetry[\s\S]*<td>=editor<\/td>/)
  assert.equal(riskText([]), 'no External is telemetry, and no risk is recorded\n')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grantLine } from '../../host/grants.ts'
import { sealed } from '../chain.ts'
import { checkProfile } from '../profiles/check.ts'
import { builtInProfile } from '../profiles/load.ts'
import { setOf, standing, verificationOf } from '../testing.ts'
import { summaryOf } from '../verification.ts'
import { enclaveMap } from './enclave-map.ts'
import { reportPage } from './page.ts'
import type { ChangeEntry } from '../chain.ts'
import type { ReportOptions } from './page.ts'

const now = Date.parse('2026-11-22T12:00:00Z')
const evil = '<img src=x onerror=alert(1)>"\'&'
const set = setOf([
  'Enclave\nmetadata: {name: a}\nspec: {}', 'Enclave\nmetadata: {name: b}\nspec: {}',
  'Workload\nmetadata: {name: x, enclave: a}\nspec: {}', 'Workload\nmetadata: {name: y, enclave: b}\nspec: {ports: [80]}',
  'FederationPolicy\nmetadata: {name: out, enclave: a}\nspec: {imports: [{source: x, destination: b/y, protocol: tcp, port: 80}]}',
  'FederationPolicy\nmetadata: {name: in, enclave: b}\nspec: {exports: [{source: a/x, destination: y, protocol: tcp, port: 80}]}',
  'External\nmetadata: {name: vendor}\nspec: {cidrs: [192.0.2.0/24], telemetry: true}',
  `RiskRecord\nmetadata: {name: r}\nspec: {external: vendor, software: '${evil.replaceAll("'", "''")}', owner: o, sends: [x], where: w, legalBasis: l, acceptedBy: dpo, mitigations: [m], until: 2030-01-01}`,
  'EgressPolicy\nmetadata: {name: licence, enclave: a}\nspec: {source: x, destination: external:vendor, protocol: tcp, port: 443}',
].map((t) => `apiVersion: bulkhead.dev/v1\nkind: ${t}\n`), now)
const verification = verificationOf(set, [{ from: 'a/x@running', to: 'b/y@running', open: ['tcp/80'] }])
const entries: ChangeEntry[] = []
for (const event of [{ kind: 'up', actor: { uid: 1, user: evil }, reason: evil, opened: set.intent.paths.map(grantLine) }, { kind: 'verify', verification: summaryOf(verification) }] as const) entries.push(sealed(event, entries.at(-1), '2026-11-22T10:00:00.000Z'))

const options: ReportOptions = {
  standing: standing(set, { entries, verification, unseen: [evil] }), now, since: undefined, version: '1',
  profiles: [checkProfile(builtInProfile('satre') ?? assert.fail(), standing(set, { entries, verification }), now)],
  use: { uses: new Map([['vendor', { connections: 3, bytes: 4096, first: now - 1000, last: now - 500 }]]), since: now - 86_400_000 },
}
const page = reportPage(options)

test('the page needs nothing else, runs nothing, and says so to the browser', () => {
  assert.match(page, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'/)
  assert.doesNotMatch(page, /<script|<link|<iframe|<object|javascript:|@import|url\((?!#)/i)
  assert.deepEqual([...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, to]) => to), [])
  assert.doesNotMatch(page.replaceAll('http://www.w3.org/2000/svg', ''), /https?:\/\//)
})

test('whatever people wrote is text in it', () => {
  assert.doesNotMatch(page, /<img/)
  assert.ok(page.split('&lt;img src=x onerror=alert(1)&gt;').length > 4)
})

test('every tag is closed, every table has a caption or heads with a scope, every picture a title', () => {
  const open: string[] = []
  for (const [tag, name = ''] of page.replace(/<!doctype html>/, '').matchAll(/<\/?([a-z0-9]+)[^>]*>/gi)) {
    if (['meta', 'br', 'wbr'].includes(name) || tag.endsWith('/>')) continue
    if (tag.startsWith('</')) assert.equal(open.pop(), name)
    else open.push(name)
  }
  assert.deepEqual(open, [])
  assert.equal(page.split('<svg').length - 1, [...page.matchAll(/<svg[^>]*role="img"/g)].length)
  assert.equal([...page.matchAll(/<thead><tr>(?:<th scope="col">[^<]*<\/th>)+<\/tr><\/thead>/g)].length, page.split('<table').length - 1)
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
  assert.equal(new Set(ids).size, ids.length)
})

test('it tells paths with their change and what was tried, isolation, verification, risks, controls and changes', () => {
  for (const text of ['open (tcp/<wbr>80)', 'change 1, up', 'enclave:a', '0 mismatches', 'Controls: satre', '2.2.11', 'Not seen for this page']) {
    assert.ok(page.includes(text), text)
  }
  assert.equal(reportPage(options), page)
  const broken = reportPage({ ...options, standing: { ...options.standing, chain: { entries, problem: { line: 3, what: 'is not JSON' }, bytes: 0 } } })
  assert.match(broken, /BROKEN at line 3/)
})

test('risks have the figures of what was really sent, and how far the records reach; without records the page says that it knows nothing', () => {
  assert.match(page, /<p>Use as recorded since 2026-11-21T12:00:00\.000Z; bytes count when a connection ends\.<\/p>/)
  assert.match(page, /<td>3 connections, 4096 bytes, last 2026-11-22T11:59:59\.500Z<\/td>/)
  const unknown = reportPage({ ...options, use: undefined })
  assert.match(unknown, /<p>[^<]*known: these are documents[^<]*<\/p>/)
  assert.doesNotMatch(unknown, /<td>in use<\/td>/)
})

test('the map has a box for every enclave and everybody outside, and an arrow for every two that may talk', () => {
  const map = enclaveMap(set.platform, set.intent, now)
  assert.equal(map.split('<rect').length - 1, 3)
  assert.equal(map.split('class="arrow"').length - 1, 2)
  assert.match(map, /enclave a -&gt; enclave b: 1 path/)
})

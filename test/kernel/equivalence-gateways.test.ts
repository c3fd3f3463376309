/** With gateways, what hosts load opens exactly the ways that some path needs; and whatever does not is found. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { compared, gatewayNames, hosted, mixed } from './lib/platforms.ts'
import { documentSets } from '../../src/verify/testing/arbitrary-set.ts'
import { formatDifference } from '../../src/verify/equivalence.ts'
import { loadPlatform } from '../../src/model/load.ts'
import { openListing } from './lib/reading.ts'
import { platformOf } from '../../src/verify/testing/load.ts'
import type { Comparison } from '../../src/verify/equivalence.ts'
import type { Hosted } from './lib/platforms.ts'
import type { Listing } from './lib/reading.ts'
import type { Platform } from '../../src/model/platform.ts'

let listing: Listing
before(async () => {
  listing = await openListing()
})
after(() => listing.close())

const now = Date.now()
const documents = `
{ apiVersion: bulkhead.dev/v1, kind: Platform, metadata: { name: lab }, spec: { trustDomain: lab.example, gateway: { addresses: [203.0.113.80, "2001:db8:80::1"] }, resolver: { upstream: [192.0.2.53] } } }
---
{ apiVersion: bulkhead.dev/v1, kind: Enclave, metadata: { name: e }, spec: {} }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: a, enclave: e }, spec: { ports: [22] } }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: b, enclave: e }, spec: { ports: [5432, 22] } }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: c, enclave: e }, spec: { ports: [8080] } }
---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: site }, spec: { domains: [www.example.org] } }
---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: both }, spec: { domains: [both.example.org], cidrs: [198.51.100.0/24, 192.168.7.0/24] } }
---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: client }, spec: { cidrs: [198.51.101.0/24, "2001:db8:2::/48"] } }
---
{ apiVersion: bulkhead.dev/v1, kind: Peer, metadata: { name: north }, spec: { trustDomain: north.example, bundleEndpoint: { url: "https://north.example/bundle" }, gateway: "192.0.2.90:16443" } }
---
{ apiVersion: bulkhead.dev/v1, kind: ServicePolicy, metadata: { name: db, enclave: e }, spec: { source: a, destination: b, protocol: tcp, port: 5432, encryption: required } }
---
{ apiVersion: bulkhead.dev/v1, kind: ServicePolicy, metadata: { name: ssh, enclave: e }, spec: { source: a, destination: b, protocol: tcp, port: 22 } }
---
{ apiVersion: bulkhead.dev/v1, kind: EgressPolicy, metadata: { name: web, enclave: e }, spec: { source: a, destination: external:site, protocol: tcp, port: [443, 8000-8010], expires: "${new Date(now + 3_600_000).toISOString()}" } }
---
{ apiVersion: bulkhead.dev/v1, kind: EgressPolicy, metadata: { name: get, enclave: e }, spec: { source: b, destination: external:both, protocol: tcp, port: 80, http: { methods: [GET] } } }
---
{ apiVersion: bulkhead.dev/v1, kind: EgressPolicy, metadata: { name: either, enclave: e }, spec: { source: c, destination: external:both, protocol: tcp, port: 8443 } }
---
{ apiVersion: bulkhead.dev/v1, kind: IngressPolicy, metadata: { name: in, enclave: e }, spec: { source: external:client, destination: c, protocol: tcp, port: 8080, authentication: none, hosts: www.lab.example } }
---
{ apiVersion: bulkhead.dev/v1, kind: FederationPolicy, metadata: { name: out, enclave: e }, spec: { imports: [{ source: a, destination: peer:north/lab/store, protocol: tcp, port: 9000 }], exports: [{ source: peer:north/lab/store, destination: b, protocol: tcp, port: 5432 }] } }
`

function fixture(text = documents): Platform {
  const { platform, diagnostics } = loadPlatform([{ path: 'lab.yaml', absolute: '/lab.yaml', text }], { now })
  assert.ok(platform !== undefined, JSON.stringify(diagnostics))
  return platform
}

const host = (): Hosted => hosted(fixture(), { now: Date.now(), uplink: true, gateways: true })

test('every kind of path that takes a gateway is carried as it is meant', async () => {
  const { verdict, differences } = await judged(host())
  assert.deepEqual([verdict, differences.map(formatDifference)], ['equal', []])
})

test('what members of a group may open is not answered in the clear where a policy asks for encryption', async () => {
  const grouped = `${documents.replace('name: a, enclave: e }, spec: {', 'name: a, enclave: e }, spec: { groups: [g],').replace('name: b, enclave: e }, spec: {', 'name: b, enclave: e }, spec: { groups: [g],')}---
{ apiVersion: bulkhead.dev/v1, kind: Group, metadata: { name: g, enclave: e }, spec: { members: [a, b] } }
`
  assert.notEqual(grouped.indexOf('groups: [g]'), -1)
  const { differences } = await judged(hosted(fixture(grouped), { now: Date.now(), uplink: true, gateways: true, ...mixed }))
  assert.deepEqual(differences.filter((each) => !each.declared).map(formatDifference), [])
})

test('an External that is everywhere is reached wherever packets can be routed', async () => {
  const everywhere = documents.replace('metadata: { name: both }, spec: { domains: [both.example.org], cidrs: [198.51.100.0/24, 192.168.7.0/24] }', 'metadata: { name: both }, spec: { domains: [both.example.org], cidrs: ["0.0.0.0/0", "::/0"], infrastructure: true }')
  assert.notEqual(everywhere, documents)
  assertAcceptable(await judged(hosted(fixture(everywhere), { now: Date.now(), uplink: true, gateways: true })))
})

test('an External of multicast addresses lets nobody in, errors about its connections included', async () => {
  const nobody = documents.replace('spec: { cidrs: [198.51.101.0/24, "2001:db8:2::/48"] }', 'spec: { cidrs: [224.0.0.0/4, "ff00::/8"], infrastructure: true }')
  assert.notEqual(nobody, documents)
  const { verdict, differences } = await judged(hosted(fixture(nobody), { now: Date.now(), uplink: true, gateways: true }))
  assert.deepEqual([verdict, differences.map(formatDifference)], ['equal', []])
})

test('a path opens when the one that asked for encryption ends, and no earlier', async () => {
  const later = `${documents}---
{ apiVersion: bulkhead.dev/v1, kind: ServicePolicy, metadata: { name: plain, enclave: e }, spec: { source: a, destination: c, protocol: tcp, port: 8080 } }
---
{ apiVersion: bulkhead.dev/v1, kind: ServicePolicy, metadata: { name: encrypted, enclave: e }, spec: { source: a, destination: c, protocol: tcp, port: 8070-8090, encryption: required, expires: "${new Date(now + 3_600_000).toISOString()}" } }
`
  const lab = hosted(fixture(later), { now: Date.now(), uplink: true, gateways: true })
  const { verdict, differences } = compared(lab, await listed(lab))
  assert.deepEqual([verdict, differences.map(formatDifference)], ['equal', []])
  const early = compared(lab, await listing.list(lab.text.replaceAll(/^( +16 \. \S+ \. 8070-8090) timeout \w+/gm, '$1 timeout 1800s')))
  assert.ok(early.differences.some((each) => /^wider: e\/a@running -> e\/c@running 8080\/tcp: .* 18\d\d s from now/.test(formatDifference(each))), 'it is open in the clear while it is to be encrypted')
  const never = compared(lab, await listing.list(lab.text.replaceAll(/^( +16 \. \S+ \. 8070-8090) timeout \w+/gm, '$1')))
  assert.ok(never.differences.some((each) => /e\/a@running -> e\/c@running 8080\/tcp: ServicePolicy e\/plain: does not pass/.test(formatDifference(each))))
})

test('a path to all workloads of an enclave over there is not missed where one of them has an address', async () => {
  const wide = documents.replace('imports: [', 'imports: [{ source: b, destination: peer:north/lab/*, protocol: tcp, port: any }, ')
  assert.notEqual(wide, documents)
  const { verdict, differences } = await judged(hosted(fixture(wide), { now: Date.now(), uplink: true, gateways: true }))
  assert.deepEqual([verdict, differences.map(formatDifference)], ['equal', []])
})

test('replicas, phases and a host without a way out change nothing of that', async () => {
  assertAcceptable(await judged(hosted(fixture(), { now: Date.now(), uplink: true, gateways: true, ...mixed })))
  assertAcceptable(await judged(hosted(fixture(), { now: Date.now(), uplink: false, gateways: true })))
  assertAcceptable(await judged(hosted(fixture(), { now: Date.now(), uplink: true })))
})

test('what packets have taught the table changes no answer', async () => {
  const lab = host()
  const json = await listed(lab)
  const text = `${lab.text}\nadd element inet bulkhead admitted4 { 16 . 10.128.0.17, 16 . 192.168.1.1, 19 . 198.51.100.9, 22 . 8.8.8.8 }\n`
  assert.deepEqual(compared(lab, await listing.list(text)), compared(lab, json))
})

/** A host has the gateways that its paths need. */
const standing = fc.oneof(fc.constant(gatewayNames), fc.subarray([...gatewayNames]))

test('random platforms are carried by gateways as they are meant', async () => {
  let carried = 0
  const property = fc.asyncProperty(documentSets(), fc.boolean(), standing, async (set, uplink, gateways) => {
    const platform = platformOf(set)
    if (platform === undefined) return
    carried++
    assertAcceptable(await judged(hosted(platform, { now: set.now, uplink, gateways, ...mixed })), set.files.map(({ text }) => text).join(''))
  })
  await fc.assert(property, { numRuns: 14, endOnFailure: true })
  assert.ok(carried > 8)
})

const mistakes: readonly (readonly [string, 'wider' | 'narrower', (text: string) => string, RegExp])[] = [
  ['a workload that may go to the mesh port', 'wider', withElement('port', '16 . 4 . tcp . 15443 : 0x00000001'), /running -> inbound gateway 15443\/tcp/],
  ['a resolver that answers on another port', 'wider', withElement('port', '16 . 5 . tcp . 443 : 0x00000001'), /running -> resolver 443\/tcp/],
  ['a gateway that may open connections to a workload', 'wider', withElement('port', '3 . 16 . tcp . 22 : 0x00000001'), /outbound gateway -> e\/a@running 22\/tcp/],
  ['a gateway that goes on to a port that no path has', 'wider', withElement('port', '4 . 22 . tcp . 22 : 0x00000001'), /inbound gateway -> e\/b@staging 22\/tcp|inbound gateway -> .* 22\/tcp/],
  ['a straight way beside an encrypted path', 'wider', (text) => withElement('port', '16 . 19 . tcp . 5432 : 0x00000001')(text.replaceAll(/^ +16 \. (10\.128\.0\.17|fdbb:1::11) \. 5432,?\n/gm, '')), /e\/a@running -> e\/b@running 5432\/tcp/],
  ['a class of public addresses that holds private ones', 'wider', (text) => text.replace(/192\.168\.0\.0-192\.168\.6\.255 : 0x0000\w+/, `192.168.0.0-192.168.6.255 : ${/^ +11\.0\.0\.0\S* : (0x\w+)/m.exec(text)?.[1] ?? ''}`), /outbound gateway -> 192\.168\.0\.0/],
  ['a gateway that is believed under every name', 'wider', (text) => text.replaceAll(/iifname \. ip6? saddr @source[46] goto admit-uncounted/g, 'goto admit-uncounted'), /source address that is not of their interface/],
  ['a gateway that is reached by asking for it', 'wider', (text) => text.replaceAll(/^ +ip6? daddr \S+ iifgroup != .* goto drop-policy\n/gm, ''), /-> 10\.128\.0\.3\/32|-> .*10\.128\.0\.3/],
  ['a published end that leads to another gateway', 'wider', (text) => text.replaceAll(' : 10.128.0.4 . 443', ' : 10.128.0.3 . 443').replaceAll('. 443 . 10.128.0.4 . 443', '. 443 . 10.128.0.3 . 443').replaceAll('. tcp . 443 . 4 :', '. tcp . 443 . 3 :'), /outside -> outbound gateway/],
  ['a client that no policy lets in', 'wider', (text) => text.replace(/198\.51\.101\.0\/24 : (0x\w+)/, '198.51.101.0-198.51.102.255 : $1').replace('198.51.102.0-', '198.51.103.0-'), /198\.51\.102\.0\/24 -> 203\.0\.113\.80 443\/tcp/],
  ['something led that nobody asked for', 'wider', withElement('lead-inside4', '16 . 10.128.0.17 . 22'), /e\/a@running -> e\/b@running 22\/tcp/],
  ['an encrypted path that is not led', 'wider', (text) => text.replaceAll(/^ +16 \. (10\.128\.0\.17|fdbb:1::11) \. 5432,?\n/gm, ''), /5432\/tcp/],
  ['names that nobody is led for', 'wider', (text) => text.replaceAll(/^ +16 \. 443 timeout \w+,?\n/gm, ''), /e\/a@running -> .* 443\/tcp/],
  ['a path by name that does not end when its policy does', 'wider', (text) => text.replaceAll(/ timeout 5\d?m\w+/g, ''), /from now/],
]

for (const [title, verdict, mistake, cause] of mistakes) {
  test(`the comparison finds ${title}`, async () => {
    const lab = host()
    const text = mistake(lab.text)
    assert.notEqual(text, lab.text, 'the text has what is to be changed')
    const { verdict: found, acceptable, differences } = compared(lab, await listing.list(text))
    const told = differences.map(formatDifference)
    assert.deepEqual([found, acceptable], [verdict, false], told.join('\n'))
    assert.ok(told.some((line) => line.startsWith(verdict) && cause.test(line)), told.join('\n'))
  })
}

function withElement(set: string, element: string): (text: string) => string {
  return (text) => `${text}\nadd element inet bulkhead ${set} { ${element} }\n`
}

async function listed(lab: Hosted): Promise<unknown> {
  return listing.list(lab.text)
}

async function judged(lab: Hosted): Promise<Comparison> {
  return compared(lab, await listed(lab))
}

function assertAcceptable({ acceptable, differences }: Comparison, about = ''): void {
  assert.ok(acceptable, `${differences.filter((each) => !each.declared).slice(0, 20).map(formatDifference).join('\n')}\n${about}`)
}

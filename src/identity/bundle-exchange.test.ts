import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeBundle } from './bundle.ts'
import { createBundleExchange } from './bundle-exchange.ts'
import { authorityExtensions, makeCertificate, scratch } from './testing.ts'
import { openAuthority } from './authority.ts'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Authority } from './authority.ts'
import type { BundleExchange } from './bundle-exchange.ts'
import type { BundleOrder, BundleReport, BundleText } from './bundle-lines.ts'

const there = 'partner.example.org'
const addresses = ['127.0.0.1', '::1']

interface Talk {
  readonly exchange: BundleExchange
  readonly ask: (order: BundleOrder) => Promise<BundleReport>
  readonly reports: readonly BundleReport[]
}

function talk(t: TestContext, authorities = '/nonexistent'): Talk {
  const reports: BundleReport[] = []
  const waiting = new Map<number, (report: BundleReport) => void>()
  const exchange = createBundleExchange((report) => {
    reports.push(report)
    waiting.get(report.id)?.(report)
  }, authorities)
  t.after(exchange.stop)
  const ask = (order: BundleOrder): Promise<BundleReport> => new Promise((resolve) => {
    waiting.set(order.id, resolve)
    exchange.order(order)
  })
  return { exchange, ask, reports }
}

const authorityOf = (t: TestContext, trustDomain = there): Authority => openAuthority({ folder: join(scratch(t), 'authority'), trustDomain, supplied: undefined, svidSeconds: 3600 })
const textOf = (authority: Authority): BundleText => ({ trustDomain: authority.trustDomain, document: encodeBundle(authority.bundle()) })
const proofOf = (authority: Authority, id = `spiffe://${authority.trustDomain}/bundle-endpoint`): { chain: string; key: string } => {
  const { chain, key } = authority.issue(id)
  return { chain, key: key.reveal() }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('what one exchange serves, on every address, another fetches; what is renewed is served on', async (t) => {
  const [ours, theirs] = [talk(t), talk(t)]
  const authority = authorityOf(t)
  const port = await freePort()
  const serve = (id: number): BundleOrder => ({ kind: 'serve', id, bundle: textOf(authority), listen: addresses, port, ...proofOf(authority) })
  assert.deepEqual(await theirs.ask(serve(1)), { kind: 'serving', id: 1 })
  const held = [textOf(authority)]
  const fetch = (id: number, host: string, profile: 'https_web' | 'https_spiffe' = 'https_spiffe'): Promise<BundleReport> =>
    ours.ask({ kind: 'fetch', id, endpoint: { trustDomain: there, url: `https://${host}:${port}/bundle.json`, profile }, held, nameServers: [] })
  assert.deepEqual(await fetch(2, '127.0.0.1'), { kind: 'fetched', id: 2, document: held[0]?.document })
  assert.deepEqual(await fetch(3, '[::1]'), { kind: 'fetched', id: 3, document: held[0]?.document })
  authority.rotateRoot()
  assert.deepEqual(await theirs.ask(serve(4)), { kind: 'serving', id: 4 })
  assert.deepEqual(await fetch(5, '127.0.0.1'), { kind: 'fetched', id: 5, document: encodeBundle(authority.bundle()) })
  assert.notEqual(encodeBundle(authority.bundle()), held[0]?.document)
  const asWeb = await fetch(6, '127.0.0.1', 'https_web')
  assert.ok(asWeb.kind === 'not-fetched' && asWeb.code === 'bundle-unreachable', 'no authority of the web vouches for a SPIFFE identity')
  assert.deepEqual(await theirs.ask({ kind: 'serve-nothing', id: 7 }), { kind: 'serving', id: 7 })
  const after = await fetch(8, '127.0.0.1')
  assert.ok(after.kind === 'not-fetched' && /ECONNREFUSED/.test(after.reason), JSON.stringify(after))
})

test('a certificate of the web is enough where an authority of the file vouches for it', async (t) => {
  const folder = scratch(t)
  const root = makeCertificate(folder, 'root', { subject: '/CN=web root', extensions: authorityExtensions })
  const own = makeCertificate(folder, 'own', { by: root, subject: '/CN=web', extensions: ['basicConstraints=critical,CA:FALSE', 'subjectAltName=IP:127.0.0.1'] })
  const { ask } = talk(t, root.certificateFile)
  const authority = authorityOf(t)
  const port = await freePort()
  const text = (file: string): string => readFileSync(file, 'utf8')
  await ask({ kind: 'serve', id: 1, bundle: textOf(authority), listen: ['127.0.0.1'], port, chain: text(own.certificateFile), key: text(own.keyFile) })
  const endpoint = { trustDomain: there, url: `https://127.0.0.1:${port}/bundle.json`, profile: 'https_web' } as const
  assert.equal((await ask({ kind: 'fetch', id: 2, endpoint, held: [], nameServers: [] })).kind, 'fetched')
  const stranger = await talk(t).ask({ kind: 'fetch', id: 3, endpoint, held: [], nameServers: [] })
  assert.equal(stranger.kind, 'not-fetched')
})

test('what cannot be served or fetched is told, and the next order is taken all the same', async (t) => {
  const { ask } = talk(t)
  const authority = authorityOf(t)
  const busy = createServer()
  await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve))
  t.after(() => busy.close())
  const { port } = busy.address() as AddressInfo
  const serve = { kind: 'serve', bundle: textOf(authority), listen: ['127.0.0.1'], ...proofOf(authority) } as const
  const taken = await ask({ ...serve, id: 1, port })
  assert.ok(taken.kind === 'not-serving' && /cannot listen on `127\.0\.0\.1`/.test(taken.reason), JSON.stringify(taken))
  const odd = await ask({ ...serve, id: 2, port: await freePort(), bundle: { trustDomain: there, document: '{}' } })
  assert.ok(odd.kind === 'not-serving' && /not a set of keys/.test(odd.reason))
  const free = await freePort()
  assert.equal((await ask({ ...serve, id: 3, port: free })).kind, 'serving')
  const fetch = (id: number, held: readonly BundleText[], url = `https://127.0.0.1:${free}/bundle.json`): BundleOrder =>
    ({ kind: 'fetch', id, endpoint: { trustDomain: there, url, profile: 'https_spiffe' }, held, nameServers: ['127.0.0.1:1'] })
  const first = await ask(fetch(4, []))
  assert.ok(first.kind === 'not-fetched' && /there is no bundle/.test(first.reason) && /by hand/.test(first.help ?? ''))
  const unnamed = await ask(fetch(5, [textOf(authority)], `https://partner.example.org:${free}/bundle.json`))
  assert.ok(unnamed.kind === 'not-fetched' && /no address of `partner\.example\.org` is known/.test(unnamed.reason), JSON.stringify(unnamed))
  const other = await ask(fetch(6, [textOf(authorityOf(t))]))
  assert.ok(other.kind === 'not-fetched' && other.code === 'bundle-unreachable', 'a bundle of the same name and other roots vouches for nobody')
})

test('a fetch that is forgotten ends', { timeout: 8_000 }, async (t) => {
  const { ask, exchange } = talk(t)
  const silent = createServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => silent.close())
  const { port } = silent.address() as AddressInfo
  silent.once('connection', () => exchange.order({ kind: 'forget', id: 1 }))
  const report = await ask({ kind: 'fetch', id: 1, endpoint: { trustDomain: there, url: `https://127.0.0.1:${port}/`, profile: 'https_web' }, held: [], nameServers: [] })
  assert.equal(report.kind, 'not-fetched')
})

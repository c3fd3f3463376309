import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createServer } from 'node:https'
import { connect } from 'node:tls'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAuthority } from './authority.ts'
import { bundlePem, encodeBundle } from './bundle.ts'
import { fetchBundle } from './bundle-fetch.ts'
import { keepBundlesFresh } from './bundle-refresh.ts'
import { serveBundle } from './bundle-server.ts'
import { openBundleStore } from './bundle-store.ts'
import { verifySvid } from './verify-svid.ts'
import { authorityExtensions, chainOf, hour, makeCertificate, minute, scratch, testAuthority } from './testing.ts'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Authority } from './authority.ts'
import type { TrustBundle } from './bundle.ts'
import type { BundleEndpoint } from './bundle-fetch.ts'
import type { BundleRefresh } from './bundle-refresh.ts'
import type { BundleServer, EndpointProfile } from './bundle-server.ts'
import type { BundleStore } from './bundle-store.ts'
import type { TestAuthority } from './testing.ts'

const here = 'tre.example.org'
const there = 'partner.example.org'
const endpointId = (trustDomain: string): string => `spiffe://${trustDomain}/bundle-endpoint`

async function serve(t: TestContext, profile: EndpointProfile, bundle: () => TrustBundle, port = 0): Promise<BundleServer> {
  const server = await serveBundle({ bundle, profile, host: '127.0.0.1', port })
  t.after(() => server.stop())
  return server
}

const spiffe = (from: TestAuthority, id = endpointId(from.authority.trustDomain)): EndpointProfile => {
  const svid = from.authority.issue(id)
  return { kind: 'https_spiffe', svid: () => svid }
}

/** A server of the web with whatever answer, and the authority that its callers trust. */
async function web(t: TestContext, answer: RequestListener, name = 'localhost'): Promise<{ url: string; authorities: readonly string[] }> {
  const folder = scratch(t)
  const root = makeCertificate(folder, 'root', { subject: '/CN=web root', extensions: authorityExtensions })
  const own = makeCertificate(folder, 'own', { by: root, subject: '/CN=web', extensions: ['basicConstraints=critical,CA:FALSE', `subjectAltName=DNS:${name}`, 'extendedKeyUsage=serverAuth'] })
  const server = createServer({ cert: readFileSync(own.certificateFile), key: readFileSync(own.keyFile) }, answer)
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `https://localhost:${(server.address() as AddressInfo).port}/bundle.json`, authorities: [readFileSync(root.certificateFile, 'utf8')] }
}

const refused = (code: string, words: RegExp) => (error: Error & { code?: string }): boolean => {
  assert.equal(error.code, code, error.message)
  assert.match(error.message, words)
  return true
}

test('https_web: the bundle comes from a server whose name an authority of the web vouches for', async (t) => {
  const { authority, now } = testAuthority(t, there)
  const folder = scratch(t)
  const root = makeCertificate(folder, 'root', { subject: '/CN=web root', extensions: authorityExtensions })
  const own = makeCertificate(folder, 'own', { by: root, subject: '/CN=web', extensions: ['basicConstraints=critical,CA:FALSE', 'subjectAltName=IP:127.0.0.1'] })
  const text = (file: string): string => readFileSync(file, 'utf8')
  const { port } = await serve(t, { kind: 'https_web', certificate: () => ({ chain: text(own.certificateFile), key: text(own.keyFile) }) }, authority.bundle)
  const endpoint: BundleEndpoint = { trustDomain: there, url: `https://127.0.0.1:${port}/bundle.json`, profile: 'https_web' }
  const options = { bundles: new Map(), now: now(), webAuthorities: [text(root.certificateFile)] }
  assert.deepEqual(await fetchBundle(endpoint, options), authority.bundle())
  await assert.rejects(fetchBundle(endpoint, { bundles: new Map(), now: now() }), refused('bundle-unreachable', /cannot be fetched/))
  await assert.rejects(fetchBundle({ ...endpoint, url: `https://localhost:${port}/bundle.json` }, options), refused('bundle-unreachable', /cannot be fetched/))
  await assert.rejects(fetchBundle({ ...endpoint, url: `https://127.0.0.1:${port}/other` }, options), refused('bundle-unreachable', /status 404/))
  await assert.rejects(fetchBundle({ ...endpoint, trustDomain: 'third.example.org' }, options), refused('bundle-refused', /another trust domain/))
})

test('https_spiffe: the bundle comes from who has the endpoint\'s identity, by the bundle held already', async (t) => {
  const theirs = testAuthority(t, there)
  const { now } = theirs
  const held = new Map([[there, theirs.authority.bundle()]])
  const fetchFrom = async (profile: EndpointProfile, bundles: ReadonlyMap<string, TrustBundle> = held, at = now()): Promise<TrustBundle> => {
    const { port } = await serve(t, profile, theirs.authority.bundle)
    return fetchBundle({ trustDomain: there, url: `https://127.0.0.1:${port}/bundle.json`, profile: 'https_spiffe' }, { bundles, now: at })
  }
  assert.deepEqual(await fetchFrom(spiffe(theirs)), theirs.authority.bundle())
  await assert.rejects(fetchFrom(spiffe(theirs), new Map()), refused('bundle-unreachable', /there is no bundle of `partner/))
  await assert.rejects(fetchFrom(spiffe(theirs, `spiffe://${there}/enclave/a/workload/b`)), refused('bundle-unreachable', /it is `spiffe:.*workload\/b`, not/))
  await assert.rejects(fetchFrom(spiffe(testAuthority(t, there))), refused('bundle-unreachable', /no authority of this trust domain/))
  await assert.rejects(fetchFrom(spiffe(testAuthority(t, here))), refused('bundle-unreachable', /no bundle for this trust domain/))
  await assert.rejects(fetchFrom(spiffe(theirs), held, now() + 2 * hour), refused('bundle-unreachable', /has expired/))
  await assert.rejects(fetchFrom(spiffe(theirs), held, now() - 2 * hour), refused('bundle-unreachable', /not valid yet/))
})

test('a server that is not who it should be never sees a request', async (t) => {
  let requests = 0
  const { url } = await web(t, (_request, response) => {
    requests++
    response.end('{"keys": []}')
  })
  const held = new Map([[there, testAuthority(t, there).authority.bundle()]])
  await assert.rejects(fetchBundle({ trustDomain: there, url, profile: 'https_spiffe' }, { bundles: held, now: Date.now() }), refused('bundle-unreachable', /no URI name/))
  assert.equal(requests, 0)
})

test('what an endpoint answers is bounded in size, in time and in where it leads', async (t) => {
  const answers: Readonly<Record<string, RequestListener>> = {
    '/large': (_q, a) => a.end(Buffer.alloc(1024 * 1024 + 1, 0x20)),
    '/endless': (_q, a) => {
      const more = (): void => {
        while (!a.destroyed && a.write(Buffer.alloc(65_536, 0x20)));
        if (!a.destroyed) a.once('drain', more)
      }
      more()
    },
    '/silent': () => undefined,
    '/slow': (_q, a) => void a.write('{"keys":'),
    '/cut': (_q, a) => {
      a.writeHead(200, { 'content-length': '100' })
      a.write('{"keys": []}')
      setTimeout(() => a.destroy(), 20)
    },
    '/round': (_q, a) => a.writeHead(302, { location: '/round' }).end(),
    '/plain': (_q, a) => a.writeHead(302, { location: 'http://localhost/bundle.json' }).end(),
    '/user': (_q, a) => a.writeHead(302, { location: 'https://a:b@localhost/bundle.json' }).end(),
    '/moved': (_q, a) => a.writeHead(302, { location: '/good' }).end(),
    '/good': (_q, a) => a.end('{"keys": []}'),
    '/broken': (_q, a) => a.writeHead(500).end('{"keys": []}'),
    '/page': (_q, a) => a.end('<html>'),
  }
  const { url, authorities } = await web(t, (request, response) => answers[request.url ?? '']?.(request, response))
  // Only what never answers is to run out of time, however busy the machine is.
  const patience = (path: string): number => (path === '/silent' || path === '/slow' ? 500 : 120_000)
  const fetch = (path: string): Promise<TrustBundle> => fetchBundle({ trustDomain: there, url: new URL(path, url).href, profile: 'https_web' }, { bundles: new Map(), now: Date.now(), webAuthorities: authorities, timeoutMs: patience(path) })
  assert.deepEqual((await fetch('/good')).authorities, [])
  assert.deepEqual((await fetch('/moved')).authorities, [])
  await Promise.all([
    ['/large', 'bundle-refused', /larger/], ['/endless', 'bundle-refused', /larger/], ['/silent', 'bundle-unreachable', /in time/], ['/slow', 'bundle-unreachable', /in time/],
    ['/cut', 'bundle-unreachable', /cannot be fetched/], ['/round', 'bundle-unreachable', /without an end/], ['/plain', 'bundle-unreachable', /not an `https:`/], ['/user', 'bundle-unreachable', /not an `https:`/],
    ['/broken', 'bundle-unreachable', /status 500/], ['/page', 'bundle-refused', /not a JSON/],
  ].map(([path, code, words]) => assert.rejects(fetch(String(path)), refused(String(code), words as RegExp), String(path))))
  await assert.rejects(fetchBundle({ trustDomain: there, url: 'http://localhost/', profile: 'https_web' }, { bundles: new Map(), now: 0 }), refused('bundle-unreachable', /not an `https:`/))
})

test('the endpoint answers one path, to GET and HEAD, without asking who calls, and shows a renewed certificate', async (t) => {
  const theirs = testAuthority(t, there)
  let svid = theirs.authority.issue(endpointId(there))
  const server = await serve(t, { kind: 'https_spiffe', svid: () => svid }, theirs.authority.bundle)
  const ask = async (text: string): Promise<{ serial: string; answer: string }> => {
    const socket = connect({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false })
    let serial = ''
    socket.once('secureConnect', () => (serial = socket.getPeerX509Certificate()?.serialNumber ?? ''))
    socket.write(text)
    let answer = ''
    for await (const part of socket) answer += String(part)
    return { serial, answer }
  }
  const request = (line: string): Promise<{ serial: string; answer: string }> => ask(`${line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  const good = await request('GET /bundle.json?x=1')
  assert.match(good.answer, /^HTTP\/1\.1 200 OK\r\ncontent-type: application\/json\r\n/)
  assert.ok(good.answer.endsWith(encodeBundle(theirs.authority.bundle())))
  assert.match((await request('HEAD /bundle.json')).answer, /^HTTP\/1\.1 200 OK[^{]*$/)
  assert.match((await request('GET /')).answer, /^HTTP\/1\.1 404/)
  assert.match((await request('GET /%62undle.json')).answer, /^HTTP\/1\.1 404/)
  assert.match((await request('POST /bundle.json')).answer, /^HTTP\/1\.1 405/)
  assert.match((await request('CONNECT a:443')).answer, /^$|^HTTP\/1\.1 4/)
  assert.doesNotMatch((await ask('x\r\n\r\n')).answer, /200/)
  svid = theirs.authority.issue(endpointId(there))
  server.renew()
  assert.notEqual((await request('GET /bundle.json')).serial, good.serial)
  await assert.rejects(serveBundle({ bundle: theirs.authority.bundle, profile: spiffe(theirs), host: '127.0.0.1', port: server.port }), { code: 'network-failed' })
})

test('openssl accepts the endpoint by the bundle, with TLS 1.3 and 1.2, and nothing older or by another bundle', async (t) => {
  const folder = scratch(t)
  const at = Date.now()
  const open = (): Authority => openAuthority({ folder: join(scratch(t), 'authority'), trustDomain: there, supplied: undefined, svidSeconds: 3600 })
  const [theirs, others] = [open(), open()]
  const svid = theirs.issue(endpointId(there))
  assert.ok(svid.notAfter > at)
  const { port } = await serve(t, { kind: 'https_spiffe', svid: () => svid }, theirs.bundle)
  const [good, wrong] = [[theirs, 'good.pem'], [others, 'wrong.pem']].map(([from, name]) => {
    const path = join(folder, name as string)
    writeFileSync(path, bundlePem((from as Authority).bundle()))
    return path
  }) as [string, string]
  const greet = (bundle: string, ...more: readonly string[]): Promise<string> => new Promise((resolve) => {
    execFile('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', bundle, '-no-CApath', '-verify_return_error', '-x509_strict', '-brief', ...more], { timeout: 10_000 }, (_error, out, err) => resolve(out + err)).stdin?.end()
  })
  const [tls13, tls12, tls11, foreign] = await Promise.all([greet(good), greet(good, '-tls1_2'), greet(good, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'), greet(wrong)])
  assert.match(tls13, /TLSv1\.3[\s\S]*Verification: OK/)
  assert.match(tls12, /TLSv1\.2[\s\S]*Verification: OK/)
  assert.doesNotMatch(tls11, /Verification: OK/)
  assert.match(foreign, /verify error|unable to get/)
})

interface Side extends TestAuthority {
  readonly store: BundleStore
  readonly refresh: BundleRefresh
  readonly changes: string[]
  readonly problems: string[]
}

function side(t: TestContext, trustDomain: string): Side {
  const own = testAuthority(t, trustDomain)
  const store = openBundleStore(join(scratch(t), 'bundles'))
  const changes: string[] = []
  const problems: string[] = []
  const refresh = keepBundlesFresh({ store, clock: own.now, onChange: (of) => void changes.push(of), onProblem: (_of, error) => void problems.push(String((error as { code?: string }).code)), leastMs: 30_000 })
  t.after(() => refresh.stop())
  return { ...own, store, refresh, changes, problems }
}

test('two platforms federate: each believes the other through a rotation of roots, an outage and until it is told not to', async (t) => {
  const [ours, theirs] = [side(t, here), side(t, there)]
  const pairs = [[ours, theirs], [theirs, ours]] as const
  const servers = await Promise.all([ours, theirs].map((each) => {
    let svid = each.authority.issue(endpointId(each.authority.trustDomain))
    return serve(t, { kind: 'https_spiffe', svid: () => (svid = each.now() >= svid.notAfter - 30 * minute ? each.authority.issue(svid.spiffeId) : svid) }, each.authority.bundle)
  }))
  const [ourServer, theirServer] = servers as [BundleServer, BundleServer]
  const endpoint = (trustDomain: string, server: BundleServer): BundleEndpoint => ({ trustDomain, url: `https://127.0.0.1:${server.port}/bundle.json`, profile: 'https_spiffe' })
  // Before anybody vouches for the first bundle nothing is believed, and it is no use to ask.
  ours.refresh.set([endpoint(there, theirServer)])
  theirs.refresh.set([endpoint(here, ourServer)])
  await Promise.all([ours.refresh.refresh(there), theirs.refresh.refresh(here)])
  assert.deepEqual([ours.problems, theirs.problems, ours.refresh.trusted().size], [['bundle-unreachable'], ['bundle-unreachable'], 0])
  for (const [a, b] of pairs) a.store.replace(b.authority.bundle(), a.now())

  const believes = (a: Side, b: Side): string => {
    const verdict = verifySvid(chainOf(b.authority.issue(`spiffe://${b.authority.trustDomain}/enclave/e/workload/w`)), a.refresh.trusted(), a.now())
    return verdict.kind === 'accepted' ? verdict.kind : verdict.reason
  }
  const pass = (ms: number): void => {
    for (const each of [ours, theirs]) {
      each.advance(ms)
      each.authority.maintain()
    }
    for (const server of servers) server.renew()
  }
  const exchange = async (): Promise<void> => void await Promise.all([ours.refresh.refresh(there), theirs.refresh.refresh(here)])
  await exchange()
  for (const [a, b] of pairs) assert.equal(believes(a, b), 'accepted')

  theirs.authority.rotateRoot()
  for (let at = 0; at < 20; at++) {
    pass(5 * minute)
    await exchange()
    for (const [a, b] of pairs) assert.equal(believes(a, b), 'accepted', `${at}`)
  }
  assert.equal(theirs.authority.bundle().authorities.length, 1)
  assert.equal(ours.changes.length, 2, 'the new root came, the old one went')

  const now = ours.store.get(there)
  await theirServer.stop()
  await exchange()
  assert.deepEqual(ours.store.get(there), now)
  assert.equal(ours.refresh.status()[0]?.failures, 1)
  assert.equal(believes(ours, theirs), 'accepted')
  const again = await serve(t, spiffe(theirs), theirs.authority.bundle, theirServer.port)
  await exchange()
  assert.equal(ours.refresh.status()[0]?.failures, 0, 'recovered by itself')
  await again.stop()

  const old = { ...theirs.authority.bundle(), sequence: (theirs.authority.bundle().sequence ?? 0n) - 1n }
  await serve(t, spiffe(theirs), () => old, theirServer.port)
  await exchange()
  assert.equal(ours.problems.at(-1), 'bundle-replayed')
  assert.deepEqual(ours.store.get(there)?.bundle, theirs.authority.bundle())

  ours.refresh.set([])
  assert.equal(believes(ours, theirs), 'wrong-trust-domain')
  assert.equal(believes(theirs, ours), 'accepted', 'each side ends it alone')
})

test('a bundle that nobody renews still ends when its certificates do', async (t) => {
  const [ours, theirs] = [side(t, here), side(t, there)]
  ours.store.replace(theirs.authority.bundle(), ours.now())
  ours.refresh.set([{ trustDomain: there, url: 'https://127.0.0.1:9/bundle.json', profile: 'https_spiffe' }])
  await ours.refresh.refresh(there)
  assert.deepEqual(ours.problems, ['bundle-unreachable'])
  const svid = theirs.authority.issue(`spiffe://${there}/a`)
  assert.equal(verifySvid(chainOf(svid), ours.refresh.trusted(), ours.now()).kind, 'accepted')
  const verdict = verifySvid(chainOf(svid), ours.refresh.trusted(), ours.now() + 2 * 365 * 24 * hour)
  assert.equal(verdict.kind, 'refused')
})

test('an endpoint that fails is asked later and later, and a hint to hurry or to sleep is bounded', async (t) => {
  const theirs = testAuthority(t, there)
  const store = openBundleStore(join(scratch(t), 'bundles'))
  let answer: () => TrustBundle = () => {
    throw new Error('down')
  }
  const asked: number[] = []
  let wake = (): void => undefined
  const refresh = keepBundlesFresh({
    store, onChange: () => undefined, onProblem: () => undefined, random: () => 0.5, leastMs: 20, mostMs: 200,
    fetch: () => {
      asked.push(performance.now())
      wake()
      return Promise.resolve().then(() => answer())
    },
  })
  t.after(() => refresh.stop())
  // Its timers do not keep a program alive; here something else has to.
  const alive = setInterval(() => undefined, 1000)
  t.after(() => clearInterval(alive))
  const until = (count: number): Promise<void> => new Promise((resolve) => {
    wake = () => {
      if (asked.length >= count) resolve()
    }
    wake()
  })
  const gap = (i: number): number => (asked[i + 1] ?? 0) - (asked[i] ?? 0)
  refresh.set([{ trustDomain: there, url: 'https://x.example/', profile: 'https_web' }])
  await until(5)
  for (const [i, least] of [19, 39, 79, 159].entries()) assert.ok(gap(i) >= least, `${gap(i)} ms`)
  answer = () => ({ ...theirs.authority.bundle(), refreshHint: 1_000_000 })
  await until(7)
  assert.ok(gap(5) >= 199, 'no longer than the bound')
  refresh.stop()
})

import assert from 'node:assert/strict'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { chmodSync, closeSync, lstatSync, mkdirSync, openSync, readFileSync, readdirSync, readlinkSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { identityPlaces } from './places.ts'
import { readSvidFolder, writeSvidFolder } from './svid-files.ts'
import { openssl, scratch, testAuthority } from './testing.ts'

const id = 'spiffe://tre.example.org/enclave/research/workload/db'

test('a workload finds its identity under the names that spiffe-helper uses, readable by its owner alone', (t) => {
  const { authority } = testAuthority(t)
  const folder = join(scratch(t), 'db')
  const svid = authority.issue(id)
  writeSvidFolder(folder, svid, authority.bundle())
  assert.equal(readFileSync(join(folder, 'svid.pem'), 'utf8'), svid.chain)
  assert.equal(readFileSync(join(folder, 'svid_key.pem'), 'utf8'), svid.key.reveal())
  assert.match(readFileSync(join(folder, 'bundle.pem'), 'utf8'), /BEGIN CERTIFICATE/)
  for (const name of ['svid.pem', 'svid_key.pem', 'bundle.pem']) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600)
  assert.equal(statSync(folder).mode & 0o077, 0)
  const back = readSvidFolder(folder)
  assert.deepEqual({ ...back, key: back?.key.reveal() }, { ...svid, key: svid.key.reveal() })
  assert.equal(readSvidFolder(join(folder, 'nothing')), undefined)
})

test('openssl takes the files as they are', (t) => {
  const { authority, now } = testAuthority(t)
  const folder = scratch(t)
  writeSvidFolder(folder, authority.issue(id), authority.bundle())
  const file = (name: string): string => join(folder, name)
  const said = openssl(['verify', '-x509_strict', '-purpose', 'sslclient', '-attime', String(now() / 1000), '-CAfile', file('bundle.pem'), '-untrusted', file('svid.pem'), file('svid.pem')])
  assert.deepEqual(said, { code: 0, text: `${file('svid.pem')}: OK\n` })
  assert.equal(openssl(['pkey', '-in', file('svid_key.pem'), '-pubout']).text, openssl(['x509', '-in', file('svid.pem'), '-noout', '-pubkey']).text)
})

test('a folder holds one identity, and never another\'s', (t) => {
  const { authority } = testAuthority(t)
  const places = identityPlaces(scratch(t))
  const [db, web] = [places.svid('research/db'), places.svid('research/web')]
  writeSvidFolder(db, authority.issue(id), authority.bundle())
  assert.throws(() => writeSvidFolder(db, authority.issue('spiffe://tre.example.org/enclave/research/workload/web'), authority.bundle()), { code: 'svid-of-another' })
  assert.equal(readSvidFolder(db)?.spiffeId, id)
  const renamed = testAuthority(t, 'other.example.org').authority
  writeSvidFolder(db, renamed.issue('spiffe://other.example.org/enclave/research/workload/db'), renamed.bundle())
  assert.equal(readSvidFolder(db)?.spiffeId, 'spiffe://other.example.org/enclave/research/workload/db')
  writeSvidFolder(web, authority.issue('spiffe://tre.example.org/enclave/research/workload/web'), authority.bundle())
  assert.deepEqual(places.svids(), [db, web])
  assert.deepEqual(identityPlaces(join(places.authority, 'nothing')).svids(), [])
})

test('a new identity replaces the old one whole; who opened the old one a moment ago still has it, and no more is kept', (t) => {
  const { authority } = testAuthority(t)
  const folder = scratch(t)
  const write = (): string => {
    writeSvidFolder(folder, authority.issue(id), authority.bundle())
    return realpathSync(join(folder, 'current'))
  }
  const first = write()
  const second = write()
  assert.notEqual(first, second)
  assert.ok(statSync(join(first, 'svid_key.pem')).isFile())
  const third = write()
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith('.')).sort(), [second, third].map((path) => path.slice(path.lastIndexOf('/') + 1)).sort())
  for (const name of ['svid.pem', 'svid_key.pem', 'bundle.pem']) assert.ok(lstatSync(join(folder, name)).isSymbolicLink())
})

test('what a crash left half-way is not taken for an identity, and is cleared away', (t) => {
  const { authority } = testAuthority(t)
  const folder = scratch(t)
  writeSvidFolder(folder, authority.issue(id), authority.bundle())
  const before = readlinkSync(join(folder, 'current'))
  mkdirSync(join(folder, '.generation-0123456789abcdef'))
  closeSync(openSync(join(folder, '.current.new'), 'w'))
  assert.equal(readSvidFolder(folder)?.spiffeId, id)
  writeSvidFolder(folder, authority.issue(id), authority.bundle())
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith('.generation')).sort(), [before, readlinkSync(join(folder, 'current'))].sort())
})

test('a reader beside a writer that never rests sees a key and its certificate, always', async (t) => {
  const folder = scratch(t)
  const writer = new Worker(`
    import { workerData, parentPort } from 'node:worker_threads'
    const { openAuthority } = await import(workerData.authority)
    const { writeSvidFolder } = await import(workerData.files)
    const authority = openAuthority({ folder: workerData.folder + '/authority', trustDomain: 'tre.example.org', supplied: undefined, svidSeconds: 3600 })
    for (let i = 0; i < 80; i++) {
      writeSvidFolder(workerData.folder + '/db', authority.issue('${id}'), authority.bundle())
      if (i === 0) parentPort.postMessage('begun')
    }
  `, { eval: true, workerData: { folder, authority: new URL('authority.ts', import.meta.url).href, files: new URL('svid-files.ts', import.meta.url).href } })
  let done = false
  writer.once('exit', () => (done = true))
  await new Promise((resolve, reject) => writer.once('message', resolve).once('error', reject))
  const seen = new Set<string>()
  while (!done) {
    // As a careful program does: the folder once, then what is in it. Two renewals in the meantime, and it asks again.
    try {
      const at = realpathSync(join(folder, 'db', 'current'))
      const certificate = new X509Certificate(readFileSync(join(at, 'svid.pem')))
      assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(join(at, 'svid_key.pem')))))
      seen.add(certificate.serialNumber)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(seen.size > 1, 'the writer was at work meanwhile')
})

test('files that are damaged, empty or readable by others are no identity, and are replaced', (t) => {
  const { authority } = testAuthority(t)
  const folder = scratch(t)
  const damages: readonly ((at: string) => void)[] = [
    (at) => writeFileSync(join(at, 'svid.pem'), ''),
    (at) => writeFileSync(join(at, 'svid_key.pem'), ''),
    (at) => writeFileSync(join(at, 'svid_key.pem'), authority.issue(id).key.reveal()),
    (at) => chmodSync(join(at, 'svid_key.pem'), 0o644),
    (at) => rmSync(join(at, 'svid_key.pem')),
    (at) => rmSync(at, { recursive: true }),
  ]
  for (const damage of damages) {
    writeSvidFolder(folder, authority.issue(id), authority.bundle())
    assert.ok(readSvidFolder(folder) !== undefined)
    damage(realpathSync(join(folder, 'current')))
    assert.equal(readSvidFolder(folder), undefined)
  }
})

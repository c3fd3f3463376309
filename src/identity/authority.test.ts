import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { openAuthority, requestNewRoot } from './authority.ts'
import { lookAtAuthority } from './look.ts'
import { requestIntermediate } from './request.ts'
import { verifySvid } from './verify-svid.ts'
import { authorityExtensions, chainOf, hour, makeCertificate, minute, openssl, scratch, start, testAuthority } from './testing.ts'
import type { TrustBundle } from './bundle.ts'
import type { Svid } from './svid.ts'
import type { SuppliedFiles } from './supplied.ts'

const td = 'tre.example.org'
const id = `spiffe://${td}/enclave/research/workload/db`
const lead = 25 * minute

function accepted(svid: Svid, bundle: TrustBundle, now: number): boolean {
  return verifySvid(chainOf(svid), new Map([[td, bundle]]), now).kind === 'accepted'
}

const stages = (authority: ReturnType<typeof openAuthority>): string => authority.status().stages.join(' ')

test('an authority issues what its bundle vouches for, and is the same after a restart', (t) => {
  const { authority, reopen, now } = testAuthority(t)
  const before = authority.issue(id)
  const again = reopen()
  assert.deepEqual(again.bundle(), authority.bundle())
  for (const svid of [before, again.issue(id)]) assert.ok(accepted(svid, again.bundle(), now()))
  assert.notEqual(before.serial, again.issue(id).serial)
  assert.equal(before.notAfter, start + hour)
})

test('every private key is in a file that its owner alone reads, and in no text about it', (t) => {
  const { authority, folder } = testAuthority(t)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  const names = readdirSync(folder)
  assert.equal(names.filter((name) => name.endsWith('_key.pem')).length, 2)
  for (const name of names) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
  const svid = authority.issue(id)
  const [, body = ''] = svid.key.reveal().split('\n')
  assert.ok(body.length > 40)
  const shown = [inspect(svid, { depth: null, showHidden: true }), JSON.stringify(svid), `${String(svid.key)}`, inspect(authority, { depth: null, showHidden: true }), inspect(new Error('x', { cause: svid }))]
  for (const text of shown) assert.ok(!text.includes(body) && !text.includes('PRIVATE'), text)
})

test('a key that others could read, that is another\'s, or that is damaged stops the authority, and no message quotes it', (t) => {
  const { folder, reopen, advance } = testAuthority(t)
  const keys = readdirSync(folder).filter((name) => name.endsWith('_key.pem')).map((name) => join(folder, name))
  const texts = keys.map((key) => readFileSync(key, 'utf8'))
  const refused = (code: string): void => {
    assert.throws(() => reopen().issue(id), (error: Error & { code?: string }) => {
      assert.equal(error.code, code)
      const all = inspect(error, { depth: null, showHidden: true })
      for (const text of texts) assert.ok(!all.includes(text.split('\n')[1] ?? ''), all)
      return true
    })
  }
  const all = (change: (key: string, i: number) => void): void => keys.forEach(change)
  const heal = (): void => all((key, i) => writeFileSync(key, texts[i] ?? '', { mode: 0o600 }))
  all((key) => chmodSync(key, 0o640))
  refused('key-exposed')
  all((key) => chmodSync(key, 0o600))
  all((key, i) => writeFileSync(key, texts[1 - i] ?? ''))
  refused('identity-damaged')
  all((key, i) => writeFileSync(key, (texts[i] ?? '').slice(0, 90)))
  refused('identity-damaged')
  heal()
  assert.ok(reopen().issue(id))
  all((key) => rmSync(key))
  advance(13 * hour)
  refused('identity-damaged')
  heal()
  chmodSync(folder, 0o770)
  refused('key-exposed')
  chmodSync(folder, 0o700)
  writeFileSync(join(folder, 'authority.json'), '{}')
  refused('identity-damaged')
})

test('a new root is published before it signs, and the old one until its last SVID has ended', (t) => {
  const { authority, now, advance, folder } = testAuthority(t)
  const first = authority.bundle()
  authority.rotateRoot()
  const both = authority.bundle()
  assert.deepEqual([both.authorities.length, both.sequence], [2, (first.sequence ?? 0n) + 1n])
  assert.equal(stages(authority), 'active next')
  authority.rotateRoot()
  assert.deepEqual(authority.bundle(), both)
  advance(lead - minute)
  authority.maintain()
  const last = authority.issue(id)
  assert.ok(accepted(last, first, now()), 'a bundle from before the rotation still vouches for what is issued')
  advance(minute)
  assert.equal(authority.maintain().bundleChanged, false)
  assert.equal(stages(authority), 'old active')
  const fresh = authority.issue(id)
  assert.ok(accepted(fresh, both, now()) && !accepted(fresh, first, now()))
  advance(last.notAfter - now())
  authority.maintain()
  assert.ok(accepted(last, authority.bundle(), now()), 'valid until its very end')
  advance(3 * minute)
  assert.equal(authority.maintain().bundleChanged, true)
  assert.equal(stages(authority), 'active')
  assert.ok((authority.bundle().sequence ?? 0n) > (both.sequence ?? 0n))
  assert.equal(readdirSync(folder).filter((name) => name.endsWith('_key.pem')).length, 2, 'the old keys are gone')
  assert.ok(accepted(authority.issue(id), authority.bundle(), now()))
})

test('a rotation survives restarts, and a clock that somebody sets neither hastens nor undoes it', (t) => {
  const { authority, reopen, advance, jump } = testAuthority(t)
  authority.rotateRoot()
  const sequence = authority.bundle().sequence
  jump(10 * hour)
  authority.maintain()
  assert.equal(stages(authority), 'active next', 'nobody had time to fetch it')
  const second = reopen()
  second.maintain()
  assert.equal(stages(second), 'active next')
  advance(lead)
  second.maintain()
  assert.equal(stages(second), 'old active')
  jump(-60 * hour)
  second.maintain()
  assert.equal(stages(second), 'old active')
  assert.ok((second.bundle().sequence ?? 0n) >= (sequence ?? 0n))
  assert.throws(() => second.issue(id), { code: 'authority-unusable' }, 'its root is still to come')
})

test('intermediates are renewed at half of their life, roots when a fifth of theirs is left', (t) => {
  const { authority, now, advance } = testAuthority(t, td, { times: { rootMs: 100 * hour, intermediateMs: 20 * hour } })
  let sequence = authority.bundle().sequence ?? 0n
  const seen = new Set<string>()
  for (let at = 0; at < 125; at++) {
    advance(2 * hour)
    authority.maintain()
    const svid = authority.issue(id)
    const bundle = authority.bundle()
    assert.ok(accepted(svid, bundle, now()), `hour ${at}`)
    assert.ok(accepted(svid, bundle, svid.notAfter), `hour ${at}: until its end`)
    assert.equal(svid.notAfter, now() + hour, 'no SVID is cut short')
    assert.ok((bundle.sequence ?? 0n) >= sequence)
    sequence = bundle.sequence ?? 0n
    bundle.authorities.forEach((root) => seen.add(root.serial))
  }
  assert.equal(seen.size, 4)
})

test('after years without a look there is a new root at once: nobody trusts the old one any more', (t) => {
  const { authority, now, advance } = testAuthority(t)
  const before = authority.bundle()
  advance(3 * 365 * 24 * hour)
  assert.ok(accepted(authority.issue(id), authority.bundle(), now()))
  assert.ok((authority.bundle().sequence ?? 0n) > (before.sequence ?? 0n))
})

test('an authority names only what belongs to its trust domain', (t) => {
  const { authority, folder } = testAuthority(t)
  for (const wrong of ['spiffe://partner.example.org/a', `spiffe://${td}`, `spiffe://${td}/../a`, 'x', '', `spiffe://${td}.evil/a`]) {
    assert.throws(() => authority.issue(wrong), { code: 'spiffe-id-invalid' }, wrong)
  }
  assert.throws(() => openAuthority({ folder, trustDomain: 'Not One', supplied: undefined, svidSeconds: 3600 }), { code: 'spiffe-id-invalid' })
})

test('a platform that changes its name gets another authority, and its old one back with its old name', (t) => {
  const folder = join(scratch(t), 'authority')
  const open = (trustDomain: string): TrustBundle => openAuthority({ folder, trustDomain, supplied: undefined, svidSeconds: 3600 }).bundle()
  const [first, second] = [open(td), open('other.example.org')]
  assert.notDeepEqual(first.authorities, second.authorities)
  assert.equal(lookAtAuthority(folder)?.bundle.trustDomain, 'other.example.org')
  assert.deepEqual(open(td), first)
  assert.deepEqual(open('other.example.org'), second)
  assert.deepEqual(readdirSync(join(folder, '..')).sort(), ['authority', `authority-${td}`])
})

test('another process asks for a new root by a mark, and looks without changing anything', (t) => {
  const { authority, folder } = testAuthority(t)
  requestNewRoot(folder)
  assert.equal(authority.maintain().bundleChanged, true)
  assert.equal(authority.maintain().bundleChanged, false)
  const before = readdirSync(folder).sort()
  const look = lookAtAuthority(folder)
  assert.deepEqual(look?.bundle, authority.bundle())
  assert.deepEqual(look?.roots.map((root) => root.stage), ['active', 'next'])
  assert.deepEqual(readdirSync(folder).sort(), before)
  assert.equal(lookAtAuthority(join(folder, 'nothing')), undefined)
})

/** A root that openssl keeps, and an intermediate that it signs for a request of ours. */
function offline(folder: string, name: string): SuppliedFiles {
  const root = makeCertificate(folder, `${name}-root`, { subject: `/O=Offline/CN=${name}`, extensions: authorityExtensions })
  const { keyFile, requestFile } = requestIntermediate(join(folder, name), td)
  const certificateFile = join(folder, `${name}.pem`)
  const said = openssl(['x509', '-req', '-in', requestFile, '-copy_extensions', 'copyall', '-CA', root.certificateFile, '-CAkey', root.keyFile, '-days', '10', '-out', certificateFile])
  assert.equal(said.code, 0, said.text)
  return { certificateFile, keyFile, rootsFile: root.certificateFile }
}

test('the root may be elsewhere: openssl signs our request, and is believed', (t) => {
  const folder = scratch(t)
  const supplied = offline(folder, 'first')
  const clock = (): number => Date.now() + 2000
  const authority = openAuthority({ folder: join(folder, 'authority'), trustDomain: td, supplied, svidSeconds: 3600, clock })
  const svid = authority.issue(id)
  assert.equal(chainOf(svid).length, 2)
  assert.ok(accepted(svid, authority.bundle(), clock()))
  assert.throws(() => authority.rotateRoot(), { code: 'root-elsewhere' })
  assert.equal(authority.status().kind, 'supplied')
  assert.equal(readdirSync(join(folder, 'authority')).filter((name) => name.endsWith('_key.pem')).length, 0)
  assert.throws(() => requestIntermediate(join(folder, 'first'), td), { code: 'usage' })
  assert.deepEqual(lookAtAuthority(join(folder, 'authority'))?.bundle, authority.bundle())
})

test('supplied files are taken up when they change, and not when they would not hold together', (t) => {
  const folder = scratch(t)
  const [first, second] = [offline(folder, 'first'), offline(folder, 'second')]
  const used: SuppliedFiles = { certificateFile: join(folder, 'used.pem'), keyFile: join(folder, 'used_key.pem'), rootsFile: join(folder, 'roots.pem') }
  const use = (files: SuppliedFiles, roots: readonly SuppliedFiles[]): void => {
    copyFileSync(files.certificateFile, used.certificateFile)
    copyFileSync(files.keyFile, used.keyFile)
    chmodSync(used.keyFile, 0o600)
    writeFileSync(used.rootsFile, roots.map((root) => readFileSync(root.rootsFile, 'utf8')).join(''))
  }
  use(first, [first])
  const clock = (): number => Date.now() + 2000
  const options = { folder: join(folder, 'authority'), trustDomain: td, supplied: used, svidSeconds: 3600, clock }
  const authority = openAuthority(options)
  const one = authority.bundle()
  const early = authority.issue(id)
  use(second, [first])
  assert.throws(() => authority.maintain(), { code: 'authority-unusable' }, 'its root is not among the roots')
  assert.deepEqual(authority.bundle(), one)
  assert.ok(accepted(authority.issue(id), one, clock()), 'the one before goes on')
  use(second, [first, second])
  assert.equal(authority.maintain().bundleChanged, true)
  const both = authority.bundle()
  assert.deepEqual([both.authorities.length, both.sequence], [2, (one.sequence ?? 0n) + 1n])
  for (const svid of [early, authority.issue(id)]) assert.ok(accepted(svid, both, clock()))
  assert.equal(authority.maintain().bundleChanged, false)
  assert.equal(openAuthority(options).bundle().sequence, both.sequence)
  const refused = (code: string, change: () => void): void => {
    use(second, [second])
    change()
    assert.throws(() => openAuthority(options), { code })
  }
  refused('key-exposed', () => chmodSync(used.keyFile, 0o644))
  refused('key-exposed', () => chmodSync(used.rootsFile, 0o666))
  chmodSync(used.rootsFile, 0o644)
  refused('identity-damaged', () => copyFileSync(first.keyFile, used.keyFile))
  refused('identity-damaged', () => writeFileSync(used.certificateFile, 'x'))
  refused('identity-damaged', () => rmSync(used.keyFile))
  refused('authority-unusable', () => writeFileSync(used.certificateFile, early.chain.slice(0, early.chain.indexOf('-----END') + 26)))
})

test('roots of our own stay published for as long as they vouch for something, when the root moves elsewhere', (t) => {
  const folder = scratch(t)
  const own = { folder: join(folder, 'authority'), trustDomain: td, supplied: undefined, svidSeconds: 3600 }
  const before = openAuthority(own)
  const svid = before.issue(id)
  let skew = 2000
  const after = openAuthority({ ...own, supplied: offline(folder, 'first'), clock: () => Date.now() + skew })
  assert.equal(after.bundle().authorities.length, 2)
  assert.ok((after.bundle().sequence ?? 0n) > (before.bundle().sequence ?? 0n))
  assert.ok(accepted(svid, after.bundle(), Date.now()))
  skew = 2 * hour
  assert.equal(after.maintain().bundleChanged, true)
  assert.equal(after.bundle().authorities.length, 1)
})

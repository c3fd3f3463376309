import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson } from '../../base/canonical-json.ts'
import { isFault } from '../../base/fault.ts'
import { grantLine } from '../../host/grants.ts'
import { sealed } from '../chain.ts'
import { setOf, standing, verificationOf } from '../testing.ts'
import { summaryOf } from '../verification.ts'
import { checkProfile } from '../profiles/check.ts'
import { builtInProfile } from '../profiles/load.ts'
import { keyId, preAuthenticationEncoding, sealEnvelope } from './dsse.ts'
import { loadCheckingKey, loadSigningKey, makeEvidenceKey } from './keys.ts'
import { evidenceStatement, sha256 } from './statement.ts'
import { checkEvidence, goesOn, replayed } from './verify.ts'
import type { ChangeEvent } from '../../host/journal.ts'
import type { ChangeEntry } from '../chain.ts'
import type { EvidenceOptions, Statement } from './statement.ts'

const now = Date.parse('2026-11-22T12:00:00Z')
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const set = setOf(['Enclave\nmetadata: {name: a}\nspec: {}', 'Workload\nmetadata: {name: x, enclave: a}\nspec: {run: {command: [sleep, "1"]}}', 'Workload\nmetadata: {name: y, enclave: a}\nspec: {ports: [80], run: {command: [sleep, "1"]}}', 'ServicePolicy\nmetadata: {name: p, enclave: a}\nspec: {source: x, destination: y, protocol: tcp, port: 80}'].map((t) => `apiVersion: bulkhead.dev/v1\nkind: ${t}\n`), now)
const verification = verificationOf(set, [])

function logOf(...events: readonly ChangeEvent[]): readonly ChangeEntry[] {
  const entries: ChangeEntry[] = []
  for (const [i, event] of events.entries()) entries.push(sealed(event, entries.at(-1), `2026-11-2${i}T10:00:00.000Z`))
  return entries
}

const events: readonly ChangeEvent[] = [{ kind: 'up', reason: 'CHG-1', opened: set.intent.paths.map(grantLine) }, { kind: 'verify', verification: summaryOf(verification) }, { kind: 'expired', details: ['x'] }]

function statementOf(entries: readonly ChangeEntry[] = logOf(...events), more: { readonly since?: number; readonly documents?: boolean } = {}): string {
  return evidenceStatement({ standing: { ...standing(set, { entries, verification }), at: undefined }, folder: '/nonexistent', now, since: more.since, version: '1', documents: more.documents ?? true, profiles: [], use: undefined })
}

const payload = statementOf()
const envelope = sealEnvelope(Buffer.from(payload), privateKey)
const bytes = Buffer.from(envelope)

function refused(what: Uint8Array | string, why: RegExp, key = publicKey): void {
  assert.throws(() => checkEvidence(Buffer.from(what), key), (error) => isFault(error) && error.code === 'evidence-invalid' && why.test(error.message), String(why))
}

test('the encoding that is signed is that of the DSSE specification', () => {
  assert.equal(preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world')).toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world')
  assert.equal(preAuthenticationEncoding('é', Buffer.alloc(0)).toString(), 'DSSEv1 2 é 0 ')
})

test('equal content gives equal bytes, and holds documents, Intent, artefacts, tests, risks and changes', () => {
  assert.equal(sealEnvelope(Buffer.from(statementOf()), privateKey), envelope)
  const { predicate, changes, remarks } = checkEvidence(bytes, publicKey)
  assert.deepEqual(Object.keys(predicate.files).sort(), [
    'artefacts/nftables/bulkhead.nft', 'changes.jsonl', 'documents/set0.yaml', 'documents/set1.yaml', 'documents/set2.yaml', 'documents/set3.yaml', 'equivalence.json', 'intent.json', 'isolation.json', 'risks.json', 'tests.json', 'verification.json',
  ])
  assert.deepEqual(changes.map((c) => c.kind), ['up', 'verify', 'expired'])
  assert.deepEqual(remarks, [])
  assert.match(predicate.files['artefacts/nftables/bulkhead.nft'] ?? '', /table inet bulkhead/)
})

test('a change of any bit of the file is found', () => {
  fc.assert(fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ (1 << bit)
    assert.throws(() => checkEvidence(changed, publicKey), (error) => isFault(error) && error.code === 'evidence-invalid')
  }), { numRuns: 400 })
})

test('bytes cut off, put in or left out anywhere are found', () => {
  fc.assert(fc.property(fc.nat(bytes.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }), (at, more) => {
    assert.throws(() => checkEvidence(bytes.subarray(0, at), publicKey))
    assert.throws(() => checkEvidence(Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]), publicKey))
    assert.throws(() => checkEvidence(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]), publicKey))
  }), { numRuns: 100 })
  refused(`${envelope}\n`, /not written as evidence/)
  refused(`${envelope} `, /not written as evidence/)
  refused(`\ufeff${envelope}`, /./)
})

test('keys in another order, keys twice, another type, no signature, two, and another key are refused', () => {
  const { payloadType, payload: body, signatures } = JSON.parse(envelope) as { payloadType: string; payload: string; signatures: { keyid: string; sig: string }[] }
  refused(`${JSON.stringify({ payload: body, payloadType, signatures })}\n`, /not written as evidence/)
  refused(envelope.replace('{"payloadType"', `{"payload":"${body}","payloadType"`), /not written as evidence/)
  refused(envelope.replace(payloadType, 'application/json'), /another type/)
  refused(`${JSON.stringify({ payloadType, payload: body, signatures: [] })}\n`, /nobody has signed/)
  refused(`${JSON.stringify({ payloadType, payload: body, signatures: [...signatures, ...signatures] })}\n`, /more than one/)
  refused(`${JSON.stringify({ payloadType, payload: body, signatures: [{ ...signatures[0], sig: '' }] })}\n`, /signature/)
  const other = generateKeyPairSync('ed25519')
  refused(envelope, /another key/, other.publicKey)
  refused(envelope.replace(keyId(publicKey), keyId(other.publicKey)), /signature is not/, other.publicKey)
  // URL-safe letters and missing padding decode to the same bytes.
  refused(`${JSON.stringify({ payloadType, payload: body.replace(/=+$/, ''), signatures: [{ ...signatures[0], sig: signatures[0]?.sig.replace(/=+$/, '') }] })}\n`, /not written as evidence/)
})

test('a statement that its own signer has made wrong is refused: files beside the subjects, keys twice, changes that do not fit', () => {
  const wrong = (change: (s: { -readonly [K in keyof Statement]: Statement[K] }) => void): Buffer => {
    const statement = JSON.parse(payload) as { -readonly [K in keyof Statement]: Statement[K] }
    change(statement)
    return Buffer.from(sealEnvelope(Buffer.from(canonicalJson(statement)), privateKey))
  }
  const withFiles = (s: Statement, files: Readonly<Record<string, string>>): Statement['predicate'] => ({ ...s.predicate, files: { ...s.predicate.files, ...files } })
  refused(wrong((s) => { s.predicate = withFiles(s, { 'extra.txt': 'x' }) }), /files are not those/)
  refused(wrong((s) => { s.predicate = withFiles(s, { 'risks.json': '[1]\n' }) }), /`risks.json` is not the file/)
  refused(wrong((s) => { s.subject = s.subject.slice(1) }), /files are not those/)
  refused(wrong((s) => { s.predicate = { ...s.predicate, changes: { ...s.predicate.changes, count: 2 } } }), /changes are not those/)
  refused(wrong((s) => { s.predicate = { ...s.predicate, changes: { ...s.predicate.changes, head: { seq: 3, hash: 'x' } } } }), /do not end with/)
  refused(wrong((s) => { (s as { predicateType: string }).predicateType = 'https://example.org/other' }), /states something else/)
  refused(sealEnvelope(Buffer.from(payload.replace('{"_type"', '{"_type":"https://in-toto.io/Statement/v1","_type"')), privateKey), /payload is not written/)
  refused(sealEnvelope(Buffer.from(canonicalJson({ _type: 'https://in-toto.io/Statement/v1', predicateType: 'https://bulkhead.dev/evidence/v1' })), privateKey), /not formed/)
  refused(sealEnvelope(Buffer.from(`${payload} `), privateKey), /payload is not written/)
})

test('evidence since a date holds the run of lines from there on; without documents only their hash', () => {
  const { predicate, changes } = checkEvidence(Buffer.from(sealEnvelope(Buffer.from(statementOf(undefined, { since: Date.parse('2026-11-21'), documents: false })), privateKey)), publicKey)
  assert.deepEqual(changes.map((c) => c.seq), [2, 3])
  assert.equal(predicate.documents.left, 'out')
  assert.ok(!Object.keys(predicate.files).some((f) => f.startsWith('documents/')))
})

/** What the owner of the key signs after having changed it. */
function made(change: (s: { -readonly [K in keyof Statement]: Statement[K] }) => void, from = payload): ReturnType<typeof checkEvidence> {
  const statement = JSON.parse(from) as { -readonly [K in keyof Statement]: Statement[K] }
  change(statement)
  return checkEvidence(Buffer.from(sealEnvelope(Buffer.from(canonicalJson(statement)), privateKey)), publicKey)
}

test('old evidence that is shown as new is found, and so is that of another platform and a clock that was set back', () => {
  const at = (instant: string, entries: readonly ChangeEntry[] = logOf(...events)): ReturnType<typeof checkEvidence> => made((s) => { s.predicate = { ...s.predicate, made: instant } }, statementOf(entries))
  const [first, then] = ['2026-11-22T12:00:00.000Z', '2026-11-23T12:00:00.000Z']
  assert.equal(replayed(at(first), at(then)), undefined)
  assert.equal(replayed(at(first), at(first)), 'it is as old as the earlier evidence')
  assert.equal(replayed(at(then), at(first)), 'it is older than the earlier evidence')
  assert.equal(replayed(at(then), at(first, logOf(...events, { kind: 'drift' }))), undefined, 'the log has gone on: the clock was set back')
  assert.match(replayed(at(first), made((s) => { s.predicate = { ...s.predicate, trustDomain: 'other.example' } })) ?? '', /of another platform/)
  assert.deepEqual(at('2026-11-20T00:00:00.000Z').remarks, ['the last change is later than this was made: a clock was set back', 'the verification is later than this was made: a clock was set back'])
  const [one, two] = [sealed({ kind: 'up' }, undefined, '2026-11-21T10:00:00.000Z')].flatMap((e) => [e, sealed({ kind: 'drift' }, e, '2026-11-20T10:00:00.000Z')])
  assert.ok(one !== undefined && two !== undefined)
  assert.ok(at(first, [one, two]).remarks.includes('the clock was set back before change 2'))
})

test('a log that hides its beginning is refused, and one that tells of other documents, or of a change after the verification, is remarked', () => {
  const files = (s: Statement, text: string): Pick<Statement, 'subject' | 'predicate'> => ({
    subject: s.subject.map((f) => (f.name === 'changes.jsonl' ? { name: f.name, digest: { sha256: sha256(text) } } : f)), predicate: { ...s.predicate, files: { ...s.predicate.files, 'changes.jsonl': text } },
  })
  const hidden = (keep: number) => (): unknown => made((s) => {
    const lines = (s.predicate.files['changes.jsonl'] ?? '').split('\n').slice(keep)
    Object.assign(s, files(s, lines.join('\n')))
    s.predicate = { ...s.predicate, changes: { ...s.predicate.changes, first: keep === 3 ? 0 : keep + 1, count: 3 - keep } }
  })
  assert.throws(hidden(1), /the first of them are missing/)
  assert.throws(hidden(3), /none of them/)
  const remarks = (entries: readonly ChangeEntry[]): readonly string[] => made((s) => { s.predicate = { ...s.predicate, made: '2026-11-29T00:00:00.000Z', documents: { ...s.predicate.documents, inForceSince: '2026-11-22T10:00:00.000Z' } } }, statementOf(entries)).remarks
  const documents = (hash: string) => ({ documents: { directory: '/d', sha256: hash, files: 1 } })
  const verify: ChangeEvent = { kind: 'verify', verification: summaryOf(verification) }
  assert.deepEqual(remarks(logOf({ kind: 'up', ...documents(set.documents.sha256) }, verify)), [])
  assert.deepEqual(remarks(logOf({ kind: 'up', ...documents('other') }, verify)), ['the change log tells of other documents in force'])
  assert.deepEqual(remarks(logOf({ kind: 'up', ...documents(set.documents.sha256) }, verify, { kind: 'apply', ...documents('other'), opened: ['g'] }, { kind: 'failed', closed: ['g'] })), ['the verification was before change 3, apply'])
})

test('a signer who writes another Intent or other results of tests than the documents mean is found out', () => {
  const replaced = (name: string, text: string): readonly string[] => made((s) => {
    s.subject = s.subject.map((f) => (f.name === name ? { name, digest: { sha256: sha256(text) } } : f))
    s.predicate = { ...s.predicate, files: { ...s.predicate.files, [name]: text } }
  }).remarks
  assert.deepEqual(replaced('intent.json', '{"kind":"intent","paths":[]}\n'), ['intent.json is not what the documents mean'])
  assert.deepEqual(replaced('tests.json', '{}\n'), ['tests.json is not how PolicyTests and Guardrails come out'])
})

/** The same with one file put in, in place of one or left out. */
function withFile(statement: string, name: string, text: string | undefined): readonly string[] {
  return made((s) => {
    const files = Object.fromEntries(Object.entries({ ...s.predicate.files, [name]: text }).filter(([, t]) => t !== undefined)) as Record<string, string>
    s.subject = Object.entries(files).map(([file, t]) => ({ name: file, digest: { sha256: sha256(t) } }))
    s.predicate = { ...s.predicate, files }
  }, statement).remarks
}

test('evidence that was made at a time to come is found out by whoever checks it', () => {
  const checked = (by: number): readonly string[] => checkEvidence(bytes, publicKey, by).remarks
  assert.deepEqual([checked(now), checked(now - 200_000), checked(now - 3_600_000)], [[], [], ['it was made at a time that has not come here: a clock is wrong']])
})

test('a verification that is left out, that no log tells of, or that is of a time to come is found out', () => {
  assert.deepEqual(withFile(payload, 'verification.json', undefined), ['the verification that change 2 tells of is not in it', 'equivalence.json tells of another verification'])
  const file = (change: object): string => `${canonicalJson({ ...verification, ...change, sha256: summaryOf({ ...verification, ...change }).sha256, change: null }, 1)}\n`
  assert.deepEqual(withFile(payload, 'verification.json', file({ probes: 11 })), ['the change log does not know the verification'])
  const late = { ...verification, ended: '2027-01-01T00:00:00.000Z' }
  const log = logOf(events[0] ?? assert.fail(), { kind: 'verify', verification: summaryOf(late) })
  assert.deepEqual(withFile(statementOf(log), 'verification.json', `${canonicalJson({ ...late, sha256: summaryOf(late).sha256, change: 2 }, 1)}\n`), ['the verification is later than this was made: a clock was set back'])
  assert.deepEqual(withFile(statementOf(undefined, { since: Date.parse('2026-11-22') }), 'x', undefined), ['the changes that it tells of do not reach back to the verification'])
})

test('a signer who writes of more separation, or of more controls that pass, than documents and verification show is found out', () => {
  const two = setOf(['Enclave\nmetadata: {name: a}\nspec: {}', 'Enclave\nmetadata: {name: b}\nspec: {}', 'Workload\nmetadata: {name: x, enclave: a}\nspec: {}', 'Workload\nmetadata: {name: y, enclave: b}\nspec: {}'].map((t) => `apiVersion: bulkhead.dev/v1\nkind: ${t}\n`), now)
  const satre = builtInProfile('satre') ?? assert.fail()
  const on = { ...standing(two, {}), at: undefined }
  const statement = evidenceStatement({ standing: on, folder: '/nonexistent', now, since: undefined, version: '1', documents: true, profiles: [checkProfile(satre, on, now)], use: undefined })
  const text = (name: string): string => (JSON.parse(statement) as Statement).predicate.files[name] ?? assert.fail()
  assert.deepEqual(withFile(statement, 'x', undefined), [])
  assert.deepEqual(withFile(statement, 'isolation.json', text('isolation.json').replace('"moderate"', '"strongest"')), ['isolation.json tells of more separation between enclave:a and enclave:b than the documents promise'])
  assert.deepEqual(withFile(statement, 'isolation.json', text('isolation.json').replace('"apart": [', '"apart": [\n   "host",')), ['isolation.json tells of more separation between enclave:a and enclave:b than the documents promise'])
  const profile = JSON.parse(text('profiles/satre.json')) as { answers: { id: string; outcome: string }[] }
  const forged = { ...profile, answers: profile.answers.map((a) => (a.id === '2.2.4' ? { ...a, outcome: 'pass' } : a)) }
  assert.deepEqual(withFile(statement, 'profiles/satre.json', `${canonicalJson(forged, 1)}\n`), ['satre 2.2.4 passes in it, and by what is in it the answer is: fail'])
})

test('evidence has what telemetry really sent, and since when that was counted; where nobody could look it says so', () => {
  const telemetry = setOf([
    'Enclave\nmetadata: {name: a}\nspec: {}', 'Workload\nmetadata: {name: x, enclave: a}\nspec: {}', 'External\nmetadata: {name: vendor}\nspec: {cidrs: [192.0.2.0/24], telemetry: true}',
    'RiskRecord\nmetadata: {name: r}\nspec: {external: vendor, software: s, owner: o, sends: [x], where: w, legalBasis: l, acceptedBy: dpo, mitigations: [m], until: 2030-01-01}',
    'EgressPolicy\nmetadata: {name: licence, enclave: a}\nspec: {source: x, destination: external:vendor, protocol: tcp, port: 443}',
  ].map((t) => `apiVersion: bulkhead.dev/v1\nkind: ${t}\n`), now)
  const risks = (use: EvidenceOptions['use']): unknown => {
    const statement = evidenceStatement({ standing: standing(telemetry, {}), folder: '/nonexistent', now, since: undefined, version: '1', documents: true, profiles: [], use })
    const { seenSince, use: words, risks: [row] } = JSON.parse((JSON.parse(statement) as Statement).predicate.files['risks.json'] ?? '') as { seenSince: string | null; use: string; risks: { state: string; use: unknown }[] }
    return [seenSince, /recorded since|has been recorded|known/.exec(words)?.[0], row?.state, row?.use]
  }
  const uses = new Map([['vendor', { connections: 3, bytes: 4096, first: now - 1000, last: now - 500 }]])
  assert.deepEqual(risks({ uses, since: now - 2000 }), ['2026-11-22T11:59:58.000Z', 'recorded since', 'in use', { connections: 3, bytes: 4096, first: '2026-11-22T11:59:59.000Z', last: '2026-11-22T11:59:59.500Z' }])
  assert.deepEqual(risks({ uses: new Map(), since: undefined }), [null, 'has been recorded', 'idle', { connections: 0, bytes: 0 }])
  assert.deepEqual(risks(undefined), [null, 'known', 'open', null])
})

test('a log that was cut back between two files of evidence shows', () => {
  const of = (entries: readonly ChangeEntry[]): ReturnType<typeof checkEvidence> => checkEvidence(Buffer.from(sealEnvelope(Buffer.from(statementOf(entries)), privateKey)), publicKey)
  const whole = logOf(...events)
  assert.equal(goesOn(of(whole.slice(0, 2)), of(whole)), true)
  assert.equal(goesOn(of(whole), of(whole)), true)
  assert.equal(goesOn(of(whole), of(whole.slice(0, 2))), false)
  assert.equal(goesOn(of(whole.slice(0, 2)), of(logOf({ kind: 'up' }, ...events.slice(1)))), false)
})

test('no evidence holds a private key', () => {
  const leaky = setOf(`apiVersion: bulkhead.dev/v1\nkind: Enclave\nmetadata: {name: a}\nspec: {}\n# ${'-----BEGIN'} PRIVATE KEY-----\n`, now)
  assert.throws(() => evidenceStatement({ standing: { ...standing(leaky, {}), at: undefined }, folder: '/nonexistent', now, since: undefined, version: '1', documents: true, profiles: [], use: undefined }), /private key/)
})

test('a key is its owner\'s alone, never replaced, and never taken for the public one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-key-'))
  try {
    const path = join(folder, 'k')
    makeEvidenceKey(path)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.throws(() => makeEvidenceKey(path), /is there already/)
    assert.throws(() => loadCheckingKey(path), /is a private key/)
    assert.equal(keyId(loadSigningKey(path)), keyId(loadCheckingKey(`${path}.pub`)))
    writeFileSync(join(folder, 'rsa.pub'), generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'pem', type: 'spki' }))
    assert.throws(() => loadCheckingKey(join(folder, 'rsa.pub')), /not an Ed25519 key/)
    assert.ok(!readFileSync(`${path}.pub`, 'utf8').includes('PRIVATE'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

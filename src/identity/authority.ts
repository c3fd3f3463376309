/**
 * The certificate authority of a platform. The root signs intermediates alone; an intermediate of a day issues SVIDs. One
 * process keeps an authority; others ask it for a new root by leaving a mark in its folder.
 */
import { createHash } from 'node:crypto'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { encodeBundle } from './bundle.ts'
import { readAuthorityState, readKey, writeAuthorityState, writeKey } from './authority-state.ts'
import { privateFolder, readPrivate, writePrivate } from './private-files.ts'
import { isStale, step } from './root-rotation.ts'
import { isTrustDomain } from './spiffe-id.ts'
import { issueServer, issueSvid } from './svid.ts'
import { fingerprintOf, readSupplied } from './supplied.ts'
import type { KeyObject } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { AuthorityState, RootStage } from './authority-state.ts'
import type { TrustBundle } from './bundle.ts'
import type { Certificate } from './certificate.ts'
import type { RotationTimes } from './root-rotation.ts'
import type { Supplied, SuppliedFiles } from './supplied.ts'
import type { Issuer, ServerIdentity, Svid } from './svid.ts'

export interface AuthorityOptions {
  /** Its own; made if need be. */
  readonly folder: string
  readonly trustDomain: string
  /** As in the Platform: an intermediate whose root is elsewhere, or `undefined` for a root of its own. */
  readonly supplied: SuppliedFiles | undefined
  readonly svidSeconds: number
  /** Seconds; how often others are asked to look at the bundle. */
  readonly refreshHint?: number
  readonly times?: Partial<Omit<RotationTimes, 'svidMs'>>
  readonly clock?: Clock
  /** Milliseconds that only go forward. */
  readonly monotonic?: Clock
}

export interface Authority {
  readonly kind: 'authority'
  readonly trustDomain: string
  /** A Fault when the name is not of this trust domain or the authority cannot sign now. */
  readonly issue: (spiffeId: string) => Svid
  /** A certificate for host names, which is nobody's identity; the same Faults. */
  readonly issueServer: (hosts: readonly string[]) => ServerIdentity
  readonly bundle: () => TrustBundle
  /** Publishes a new root, which signs when the lead time is over; nothing when one is on its way. */
  readonly rotateRoot: () => void
  /** Does what is due: call it once a minute. Says whether the bundle changed. A Fault leaves all as it was. */
  readonly maintain: () => { readonly bundleChanged: boolean }
  readonly status: () => AuthorityStatus
}

export interface AuthorityStatus {
  readonly kind: 'own-root' | 'supplied'
  /** Of every root in the bundle, in its order. */
  readonly stages: readonly RootStage[]
}

const defaultRefreshHint = 300
const day = 24 * 3600_000
const mark = 'rotate-root'
/** What is published, for those who look from outside. */
export const bundleFile = 'bundle.json'

/** Asks whoever keeps the authority for a new root. */
export function requestNewRoot(folder: string): void {
  writePrivate(join(privateFolder(folder), mark), '')
}

/** Opens the authority of a folder, or makes it. */
export function openAuthority(options: AuthorityOptions): Authority {
  const { trustDomain, supplied: files, clock = systemClock, monotonic = () => performance.now(), refreshHint = defaultRefreshHint } = options
  if (!isTrustDomain(trustDomain)) throw new Fault('spiffe-id-invalid', `\`${trustDomain}\` is not the name of a trust domain`)
  const folder = privateFolder(options.folder)
  const svidMs = options.svidSeconds * 1000
  // Five looks at the bundle, as the SPIFFE standard recommends.
  const times: RotationTimes = { rootMs: 365 * day, intermediateMs: day, leadMs: 5 * refreshHint * 1000, ...options.times, svidMs }

  // The first number is the time, so that an authority that is made anew does not count from lower than the one before.
  const fresh = (): AuthorityState => {
    const sequence = BigInt(Math.max(0, Math.floor(clock() / 1000)))
    return { trustDomain, sequence, published: [], roots: [], intermediate: undefined, longestSvidMs: svidMs }
  }
  setAside(folder, trustDomain)
  let state = readAuthorityState(folder) ?? fresh()
  let issuer: Issuer | undefined
  let supplied: Supplied | undefined
  let seen = ''
  const nextSeen = new Map<string, number>()

  const authorities = (): readonly Certificate[] => [...(supplied?.roots ?? []), ...state.roots.map((root) => root.certificate)]
  const bundle = (): TrustBundle => Object.freeze({ kind: 'trust-bundle', trustDomain, authorities: authorities(), sequence: state.sequence, refreshHint })
  const keep = (next: AuthorityState): boolean => {
    const changed = next.sequence !== state.sequence
    if (next !== state) writeAuthorityState(folder, next)
    state = next
    if (changed) writePrivate(join(folder, bundleFile), encodeBundle(bundle()))
    return changed
  }

  const maintainOwn = (requested: boolean): boolean => {
    const next = state.roots.find((root) => root.stage === 'next')
    if (next !== undefined && !nextSeen.has(next.id)) nextSeen.set(next.id, monotonic())
    const watchedMs = next === undefined ? 0 : monotonic() - (nextSeen.get(next.id) ?? Infinity)
    const { state: after, keys } = step(state, { now: clock(), times, requested, watchedMs, keyOf: (root) => readKey(folder, root.id, root.certificate) })
    for (const [id, key] of keys) writeKey(folder, id, key)
    const changed = keep(after)
    const { intermediate, roots } = state
    const root = roots.find(({ id }) => id === intermediate?.root)
    if (intermediate === undefined || root === undefined) throw new Fault('internal', 'an authority without an intermediate')
    if (issuer?.chain[0] !== intermediate.certificate) {
      const key = keys.get(intermediate.id) ?? readKey(folder, intermediate.id, intermediate.certificate)
      issuer = issuerOf(trustDomain, intermediate.certificate, root.certificate, key)
    }
    return changed
  }

  const maintainSupplied = (from: SuppliedFiles): boolean => {
    const now = clock()
    const print = fingerprintOf(from)
    if (supplied === undefined || print !== seen) {
      supplied = readSupplied(from, trustDomain, now)
      issuer = supplied.issuer
      seen = print
    }
    // Roots of our own, from before: published until what they vouched for has ended.
    const retired = { stage: 'old', since: now, until: now + state.longestSvidMs } as const
    const roots = state.roots.map((root) => (root.stage === 'old' ? root : { ...root, ...retired })).filter((root) => now <= (root.until ?? 0))
    const published = [...supplied.roots.map(fingerprint), ...roots.map((root) => root.id)].sort()
    return published.join() === state.published.join() ? false : keep({ ...state, roots, intermediate: undefined, published, sequence: state.sequence + 1n })
  }

  const maintain = (requested: boolean): boolean => (files === undefined ? maintainOwn(requested) : maintainSupplied(files))
  maintain(false)
  // A crash may have come between the state and this.
  if (readPrivate(join(folder, bundleFile)) !== encodeBundle(bundle())) writePrivate(join(folder, bundleFile), encodeBundle(bundle()))

  const ready = (): Issuer => {
    const now = clock()
    const [own] = issuer?.chain ?? []
    if (own === undefined || (files === undefined ? isStale(own, now, svidMs) : now >= own.notAfter)) maintain(false)
    if (issuer === undefined) throw new Fault('internal', 'an authority that was never opened')
    return issuer
  }

  return Object.freeze({
    kind: 'authority', trustDomain,
    issue: (spiffeId: string) => issueSvid(ready(), spiffeId, clock(), svidMs),
    issueServer: (hosts: readonly string[]) => issueServer(ready(), hosts, clock(), svidMs),
    bundle,
    rotateRoot: () => {
      if (files !== undefined) throw rootElsewhere()
      maintain(true)
    },
    maintain: () => {
      const marked = existsSync(join(folder, mark))
      const bundleChanged = maintain(marked && files === undefined)
      if (marked) rmSync(join(folder, mark), { force: true })
      return { bundleChanged }
    },
    status: (): AuthorityStatus => ({
      kind: files === undefined ? 'own-root' : 'supplied',
      stages: authorities().map((certificate) => state.roots.find((root) => root.certificate === certificate)?.stage ?? 'active'),
    }),
  })
}

/** A platform that changes its name gets another authority; the one before waits beside it, should the name come back. */
function setAside(folder: string, trustDomain: string): void {
  const there = readAuthorityState(folder)?.trustDomain
  if (there === undefined || there === trustDomain) return
  const beside = (name: string): string => `${folder}-${name}`
  rmSync(beside(there), { recursive: true, force: true })
  renameSync(folder, beside(there))
  if (existsSync(beside(trustDomain))) renameSync(beside(trustDomain), folder)
  privateFolder(folder)
}

export function rootElsewhere(): Fault {
  return new Fault('root-elsewhere', 'the root of this platform is kept elsewhere, so it cannot be replaced here')
}

/** SHA-256 of the certificate, hexadecimal: what `openssl x509 -fingerprint -sha256` shows, in small letters without colons. */
export function fingerprint(certificate: Certificate): string {
  return createHash('sha256').update(certificate.der).digest('hex')
}

function issuerOf(trustDomain: string, own: Certificate, root: Certificate, privateKey: KeyObject): Issuer {
  return Object.freeze({
    trustDomain, chain: [own], signer: { name: Buffer.from(own.subject, 'base64'), publicKey: own.publicKey, privateKey },
    notBefore: Math.max(own.notBefore, root.notBefore), notAfter: Math.min(own.notAfter, root.notAfter),
  })
}

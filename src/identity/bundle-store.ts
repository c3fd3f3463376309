/**
 * The trust bundles of other platforms, one file for each trust domain. A bundle replaces the one before only when its number
 * is higher, so that nobody brings a removed authority back; this holds across restarts.
 */
import { createHash } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { formatInstant } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { decodeBundle, encodeBundle } from './bundle.ts'
import { privateFolder, readPrivate, writePrivate } from './private-files.ts'
import { isTrustDomain } from './spiffe-id.ts'
import type { TrustBundle } from './bundle.ts'

export interface StoredBundle {
  readonly bundle: TrustBundle
  /** When it was last seen, unchanged or new. Milliseconds since the epoch. */
  readonly seen: number
}

export interface BundleStore {
  readonly get: (trustDomain: string) => StoredBundle | undefined
  /** Keyed by trust domain, as `verifySvid` takes them; certificates in them may have ended. */
  readonly all: () => ReadonlyMap<string, TrustBundle>
  /** Takes a fetched bundle; a Fault when it is older than what is there, or as old and different. */
  readonly accept: (bundle: TrustBundle, now: number) => 'changed' | 'unchanged'
  /** Takes a bundle that the operator vouches for, whatever was there before. */
  readonly replace: (bundle: TrustBundle, now: number) => void
  /** Takes up what another process has put into the folder; says of which trust domains. */
  readonly reload: () => readonly string[]
  /** Trust ends; so does the memory of numbers. */
  readonly remove: (trustDomain: string) => void
}

/** Opens the store of a folder, or makes it. A damaged file is a Fault: without its number an old bundle could come back. */
export function openBundleStore(folder: string): BundleStore {
  privateFolder(folder)
  const stored = new Map<string, StoredBundle>()
  const reload = (): readonly string[] => {
    const entries = readdirSync(folder).filter((name) => name.endsWith('.json')).sort().map((name) => readEntry(join(folder, name)))
    const changed = entries.filter(({ bundle }) => !isEqual(stored.get(bundle.trustDomain)?.bundle, bundle))
    for (const entry of changed) stored.set(entry.bundle.trustDomain, entry)
    return changed.map(({ bundle }) => bundle.trustDomain)
  }
  reload()

  const put = (bundle: TrustBundle, now: number): void => {
    if (!isTrustDomain(bundle.trustDomain)) throw new Fault('bundle-refused', 'this is not the name of a trust domain')
    const text = encodeBundle(bundle)
    writePrivate(join(folder, fileName(bundle.trustDomain)), `${JSON.stringify({ trustDomain: bundle.trustDomain, seen: now, bundle: text }, undefined, 1)}\n`)
    stored.set(bundle.trustDomain, Object.freeze({ bundle, seen: now }))
  }

  return Object.freeze({
    get: (trustDomain: string) => stored.get(trustDomain),
    all: () => new Map([...stored].map(([trustDomain, entry]) => [trustDomain, entry.bundle])),
    accept: (bundle: TrustBundle, now: number) => {
      const before = stored.get(bundle.trustDomain)
      if (before !== undefined) {
        const same = isSame(before.bundle, bundle)
        const order = compareSequence(before.bundle.sequence, bundle.sequence)
        if (order === 'older' || (order === 'same-number' && !same)) throw replayed(before, bundle)
        if (isEqual(before.bundle, bundle)) {
          stored.set(bundle.trustDomain, Object.freeze({ bundle: before.bundle, seen: now }))
          return 'unchanged'
        }
      }
      put(bundle, now)
      return 'changed'
    },
    replace: put,
    reload,
    remove: (trustDomain: string) => {
      rmSync(join(folder, fileName(trustDomain)), { force: true })
      stored.delete(trustDomain)
    },
  })
}

/** A publisher that counted once does not stop counting: else leaving the number out would undo its meaning. */
function compareSequence(before: bigint | undefined, after: bigint | undefined): 'newer' | 'same-number' | 'older' {
  if (before === undefined) return 'newer'
  if (after === undefined || after < before) return 'older'
  return after === before ? 'same-number' : 'newer'
}

function isSame(a: TrustBundle, b: TrustBundle): boolean {
  const print = (bundle: TrustBundle): string => bundle.authorities.map((c) => c.der.toString('base64')).sort().join()
  return print(a) === print(b)
}

function isEqual(a: TrustBundle | undefined, b: TrustBundle): boolean {
  return a !== undefined && isSame(a, b) && a.sequence === b.sequence && a.refreshHint === b.refreshHint
}

function replayed({ bundle, seen }: StoredBundle, after: TrustBundle): Fault {
  const number = (b: TrustBundle): string => (b.sequence === undefined ? 'has no number' : `has number ${b.sequence}`)
  return new Fault('bundle-replayed', `the bundle of \`${bundle.trustDomain}\` ${number(after)}; the one of ${formatInstant(seen)} ${number(bundle)}${after.sequence === bundle.sequence ? ' and another content' : ''}`)
}

function readEntry(path: string): StoredBundle {
  try {
    const raw = JSON.parse(readPrivate(path) ?? '') as Readonly<Record<string, unknown>>
    const bundle = decodeBundle(Buffer.from(String(raw['bundle'])), String(raw['trustDomain']))
    if (bundle.kind === 'refused') throw new TypeError(bundle.reason)
    return Object.freeze({ bundle, seen: Number(raw['seen']) })
  } catch (error) {
    if (error instanceof Fault) throw error
    throw new Fault('identity-damaged', `\`${path}\` is damaged`, { cause: error })
  }
}

/** Names of trust domains are names of files, but for those too long for one. */
function fileName(trustDomain: string): string {
  return `${trustDomain.length <= 200 ? trustDomain : createHash('sha256').update(trustDomain).digest('hex')}.json`
}

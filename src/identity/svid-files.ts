/**
 * An identity as a workload finds it: `svid.pem`, `svid_key.pem` and `bundle.pem`, the names that spiffe-helper gives them.
 * They are links through `current`, a link to a folder that never changes: one rename replaces all three. A program that
 * opens `current` once, or asks again when key and certificate do not match, always has a matching pair.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Fault, isFault } from '../base/fault.ts'
import { matchingKey } from './authority-state.ts'
import { bundlePem } from './bundle.ts'
import { readCertificate } from './certificate.ts'
import { certificatesOfPem } from './pem.ts'
import { readPrivate, writePrivateQuickly } from './private-files.ts'
import { secret } from './secret.ts'
import { parseSpiffeId } from './spiffe-id.ts'
import type { TrustBundle } from './bundle.ts'
import type { Certificate } from './certificate.ts'
import type { Svid } from './svid.ts'

export const svidFileNames = { chain: 'svid.pem', key: 'svid_key.pem', bundle: 'bundle.pem' } as const
const current = 'current'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Replaces the identity in the folder. `owner` is who the workload runs as; a Fault when the folder is another's. */
export function writeSvidFolder(folder: string, svid: Svid, bundle: TrustBundle, owner?: Owner): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const before = read(folder)?.svid.spiffeId
  // The same workload of a platform that has changed its name is the same workload.
  if (before !== undefined && parseSpiffeId(before)?.path !== parseSpiffeId(svid.spiffeId)?.path) {
    throw new Fault('svid-of-another', `\`${folder}\` holds the identity \`${before}\`, not \`${svid.spiffeId}\``)
  }
  const generation = `.generation-${randomBytes(8).toString('hex')}`
  const inside = join(folder, generation)
  mkdirSync(inside, { mode: 0o700 })
  for (const [name, text] of [[svidFileNames.chain, svid.chain], [svidFileNames.key, svid.key.reveal()], [svidFileNames.bundle, bundlePem(bundle)]] as const) {
    writePrivateQuickly(join(inside, name), text)
    if (owner !== undefined) chownSync(join(inside, name), owner.uid, owner.gid)
  }
  chmodSync(inside, 0o700)
  if (owner !== undefined) for (const path of [inside, folder]) chownSync(path, owner.uid, owner.gid)
  const last = currentOf(folder)
  link(folder, current, generation)
  for (const name of Object.values(svidFileNames)) if (!isLink(join(folder, name))) link(folder, name, `${current}/${name}`)
  // The one before stays, for whoever opened it a moment ago.
  for (const name of readdirSync(folder)) {
    if (name.startsWith('.generation-') && name !== generation && name !== last) rmSync(join(folder, name), { recursive: true, force: true })
  }
}

/** What the folder holds, whether or not it is still valid; `undefined` when there is nothing whole and private in it. */
export function readSvidFolder(folder: string): Svid | undefined {
  const found = read(folder)
  if (found === undefined) return undefined
  try {
    matchingKey(folder, found.svid.key.reveal(), found.certificate)
    return found.svid
  } catch (error) {
    if (isFault(error)) return undefined
    throw error
  }
}

function read(folder: string): { readonly svid: Svid; readonly certificate: Certificate } | undefined {
  const generation = currentOf(folder)
  if (generation === undefined) return undefined
  try {
    const inside = join(folder, generation)
    const chain = readPrivate(join(inside, svidFileNames.chain)) ?? ''
    const key = readPrivate(join(inside, svidFileNames.key)) ?? ''
    const certificate = readCertificate(certificatesOfPem(chain)?.[0] ?? Buffer.alloc(0))
    const [spiffeId] = certificate.kind === 'malformed' ? [] : certificate.uris
    if (certificate.kind === 'malformed' || spiffeId === undefined) return undefined
    const svid: Svid = { kind: 'svid', spiffeId, serial: certificate.serial, notBefore: certificate.notBefore, notAfter: certificate.notAfter, chain, key: secret(key) }
    return { svid: Object.freeze(svid), certificate }
  } catch (error) {
    // What others could read or has been damaged is of no use: it is made again.
    if (isFault(error)) return undefined
    throw error
  }
}

function currentOf(folder: string): string | undefined {
  const path = join(folder, current)
  if (!isLink(path)) return undefined
  const to = readlinkSync(path)
  return /^\.generation-[0-9a-f]+$/.test(to) && existsSync(path) ? to : undefined
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

function link(folder: string, name: string, to: string): void {
  const next = join(folder, `.${name}.new`)
  rmSync(next, { force: true })
  symlinkSync(to, next)
  renameSync(next, join(folder, name))
}

/** What a certificate authority remembers, as one JSON file; private keys are in files of their own beside it. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { readCertificate } from './certificate.ts'
import { strictBase64 } from './pem.ts'
import { readPrivate, writePrivate } from './private-files.ts'
import type { KeyObject } from 'node:crypto'
import type { Certificate } from './certificate.ts'

/** `next` is published and signs nothing yet; `old` signs no more and is published until what it vouched for has ended. */
export type RootStage = (typeof rootStages)[number]
const rootStages = ['next', 'active', 'old'] as const

export interface Root {
  readonly id: string
  readonly stage: RootStage
  readonly certificate: Certificate
  /** When the stage began. */
  readonly since: number
  /** `old` only: when the last SVID below it has ended. */
  readonly until: number | undefined
}

export interface Intermediate {
  readonly id: string
  /** Id of the root that signed it. */
  readonly root: string
  readonly certificate: Certificate
}

export interface AuthorityState {
  readonly trustDomain: string
  readonly sequence: bigint
  /** What was published under that number: fingerprints, sorted. */
  readonly published: readonly string[]
  readonly roots: readonly Root[]
  readonly intermediate: Intermediate | undefined
  /** The longest life of an SVID that the active root has vouched for. */
  readonly longestSvidMs: number
}

const file = 'authority.json'

/** `undefined` in a folder that is new. A damaged file is a Fault, never an empty state. */
export function readAuthorityState(folder: string): AuthorityState | undefined {
  const text = readPrivate(join(folder, file))
  if (text === undefined) return undefined
  try {
    const raw = recordOf(JSON.parse(text))
    return {
      trustDomain: String(raw['trustDomain']), sequence: BigInt(String(raw['sequence'])), published: listOf(raw['published']).map(String),
      roots: listOf(raw['roots']).map((value) => rootOf(recordOf(value))),
      intermediate: raw['intermediate'] === undefined ? undefined : intermediateOf(recordOf(raw['intermediate'])),
      longestSvidMs: numberOf(raw['longestSvidMs']),
    }
  } catch (error) {
    throw new Fault('identity-damaged', `\`${join(folder, file)}\` is damaged`, { cause: error })
  }
}

type Raw = Readonly<Record<string, unknown>>

function rootOf(raw: Raw): Root {
  const stage = rootStages.find((s) => s === raw['stage'])
  if (stage === undefined) throw new TypeError('not a stage')
  const until = raw['until'] === undefined ? undefined : numberOf(raw['until'])
  return { id: String(raw['id']), stage, since: numberOf(raw['since']), until, certificate: certificateOf(raw['certificate']) }
}

function intermediateOf(raw: Raw): Intermediate {
  return { id: String(raw['id']), root: String(raw['root']), certificate: certificateOf(raw['certificate']) }
}

function certificateOf(base64: unknown): Certificate {
  const certificate = readCertificate(strictBase64(String(base64)) ?? Buffer.alloc(0))
  if (certificate.kind === 'malformed') throw new TypeError(certificate.reason)
  return certificate
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError('not a number')
  return value
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('not a list')
  return value
}

function recordOf(value: unknown): Raw {
  if (typeof value !== 'object' || value === null) throw new TypeError('not an object')
  return value as Raw
}

/** Keys that the state names no more are removed after it is written, so that a crash loses none that is needed. */
export function writeAuthorityState(folder: string, state: AuthorityState): void {
  const plain = (c: Certificate): string => c.der.toString('base64')
  writePrivate(join(folder, file), `${JSON.stringify({
    ...state, sequence: String(state.sequence),
    roots: state.roots.map((root) => ({ ...root, certificate: plain(root.certificate) })),
    intermediate: state.intermediate === undefined ? undefined : { ...state.intermediate, certificate: plain(state.intermediate.certificate) },
  }, undefined, 1)}\n`)
  const ids = [...state.roots.filter((root) => root.stage !== 'old').map((root) => root.id), ...(state.intermediate === undefined ? [] : [state.intermediate.id])]
  const needed = new Set(ids.map(keyFile))
  for (const name of readdirSync(folder)) if (/^[0-9a-f]+_key\.pem$/.test(name) && !needed.has(name)) rmSync(join(folder, name))
}

export function writeKey(folder: string, id: string, key: KeyObject): void {
  writePrivate(join(folder, keyFile(id)), key.export({ type: 'pkcs8', format: 'pem' }).toString())
}

/** The key that belongs to the certificate. No message ever holds any of it. */
export function readKey(folder: string, id: string, certificate: Certificate): KeyObject {
  const path = join(folder, keyFile(id))
  const text = readPrivate(path)
  if (text === undefined) throw new Fault('identity-damaged', `\`${path}\` is missing`)
  return matchingKey(path, text, certificate)
}

/** Without the parser's own words, which might quote what they stumbled over. */
export function matchingKey(path: string, text: string, certificate: Certificate): KeyObject {
  let key: KeyObject
  let belongs: boolean
  try {
    key = createPrivateKey(text)
    belongs = createPublicKey(key).export({ type: 'spki', format: 'der' }).equals(certificate.publicKey)
  } catch {
    throw new Fault('identity-damaged', `\`${path}\` is not a private key in PEM without a passphrase`)
  }
  if (!belongs) throw new Fault('identity-damaged', `\`${path}\` is not the key of its certificate`)
  return key
}

function keyFile(id: string): string {
  return `${id}_key.pem`
}

/** Reads what an authority's folder says without opening the authority: nothing is made, renewed or changed. */
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { bundleFile, fingerprint } from './authority.ts'
import { readAuthorityState } from './authority-state.ts'
import { decodeBundle } from './bundle.ts'
import { readPrivate } from './private-files.ts'
import type { RootStage } from './authority-state.ts'
import type { TrustBundle } from './bundle.ts'

export interface AuthorityLook {
  readonly bundle: TrustBundle
  /** As it is published. */
  readonly document: string
  /** `active` for every root that is kept elsewhere. */
  readonly roots: readonly { readonly fingerprint: string; readonly stage: RootStage; readonly notAfter: number }[]
  /** Milliseconds since the epoch; `undefined` when the intermediate was supplied. */
  readonly intermediateEnds: number | undefined
}

/** `undefined` when the folder holds no authority. */
export function lookAtAuthority(folder: string): AuthorityLook | undefined {
  const state = readAuthorityState(folder)
  if (state === undefined) return undefined
  const path = join(folder, bundleFile)
  const document = readPrivate(path)
  if (document === undefined) throw new Fault('identity-damaged', `\`${path}\` is missing`)
  const bundle = decodeBundle(Buffer.from(document), state.trustDomain)
  if (bundle.kind === 'refused') throw new Fault('identity-damaged', `\`${path}\` is damaged: ${bundle.reason}`)
  const stages = new Map(state.roots.map((root) => [fingerprint(root.certificate), root.stage]))
  return Object.freeze({
    bundle, document, intermediateEnds: state.intermediate?.certificate.notAfter,
    roots: bundle.authorities.map((certificate) => ({ fingerprint: fingerprint(certificate), stage: stages.get(fingerprint(certificate)) ?? 'active', notAfter: certificate.notAfter })),
  })
}

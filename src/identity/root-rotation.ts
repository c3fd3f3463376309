/**
 * The life of roots and of the intermediate below the active one, as a step from one state to the next. A root is published
 * before it signs, so that everybody who looks at the bundle as often as it says knows it by then; and it stays published
 * until the last SVID below it has ended. Stages only go forward, also when the clock goes back.
 */
import { randomBytes } from 'node:crypto'
import { readCertificate } from './certificate.ts'
import { authorityName, intermediateCertificate, newKeyPair, rootCertificate } from './certify.ts'
import { Fault } from '../base/fault.ts'
import { backdatedMs } from './svid.ts'
import type { KeyObject } from 'node:crypto'
import type { AuthorityState, Root } from './authority-state.ts'
import type { Certificate } from './certificate.ts'
import type { Signer } from './certify.ts'

export interface RotationTimes {
  readonly rootMs: number
  readonly intermediateMs: number
  /** From publishing a root until it signs. */
  readonly leadMs: number
  readonly svidMs: number
}

export interface Step {
  readonly state: AuthorityState
  /** Keys that are new, by id: to be written before the state. */
  readonly keys: ReadonlyMap<string, KeyObject>
}

export interface StepInput {
  readonly now: number
  readonly times: RotationTimes
  /** Somebody asks for a new root. */
  readonly requested: boolean
  /** Milliseconds that this process itself has seen the next root published: no clock can jump over them. */
  readonly watchedMs: number
  /** The key of a root that is not in `keys` yet. */
  readonly keyOf: (root: Root) => KeyObject
}

const slackMs = 60_000
/** A clock that is corrected soon after a root was made does not leave the platform without one. */
const backdatedRootMs = 24 * 3600_000

/** The same state, when nothing is due. */
export function step(before: AuthorityState, input: StepInput): Step {
  const { now, times } = input
  const keys = new Map<string, KeyObject>()
  const newRoot = (stage: 'next' | 'active'): Root => {
    const id = newId()
    const pair = newKeyPair()
    keys.set(id, pair.privateKey)
    const signer: Signer = { ...pair, name: authorityName('root', id) }
    return { id, stage, since: now, until: undefined, certificate: readBack(rootCertificate(signer, before.trustDomain, now - backdatedRootMs, now + times.rootMs)) }
  }

  let roots = before.roots.filter((root) => root.stage !== 'old' || now <= (root.until ?? 0))
  let active = roots.find((root) => root.stage === 'active')
  let next = roots.find((root) => root.stage === 'next')
  if (active === undefined) {
    active = newRoot('active')
    roots = [...roots, active]
  }
  const ended = now > active.certificate.notAfter
  const aging = active.certificate.notAfter - now < (active.certificate.notAfter - active.certificate.notBefore) / 5
  if (next === undefined && (input.requested || aging)) {
    next = newRoot('next')
    roots = [...roots, next]
  }
  const waited = next !== undefined && now - next.since >= times.leadMs && input.watchedMs >= times.leadMs
  let longestSvidMs = Math.max(before.longestSvidMs, times.svidMs)
  // Nobody trusts a root that has ended: then there is nothing to wait for.
  if (next !== undefined && (waited || ended)) {
    const [from, to] = [active, next]
    roots = roots.map((root) => {
      if (root === from) return { ...root, stage: 'old', since: now, until: now + longestSvidMs + slackMs }
      return root === to ? { ...root, stage: 'active', since: now } : root
    })
    active = roots.find((root) => root.id === to.id) ?? to
    longestSvidMs = times.svidMs
  }

  const signer = active
  let intermediate = before.intermediate
  if (intermediate?.root !== signer.id || isStale(intermediate.certificate, now, times.svidMs)) {
    const id = newId()
    const pair = newKeyPair()
    keys.set(id, pair.privateKey)
    const root: Signer = { name: Buffer.from(signer.certificate.subject, 'base64'), publicKey: signer.certificate.publicKey, privateKey: keys.get(signer.id) ?? input.keyOf(signer) }
    const from = Math.max(now - backdatedMs, signer.certificate.notBefore)
    const until = Math.min(now + Math.max(times.intermediateMs, 4 * times.svidMs), signer.certificate.notAfter)
    const certificate = readBack(intermediateCertificate(root, authorityName('intermediate', id), pair.publicKey, before.trustDomain, from, until))
    intermediate = { id, root: signer.id, certificate }
  }

  const published = roots.map((root) => root.id).sort()
  const changed = published.join() !== before.published.join()
  const state = { ...before, roots, intermediate, longestSvidMs, published, sequence: changed ? before.sequence + 1n : before.sequence }
  const same = !changed && keys.size === 0 && longestSvidMs === before.longestSvidMs && roots.every((root, i) => root.stage === before.roots[i]?.stage)
  return { state: same ? before : state, keys }
}

/** At half of its life, when an SVID would outlive it, or when the clock says that it is still to come. */
export function isStale(certificate: Certificate, now: number, svidMs: number): boolean {
  const { notBefore, notAfter } = certificate
  return now < notBefore || now >= notBefore + (notAfter - notBefore) / 2 || notAfter - now < svidMs
}

/** 64 bits of chance, hexadecimal. */
export function newId(): string {
  return randomBytes(8).toString('hex')
}

function readBack(der: Buffer): Certificate {
  const certificate = readCertificate(der)
  if (certificate.kind === 'malformed') throw new Fault('internal', `a certificate that cannot be read: ${certificate.reason}`)
  return certificate
}

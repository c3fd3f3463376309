/** What the agent writes down of every change, and before it makes one. The log itself is kept by a later folder. */
import { userInfo } from 'node:os'
import { Fault } from '../base/fault.ts'

export const changeKinds = ['adopt', 'apply', 'begin', 'down', 'drift', 'expired', 'failed', 'refused', 'revoke', 'up', 'verify'] as const
/**
 * `revoke` is an apply that only closes; `failed` takes back what the line before has told; `adopt` is a new agent that goes on
 * with what it finds; `drift` is a foreign change that was mended; `begin` follows a log that was broken.
 */
export type ChangeKind = (typeof changeKinds)[number]

/** Who asked for it, by the word of the command: nobody but the owner of the state folder reaches the agent. */
export interface Actor {
  readonly uid: number
  readonly user: string
  /** Who became that user to do it. */
  readonly sudo?: string
}

export interface ChangeRequest {
  readonly kind: 'up' | 'apply' | 'down' | 'verify'
  readonly actor: Actor
  /** Why, and who has approved it, in the words of who asked. */
  readonly reason?: string
}

export interface VerificationSummary {
  /** ISO 8601. */
  readonly began: string
  readonly ended: string
  readonly good: boolean
  readonly probes: number
  readonly mismatches: number
  readonly deviations: number
  /** Of the whole result, as canonical JSON. */
  readonly sha256: string
}

export interface ChangeEvent {
  readonly kind: ChangeKind
  /** Undefined: the agent, by itself. */
  readonly actor?: Actor
  readonly reason?: string
  readonly documents?: { readonly directory: string; readonly sha256: string; readonly files: number }
  /** SHA-256 of the Intent's lines. */
  readonly intent?: string
  /** Permissions (`a/x -> a/y tcp/80 by ServicePolicy a/p`) that this gives and takes. */
  readonly opened?: readonly string[]
  readonly closed?: readonly string[]
  /** What else there is to say: why it was refused, what was mended. */
  readonly details?: readonly string[]
  readonly verification?: VerificationSummary
}

export interface JournalState {
  readonly lines: number
  /** Of the last line; `undefined` when there is none. */
  readonly head: string | undefined
  /** Why nothing can be written down; nothing can be changed then. */
  readonly problem: string | undefined
}

export interface Journal {
  /** Returns when the line is in the file. A Fault means that it is not: then nothing may be changed. */
  readonly append: (event: ChangeEvent) => void
  /** Returns when all lines survive a loss of power. */
  readonly settle: () => void
  readonly state: () => JournalState
  /** The permissions that are open by the word of the log. */
  readonly grants: () => ReadonlySet<string>
}

const longestReason = 2_000

/** Who runs this process, for the log. */
export function actor(env: Readonly<Record<string, string | undefined>>): Actor {
  const { uid, username } = userInfo()
  const sudo = env['SUDO_USER']
  return { uid, user: username, ...(sudo === undefined || sudo === '' ? {} : { sudo }) }
}

/** A request as it comes from a socket; what is missing is said to be unknown, never made up. */
export function readChangeRequest(value: unknown, kind: ChangeRequest['kind']): ChangeRequest {
  const given = (value ?? {}) as { kind?: unknown; actor?: Partial<Actor> | null; reason?: unknown }
  const { uid, user, sudo } = given.actor ?? {}
  return {
    kind: given.kind === 'up' || given.kind === 'apply' ? given.kind : kind,
    actor: { uid: Number.isSafeInteger(uid) ? Number(uid) : -1, user: typeof user === 'string' ? user : 'unknown', ...(typeof sudo === 'string' ? { sudo } : {}) },
    ...(typeof given.reason === 'string' && given.reason !== '' ? { reason: given.reason.slice(0, longestReason) } : {}),
  }
}

/** What a command tells of a verification; the word of whoever may write to the state folder. */
export function readSummary(value: unknown): VerificationSummary {
  const v = (value ?? {}) as Partial<VerificationSummary>
  const count = (n: unknown): number => (Number.isSafeInteger(n) && Number(n) >= 0 ? Number(n) : 0)
  const words = [v.began, v.ended, v.sha256].every((text) => typeof text === 'string' && text.length <= 100)
  if (!words || typeof v.good !== 'boolean') throw new Fault('usage', 'this is not the result of a verification')
  return { began: v.began ?? '', ended: v.ended ?? '', sha256: v.sha256 ?? '', good: v.good, probes: count(v.probes), mismatches: count(v.mismatches), deviations: count(v.deviations) }
}

/** What the agent tells: after a change, and about its state. */
import type { Diagnostic } from '../base/diagnostic.ts'
import type { CutConnection } from './cut.ts'
import type { JournalState } from './journal.ts'
import type { RefusedPath } from './refused.ts'
import type { TaskStatus } from './supervise.ts'

export interface EndedConnection extends CutConnection {
  /** The documents whose path it had used. */
  readonly documents: readonly string[]
}

/** What is taken through a gateway ends there, when the rule that let it in is gone, or is another now. */
export interface GatewayEnding {
  readonly gateway: string
  /** Else than by other rules, all that it held has ended with its process. */
  readonly why: 'changed' | 'restarted' | 'stopped'
  /** As `flows` calls them. */
  readonly rules: readonly string[]
  readonly documents: readonly string[]
  /** So many were open where these rules take connections; no more than these have ended. */
  readonly connections: number
}

export interface ApplyReport {
  /** False when a document is wrong: then the old set stays in force. */
  readonly applied: boolean
  readonly diagnostics: readonly Diagnostic[]
  readonly opened: readonly string[]
  readonly closed: readonly string[]
  readonly ended: readonly EndedConnection[]
  /** Since the change before, what the start of another version ended included. */
  readonly endedAtGateways?: readonly GatewayEnding[]
  readonly refused: readonly RefusedPath[]
  /** Places that could not be made or started; their paths stay closed. */
  readonly failed: readonly FailedPlace[]
  /** What the machine itself keeps from working. */
  readonly notes?: readonly string[]
}

/** The answer when a set was not taken. */
export const nothingApplied: ApplyReport = { applied: false, diagnostics: [], opened: [], closed: [], ended: [], refused: [], failed: [] }

export interface FailedPlace {
  readonly place: string
  readonly reason: string
}

export interface Drift {
  /** ISO 8601. */
  readonly at: string
  readonly what: string
  readonly repaired: boolean
  /** Milliseconds from notice to repair. */
  readonly tookMs: number
}

export interface WorkloadStatus {
  readonly workload: string
  readonly replica: number
  readonly phase: string
  readonly interface: string
  readonly netns: string
  readonly ipv4: string
  readonly ipv6: string
  readonly task: TaskStatus | undefined
  readonly failed: string | undefined
}

/** A gateway, or the resolver. */
export interface GatewayStatus {
  readonly gateway: string
  readonly netns: string
  readonly running: boolean
  readonly restarts: number
}

/** Another platform, and what of its trust bundle is held. */
export interface PeerStatus {
  readonly trustDomain: string
  /** Without a bundle nobody there is believed. */
  readonly known: boolean
  /** Decimal, of the bundle in use; undefined when its publisher does not count. */
  readonly sequence: string | undefined
  /** ISO 8601; undefined before the first success of this agent. */
  readonly fetched: string | undefined
  /** Why the last attempt failed; the bundle before stays in use. */
  readonly problem: string | undefined
}

export interface AgentStatus {
  readonly pid: number
  readonly mode: 'sandbox' | 'host'
  readonly since: string
  readonly documents: { readonly directory: string; readonly sha256: string; readonly files: number } | undefined
  /** True when the last look at kernel, interfaces and settings found what was applied. */
  readonly enforced: boolean
  readonly paths: number
  readonly workloads: readonly WorkloadStatus[]
  /** Those that the set in force needs. */
  readonly gateways: readonly GatewayStatus[]
  readonly peers: readonly PeerStatus[]
  /** What of the gateways does not work. */
  readonly problems: readonly FailedPlace[]
  readonly refused: readonly RefusedPath[]
  /** The latest, oldest first. */
  readonly drift: readonly Drift[]
  readonly foreignTables: readonly string[]
  readonly recorder: unknown
  /** With a problem in it, no change is made. */
  readonly changeLog: JournalState
}

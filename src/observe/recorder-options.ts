/** What a recorder is given, and what it offers. */
import type { Platform } from '../model/platform.ts'
import type { Intent } from '../intent/intent.ts'
import type { IdTable } from '../engines/nftables/ids.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'
import type { Host } from './host-index.ts'
import type { RecorderStats } from './store.ts'
import type { VerdictRecord } from './verdict.ts'

/** What records are told with; replaced as a whole after each apply. */
export interface RecorderContext {
  readonly platform: Platform
  readonly intent: Intent
  readonly inventory: Inventory
  /** Names the documents behind a connection's mark. */
  readonly ids: IdTable
}

export interface RecorderOptions {
  /** The folder of the records, private to its owner; made when it is not there. */
  readonly folder: string
  readonly context: RecorderContext
  /** The NFLOG group that the log rules name. */
  readonly group: number
  /** All packets that log rules have seen, by the ruleset's own counters. Without it only gaps in the sequence show losses. */
  readonly counted?: () => Promise<number>
  /** Sees every record after it is on disk. */
  readonly onRecords?: (records: readonly VerdictRecord[]) => void
  /** Sees what goes wrong without ending the recorder. */
  readonly onProblem?: (message: string) => void
  readonly limits?: Partial<RecorderLimits>
}

export interface RecorderLimits {
  /** Bytes of a raw file after which it is rotated. */
  readonly rawBytes: number
  /** Bytes of a file of records, and how many files are kept beside the current one. */
  readonly fileBytes: number
  readonly keptFiles: number
  /** Milliseconds between two looks at the raw files. */
  readonly pollMs: number
}

export interface Recorder {
  readonly stats: () => RecorderStats
  /** Takes records that others have made: of gateways and resolver. */
  readonly add: (make: (host: Host) => readonly VerdictRecord[]) => void
  readonly setContext: (context: RecorderContext) => void
  /** Records all that was reported until now, then ends ulogd. */
  readonly stop: () => Promise<void>
  /** Ends this recorder and leaves ulogd running for the next one. */
  readonly detach: () => Promise<void>
}

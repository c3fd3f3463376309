/** Software that phones home: who accepted it until when, which policies let it out, and what it has really sent. */
import { compareText } from '../../base/location.ts'
import { overlappingExternals } from '../../intent/externals.ts'
import { documentRefs } from '../document-ref.ts'
import { isExpired } from '../../model/platform.ts'
import type { Intent, Path } from '../../intent/intent.ts'
import type { External, Platform, RiskRecord } from '../../model/platform.ts'
import type { DocumentRef } from '../document-ref.ts'

/** What was seen on the way to one External. Instants are milliseconds since the epoch. */
export interface TelemetryUse {
  readonly connections: number
  /** Both directions together. */
  readonly bytes: number
  readonly first: number
  readonly last: number
}

/**
 * `unaccepted`: nobody accepts it, and a policy to it does not load; `overdue`: the review date has passed; `due`: it comes soon;
 * `idle`: accepted, and no policy leads there, or nothing was sent as far as the records reach; `in use`: something was;
 * `open`: a policy leads there, and nobody has looked at records.
 */
export type RiskState = 'unaccepted' | 'overdue' | 'due' | 'idle' | 'open' | 'in use'

export interface RiskRow {
  readonly external: string
  /** Undefined: a telemetry External that nobody has accepted. */
  readonly record: RiskRecord | undefined
  readonly state: RiskState
  /** Documents that open a path to it, also under another External's name that holds the same addresses or names. */
  readonly policies: readonly DocumentRef[]
  /** The workloads that may send, sorted. */
  readonly senders: readonly string[]
  /** Undefined where no records were looked at. */
  readonly use: TelemetryUse | undefined
}

/** What the records of an instance say, as far back as they reach. */
export interface SeenUse {
  /** By the External's name; one that is not in it was not used. */
  readonly uses: ReadonlyMap<string, TelemetryUse>
  /** Milliseconds since the epoch; older records are gone. Undefined: nothing has been recorded. */
  readonly since: number | undefined
}

export interface RegisterOptions {
  readonly now: number
  /** Milliseconds before the review date from which on it is due. */
  readonly soon: number
  /** By the External's name; without it nothing is said about use. */
  readonly uses?: ReadonlyMap<string, TelemetryUse>
}

/** One row for each RiskRecord and one for each telemetry External without one; sorted by External, then by record. */
export function riskRegister(platform: Platform, intent: Intent, options: RegisterOptions): readonly RiskRow[] {
  const { now, uses } = options
  const paths = Map.groupBy(intent.paths.filter((path) => path.destination.kind === 'external' && !isExpired(path, now)), (path) => (path.destination.kind === 'external' ? path.destination.external : ''))
  const to = (external: External): readonly Path[] => [external, ...overlappingExternals(platform, external).filter((one) => one !== external)].flatMap(({ name }) => paths.get(name) ?? [])
  const rowOf = (name: string, record: RiskRecord | undefined): RiskRow => {
    const external = platform.externals.get(name)
    const leading = external === undefined ? [] : to(external)
    const use = uses === undefined ? undefined : (uses.get(name) ?? { connections: 0, bytes: 0, first: 0, last: 0 })
    return Object.freeze({
      external: name, record, state: stateOf(record, leading.length > 0, use, options),
      policies: documentRefs(leading.flatMap(({ origin }) => origin)),
      senders: [...new Set(leading.flatMap(({ source }) => (source.kind === 'workload' ? [source.workload] : [])))].sort(compareText), use,
    })
  }
  const accepted = new Set(platform.riskRecords.map((record) => record.external))
  const rows = [
    ...platform.riskRecords.map((record) => rowOf(record.external, record)),
    ...[...platform.externals.values()].filter((external) => external.telemetry && !accepted.has(external.name)).map(({ name }) => rowOf(name, undefined)),
  ]
  return rows.sort((a, b) => compareText(a.external, b.external) || compareText(a.record?.name ?? '', b.record?.name ?? ''))
}

function stateOf(record: RiskRecord | undefined, open: boolean, use: TelemetryUse | undefined, { now, soon }: RegisterOptions): RiskState {
  if (record === undefined) return 'unaccepted'
  if (record.until <= now) return 'overdue'
  if (record.until <= now + soon) return 'due'
  if (!open || use?.connections === 0) return 'idle'
  return use === undefined ? 'open' : 'in use'
}

/** Somebody has to do something about it: what goes out is not, or no longer, accepted. */
export function needsAttention({ state }: RiskRow): boolean {
  return state === 'unaccepted' || state === 'overdue'
}

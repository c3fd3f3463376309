/** The register of risks as the documents have it: each record, what it is about, and which policies need it (pure). */
import { documentRefs } from '../../analysis/document-ref.ts'
import { formatInstant } from '../../base/clock.ts'
import { compareText } from '../../base/location.ts'
import type { DocumentRef } from '../../analysis/document-ref.ts'
import type { Intent } from '../../intent/intent.ts'
import type { Platform, RiskRecord } from '../../model/platform.ts'

export interface Risk {
  /** Absent where an External with `telemetry` has no record. */
  readonly record?: Omit<RiskRecord, 'kind' | 'until' | 'at'> & { readonly until: string; readonly at: DocumentRef }
  readonly external: string
  readonly state: 'in date' | 'overdue' | 'unused' | 'missing'
  readonly policies: readonly DocumentRef[]
}

/** By External. */
export function risksOf(platform: Platform, intent: Intent, now: number): readonly Risk[] {
  const policies = (external: string): readonly DocumentRef[] => documentRefs(intent.paths.filter((p) => p.destination.kind === 'external' && p.destination.external === external).flatMap((p) => p.origin))
  const known = platform.riskRecords.map(({ kind, until, at, ...rest }): Risk => {
    const used = policies(rest.external)
    return { record: { ...rest, until: formatInstant(until), at: { kind, name: rest.name, ...at } }, external: rest.external, state: until <= now ? 'overdue' : used.length === 0 ? 'unused' : 'in date', policies: used }
  })
  const missing = [...platform.externals.values()]
    .filter((e) => e.telemetry && !platform.riskRecords.some((r) => r.external === e.name) && policies(e.name).length > 0)
    .map((e): Risk => ({ external: e.name, state: 'missing', policies: policies(e.name) }))
  return [...known, ...missing].sort((a, b) => compareText(a.external, b.external) || compareText(a.record?.name ?? '', b.record?.name ?? ''))
}

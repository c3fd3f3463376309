/** Every two of one kind: by which layers they are apart. */
import { separations } from './isolation.ts'
import { party } from './party.ts'
import { compareText } from '../../base/location.ts'
import { textTable } from '../table.ts'
import type { Intent } from '../../intent/intent.ts'
import type { Platform } from '../../model/platform.ts'
import type { IsolationLayer, Strength } from './finding.ts'
import type { Isolation, IsolationOptions } from './isolation.ts'
import type { Party } from './party.ts'

export const comparedKinds = ['environment', 'enclave', 'stack', 'workload'] as const
export type ComparedKind = (typeof comparedKinds)[number]

export interface PairRow {
  readonly between: readonly [Party, Party]
  readonly strongest: Strength
  /** From the outermost inwards. */
  readonly apart: readonly IsolationLayer[]
  readonly together: readonly IsolationLayer[]
}

/** Sorted by the first, then by the second. */
export function allPairs(platform: Platform, intent: Intent, kind: ComparedKind, options: IsolationOptions): readonly PairRow[] {
  const names = { environment: platform.environments, enclave: platform.enclaves, stack: platform.stacks, workload: platform.workloads }[kind].keys()
  const parties = [...names].map((name) => party(platform, kind, name)).filter(({ workloads }) => workloads.length > 0).sort((a, b) => compareText(a.text, b.text))
  const apart = separations(platform, intent, options)
  return parties.flatMap((a, i) => parties.slice(i + 1).map((b) => rowOf(apart([a, b]))))
}

function rowOf({ between, layers, strongest }: Isolation): PairRow {
  const those = (...sharings: readonly string[]): readonly IsolationLayer[] => layers.filter((f) => sharings.includes(f.sharing) && (f.sharing !== 'separate' || f.strength !== 'none')).map((f) => f.layer)
  return { between, strongest, apart: those('separate'), together: those('shared', 'partly') }
}

export function allPairsText(rows: readonly PairRow[]): string {
  const head = ['BETWEEN', 'AND', 'STRONGEST', 'APART BY', 'TOGETHER IN']
  const cells = rows.map(({ between: [a, b], strongest, apart, together }) => [a.text, b.text, strongest, apart.join(', ') || '-', together.join(', ') || '-'])
  return rows.length === 0 ? 'there are no two of them\n' : textTable([head, ...cells])
}

export function allPairsJson(rows: readonly PairRow[]): unknown {
  return rows.map(({ between, strongest, apart, together }) => ({ between: between.map(({ text }) => text), strongest, apart, together }))
}

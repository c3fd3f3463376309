/** What one set opens that another does not, in identities, addresses and ports: how the documents say it does not matter. */
import { sortChanges } from './change.ts'
import { compareInside, compareIncoming, compareOutgoing, isOutward } from './compare.ts'
import { sideOf } from './side.ts'
import type { Intent, Path } from '../intent/intent.ts'
import type { Platform, WorkloadId } from '../model/platform.ts'
import type { Change, Diff } from './change.ts'
import type { Side } from './side.ts'

export interface GoodSet {
  readonly platform: Platform
  readonly intent: Intent
}

/** `now` in milliseconds since the epoch: what has expired by then is open in neither set. */
export function diff(before: GoodSet, after: GoodSet, now: number): Diff {
  return diffSides(sideOf(before.platform, before.intent), sideOf(after.platform, after.intent), now)
}

export function diffSides(before: Side, after: Side, now: number): Diff {
  const changes: Change[] = []
  for (const source of new Set([...before.sources.keys(), ...after.sources.keys()])) {
    const old = before.sources.get(source) ?? []
    const fresh = after.sources.get(source) ?? []
    if (isOutside(old[0] ?? fresh[0])) continue
    changes.push(...insideChanges(before, after, old, fresh, now), ...compareOutgoing(before, after, old.filter(isOutward), fresh.filter(isOutward), now))
  }
  const [oldIn, newIn] = [incoming(before), incoming(after)]
  for (const destination of new Set([...oldIn.keys(), ...newIn.keys()])) {
    changes.push(...compareIncoming(before, after, oldIn.get(destination) ?? [], newIn.get(destination) ?? [], now))
  }
  return { changes: sortChanges(changes) }
}

/** Both lists come sorted by destination, so one walk over both finds the pairs. */
function insideChanges(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], now: number): readonly Change[] {
  const changes: Change[] = []
  let [i, j] = [0, 0]
  for (;;) {
    while (i < old.length && old[i]?.destination.kind !== 'workload') i++
    while (j < fresh.length && fresh[j]?.destination.kind !== 'workload') j++
    const [a, b] = [workloadOf(old[i]), workloadOf(fresh[j])]
    if (a === undefined && b === undefined) return changes
    const id = a === undefined || (b !== undefined && b < a) ? b : a
    const [fromI, fromJ] = [i, j]
    while (workloadOf(old[i]) === id && i < old.length) i++
    while (workloadOf(fresh[j]) === id && j < fresh.length) j++
    changes.push(...compareInside(before, after, old.slice(fromI, i), fresh.slice(fromJ, j), now))
  }
}

function workloadOf(path: Path | undefined): WorkloadId | undefined {
  return path?.destination.kind === 'workload' ? path.destination.workload : undefined
}

function isOutside(path: Path | undefined): boolean {
  return path?.source.kind !== 'workload'
}

function incoming(side: Side): ReadonlyMap<WorkloadId, readonly Path[]> {
  const byDestination = new Map<WorkloadId, Path[]>()
  for (const source of side.outsiders) {
    for (const path of side.sources.get(source) ?? []) {
      if (path.destination.kind !== 'workload') continue
      const known = byDestination.get(path.destination.workload)
      if (known === undefined) byDestination.set(path.destination.workload, [path])
      else known.push(path)
    }
  }
  return byDestination
}

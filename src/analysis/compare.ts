/** The paths between the same ends in two sets, held against each other. */
import { changesOf, compareGrants, grantsOf, inForce, inside } from './compare-grants.ts'
import { compareOutside } from './compare-outside.ts'
import { asCarried } from './grants.ts'
import { sameDeclared, samePaths } from './same-path.ts'
import type { Path } from '../intent/intent.ts'
import type { Change } from './change.ts'
import type { Side } from './side.ts'

/** What travels from one workload to one other; the lists hold all paths of this pair. */
export function compareInside(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], now: number): readonly Change[] {
  const [path] = fresh.length > 0 ? fresh : old
  if (path === undefined || (samePaths(old, fresh) && sameDeclared(before, after, path))) return []
  const [was, is] = [inForce(old, now), inForce(fresh, now)]
  const [had, has] = [grantsOf(before, was, now), grantsOf(after, is, now)]
  const verdict = compareGrants(asCarried(had, has), asCarried(has, had))
  return changesOf(verdict, inside(path.source), inside(path.destination), was, is)
}

/** What travels from one workload outward: to Externals, whatever their names, and to peers. */
export function compareOutgoing(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], now: number): readonly Change[] {
  const [path] = fresh.length > 0 ? fresh : old
  if (path === undefined) return []
  return compareOutside({ before, after, near: path.source, far: 'destination', now }, old, fresh)
}

/** What travels to one workload from outside. */
export function compareIncoming(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], now: number): readonly Change[] {
  const [path] = fresh.length > 0 ? fresh : old
  if (path === undefined) return []
  return compareOutside({ before, after, near: path.destination, far: 'source', now }, old, fresh)
}

export function isOutward(path: Path): boolean {
  return path.destination.kind !== 'workload'
}

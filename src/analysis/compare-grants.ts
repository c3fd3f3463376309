/** What is won and lost between two ends, and the changes that tell it. */
import { isExpired } from '../model/platform.ts'
import { documentRefs } from './document-ref.ts'
import { beyond } from './grants.ts'
import type { Path, PathEnd } from '../intent/intent.ts'
import type { Change, ChangeEnd, ChangeKind } from './change.ts'
import type { DocumentRef } from './document-ref.ts'
import type { Grant, Piece } from './grants.ts'
import type { Side } from './side.ts'

export interface Verdict {
  readonly won: readonly Piece[]
  readonly lost: readonly Piece[]
  readonly wasOpen: boolean
  readonly isOpen: boolean
}

export function compareGrants(old: readonly Grant[], fresh: readonly Grant[]): Verdict {
  return { won: beyond(fresh, old), lost: beyond(old, fresh), wasOpen: old.length > 0, isOpen: fresh.length > 0 }
}

export function changesOf(verdict: Verdict, source: ChangeEnd, destination: ChangeEnd, old: readonly Path[], fresh: readonly Path[]): readonly Change[] {
  const { won, lost, wasOpen, isOpen } = verdict
  const change = (kind: ChangeKind, pieces: readonly Piece[], paths: readonly Path[]): readonly Change[] =>
    pieces.length === 0 ? [] : [{ kind, source, destination, pieces, policies: policiesOf(paths, pieces) }]
  return [...change(wasOpen ? 'widened' : 'opened', won, fresh), ...change(isOpen ? 'narrowed' : 'closed', lost, old)]
}

/** What has expired opens nothing, and no change is by its documents. */
export function inForce(paths: readonly Path[], now: number): readonly Path[] {
  return paths.filter((path) => !isExpired(path, now))
}

export function grantsOf(side: Side, paths: readonly Path[], now: number): readonly Grant[] {
  return paths.flatMap((path) => side.grants(path, now))
}

export function inside(end: PathEnd): ChangeEnd {
  return { kind: 'workload', text: end.kind === 'workload' ? end.workload : '', workload: end.kind === 'workload' ? end.workload : '/' }
}

/** The documents of those paths that have a share in the pieces. */
function policiesOf(paths: readonly Path[], pieces: readonly Piece[]): readonly DocumentRef[] {
  const involved = paths.filter((path) =>
    pieces.some(
      (piece) =>
        piece.protocol === path.protocol &&
        (piece.protocol === 'icmp' || piece.ports.some((p) => path.ports.some((q) => q.from <= p.to && p.from <= q.to))),
    ),
  )
  return documentRefs(involved.flatMap((path) => path.origin))
}

/** What a change of atoms takes away: whose connections may have to end. */
import { outboundGroup } from './inventory.ts'
import { compareDirect, compareEgress, compareLead, comparePublish, sameMatch } from './order.ts'
import type { Atoms, DirectAtom } from './atoms.ts'

export interface Lost {
  /** Ids of paths that lost something: every connection that is no longer permitted bears one of them. */
  readonly paths: ReadonlySet<number>
  /** Permissions between identities that are gone as they were; something else may permit a part of the same now. */
  readonly direct: readonly DirectAtom[]
}

/**
 * `undefined` when addresses outside have changed class, which may end a connection of any path. Both lists of atoms are
 * sorted, so this costs one walk over them.
 */
export function lost(before: Atoms, after: Atoms): Lost | undefined {
  const outside = before.egress.length + before.publish.length > 0
  if (outside && before.classes !== after.classes && !sameClasses(before, after)) return undefined
  const paths = new Set<number>()
  const direct: DirectAtom[] = []
  walk(before.direct, after.direct, compareDirect, (atom, now) => {
    const gone = now === undefined || !sameMatch(atom.match, now.match)
    if (!gone && now.path === atom.path) return
    paths.add(atom.path)
    if (gone) direct.push(atom)
  })
  walk(before.egress, after.egress, compareEgress, (atom, now) => {
    if (now?.path !== atom.path || !sameMatch(atom.match, now.match)) paths.add(atom.path)
  })
  walk(before.publish, after.publish, comparePublish, (atom, now) => {
    const same = now?.path === atom.path && now.destination === atom.destination && now.privatePort === atom.privatePort && now.privateAddress.bits === atom.privateAddress.bits
    if (!same) paths.add(atom.path)
  })
  walk(before.lead, after.lead, compareLead, (lead, now) => {
    if (now !== undefined && sameMatch(lead.match, now.match)) return
    // Whoever was led bears the mark of the way to the gateway, which others may still take.
    for (const atom of before.direct) if (atom.source === lead.source && atom.destination === outboundGroup) paths.add(atom.path)
  })
  return { paths, direct }
}

/** Every item of `before`, with the one in the same place of `after` if there is one. */
function walk<T>(before: readonly T[], after: readonly T[], compare: (a: T, b: T) => number, see: (atom: T, now: T | undefined) => void): void {
  let i = 0
  for (const atom of before) {
    let now = after[i]
    while (now !== undefined && compare(now, atom) < 0) now = after[++i]
    if (now === atom) i++
    else see(atom, now !== undefined && compare(now, atom) === 0 ? now : undefined)
  }
}

function sameClasses(before: Atoms, after: Atoms): boolean {
  return before.classes.length === after.classes.length && before.classes.every((c, i) => {
    const other = after.classes[i]
    return other?.id === c.id && other.addresses.length === c.addresses.length && other.addresses.every((r, j) => {
      const range = c.addresses[j]
      return range !== undefined && range.family === r.family && range.first === r.first && range.last === r.last
    })
  })
}

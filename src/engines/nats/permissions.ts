/** What every identity may do at one broker, in the terms of the server: lists that allow and lists that deny. */
import { meetSubjects, widestSubjects } from '../../net/subject.ts'
import { refuseBelow } from './capabilities.ts'
import type { Path } from '../../intent/intent.ts'
import type { WorkloadId } from '../../model/platform.ts'
import type { Refusal } from './capabilities.ts'

export interface Permissions {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
  /** Kept from every subscription, whatever it was asked with. */
  readonly subscribeDeny: readonly string[]
}

/** `paths` lead to one broker and are in force. By workload, sorted. */
export function permissionsOf(paths: readonly Path[]): { readonly users: ReadonlyMap<WorkloadId, Permissions>; readonly refused: readonly Refusal[] } {
  const sources = new Map<WorkloadId, Path[]>()
  for (const path of paths) {
    if (path.source.kind !== 'workload') continue
    const known = sources.get(path.source.workload)
    if (known === undefined) sources.set(path.source.workload, [path])
    else known.push(path)
  }
  const refused: Refusal[] = []
  const written = [...sources].sort(([a], [b]) => (a < b ? -1 : 1)).map(([workload, own]) => {
    const heard = apart(own, refused)
    return { workload, publish: widestSubjects(own.flatMap((path) => messages(path).publish)), ...heard }
  })
  const inboxes = repliesOf(written)
  const users = new Map<WorkloadId, Permissions>()
  for (const { workload, publish, subscribe, subscribeDeny } of written) {
    const replies = inboxes.get(workload) ?? []
    const inbox = publish.length === 0 ? [] : [inboxOf(workload)]
    if (publish.length + subscribe.length === 0) continue
    users.set(workload, { publish: [...publish, ...replies].sort(), subscribe: [...inbox, ...subscribe].sort(), subscribeDeny })
  }
  return { users, refused }
}

/** Where replies to a workload arrive. Names have no dots, so nobody's inbox holds another's. */
function inboxOf(workload: WorkloadId): string {
  return `_INBOX.${workload.replace('/', '.')}.>`
}

interface Written {
  readonly workload: WorkloadId
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

/** Whoever may hear what another publishes may answer it. First parts are literal, so only those of one are compared. */
function repliesOf(written: readonly Written[]): ReadonlyMap<WorkloadId, readonly string[]> {
  const asking = new Map<string, { readonly subject: string; readonly inbox: string }[]>()
  for (const { workload, publish } of written) {
    for (const subject of publish) {
      const first = firstOf(subject)
      const known = asking.get(first)
      if (known === undefined) asking.set(first, [{ subject, inbox: inboxOf(workload) }])
      else known.push({ subject, inbox: inboxOf(workload) })
    }
  }
  return new Map(written.map(({ workload, subscribe }) => {
    const inboxes = subscribe.flatMap((heard) => (asking.get(firstOf(heard)) ?? []).flatMap(({ subject, inbox }) => (meetSubjects(heard, subject) === undefined ? [] : [inbox])))
    return [workload, [...new Set(inboxes)]]
  }))
}

function firstOf(subject: string): string {
  return subject.split('.', 1)[0] ?? ''
}

/**
 * The server compares the subject of a subscription part by part with what is allowed, and takes the `>` of a wanted `a.>` for
 * the `*` of an allowed `a.*`. So everything below such a `*` is denied, which is looked at again for each message; and what
 * would be denied with it is refused here by name. Shorter patterns come first, those that end in `>` last.
 */
function apart(paths: readonly Path[], refused: Refusal[]): Pick<Permissions, 'subscribe' | 'subscribeDeny'> {
  const subscribe: string[] = []
  const denied: { readonly star: string; readonly below: string }[] = []
  const depth = (subject: string): number => (subject.endsWith('>') ? Infinity : subject.split('.').length)
  const wanted = widestSubjects(paths.flatMap((path) => messages(path).subscribe))
  for (const subject of [...wanted].sort((a, b) => Math.sign(depth(a) - depth(b)) || 0)) {
    const closed = denied.find(({ below }) => meetSubjects(below, subject) !== undefined)
    if (closed !== undefined) {
      refused.push(...paths.filter((path) => messages(path).subscribe.includes(subject)).map((path) => refuseBelow(path, subject, closed.star)))
      continue
    }
    subscribe.push(subject)
    if (subject.endsWith('*')) denied.push({ star: subject, below: `${subject}.>` })
  }
  return { subscribe, subscribeDeny: denied.map(({ below }) => below).sort() }
}

function messages({ via }: Path): { readonly publish: readonly string[]; readonly subscribe: readonly string[] } {
  return (via.kind === 'direct' ? via.messages : undefined) ?? { publish: [], subscribe: [] }
}

/** Who is an effective member of which Group. */
import { compareText } from '../base/location.ts'
import type { Group, Platform, Workload, WorkloadId } from '../model/platform.ts'

export interface Membership {
  /** Effective members by the group's key, sorted by id. */
  readonly members: ReadonlyMap<string, readonly Workload[]>
  /** Keys of the groups that a workload is an effective member of; absent means none. */
  readonly groupsOf: ReadonlyMap<WorkloadId, readonly string[]>
}

/** Effective membership of every group: both consents, directly or in a group that it lists, at any depth. */
export function membership(platform: Platform): Membership {
  const members = new Map<string, readonly Workload[]>()
  const groupsOf = new Map<WorkloadId, string[]>()
  for (const key of [...platform.groups.keys()].sort(compareText)) {
    const effective = new Map<WorkloadId, Workload>()
    for (const group of withNested(platform, key)) {
      for (const workload of consenting(platform, group)) effective.set(workload.id, workload)
    }
    const sorted = [...effective.values()].sort((a, b) => compareText(a.id, b.id))
    members.set(key, sorted)
    for (const workload of sorted) {
      const known = groupsOf.get(workload.id)
      if (known === undefined) groupsOf.set(workload.id, [key])
      else known.push(key)
    }
  }
  return { members, groupsOf }
}

/** The group and all that it lists, directly or through others; each once, so that a circle ends too. */
function withNested(platform: Platform, key: string): Iterable<Group> {
  const found = new Set<Group>()
  const open = [key]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const group = platform.groups.get(next)
    if (group === undefined || found.has(group)) continue
    found.add(group)
    for (const member of group.members) if (member.kind === 'group') open.push(member.group)
  }
  return found
}

function consenting(platform: Platform, group: Group): readonly Workload[] {
  return group.members.flatMap((member) => {
    const workload = member.kind === 'workload' ? platform.workloads.get(member.workload) : undefined
    return workload !== undefined && workload.enclave === group.enclave && workload.groups.includes(group.name) ? [workload] : []
  })
}

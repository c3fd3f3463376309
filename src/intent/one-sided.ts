/** Group memberships to which only one side agrees. */
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Platform, WorkloadId } from '../model/platform.ts'
import type { Selector } from './select.ts'

/** A group that lists a workload which does not join, and the other way round: nothing is open until both agree. */
export function oneSidedMembership(platform: Platform, select: Selector): readonly Diagnostic[] {
  const out: Diagnostic[] = []
  for (const group of platform.groups.values()) {
    for (const member of group.members) {
      const workload = member.kind === 'workload' ? platform.workloads.get(member.workload) : undefined
      if (workload === undefined || workload.groups.includes(group.name)) continue
      const message = `group \`${group.name}\` lists \`${workload.name}\`, which does not join it, so it is no member`
      out.push({ code: 'one-sided-membership', severity: 'warning', message, at: member.at, help: `write \`groups: [${group.name}]\` in the Workload` })
    }
  }
  for (const workload of platform.workloads.values()) {
    for (const name of workload.groups) {
      const key = `${workload.enclave}/${name}`
      if (!platform.groups.has(key) || isMember(select, key, workload.id) || lists(platform, key, workload.id)) continue
      const message = `\`${workload.name}\` joins group \`${name}\`, which does not list it, so it is no member`
      out.push({ code: 'one-sided-membership', severity: 'warning', message, at: workload.at, help: `list \`${workload.name}\` under \`members\` of the Group` })
    }
  }
  return out
}

function isMember(select: Selector, key: string, id: WorkloadId): boolean {
  return select.membership.groupsOf.get(id)?.includes(key) ?? false
}

function lists(platform: Platform, key: string, id: WorkloadId): boolean {
  return platform.groups.get(key)?.members.some((m) => m.kind === 'workload' && m.workload === id) ?? false
}

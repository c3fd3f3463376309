/** Groups: who is a member, and what members may do among themselves. */
import { nobody } from './rules.ts'
import type { Flow, Group, Platform, Workload } from '../../model/platform.ts'
import type { Witness } from './rules.ts'

/** Effective membership: both consents, or membership in a group that this one lists. `key` is `enclave/group`. */
export function isMember(platform: Platform, key: string, workload: Workload, witness: Witness = nobody): boolean {
  const group = platform.groups.get(key)
  return group !== undefined && (isDirectMember(group, workload, witness) || isNestedMember(platform, group, workload, witness))
}

function isDirectMember(group: Group, workload: Workload, witness: Witness): boolean {
  if (group.enclave !== workload.enclave) return false
  let listed = false
  for (const member of group.members) {
    if (member.kind === 'workload' && member.workload === workload.id) listed = true
  }
  const joins = workload.groups.includes(group.name)
  if (listed && !joins) witness('the group consents alone')
  if (!listed && joins) witness('the workload consents alone')
  return listed && joins
}

function isNestedMember(platform: Platform, group: Group, workload: Workload, witness: Witness): boolean {
  for (const member of group.members) {
    if (member.kind === 'group' && isMember(platform, member.group, workload, witness)) return true
  }
  return false
}

/** Members reach each other, never themselves, on what the destination declares. */
export function groupAllows(platform: Platform, source: Workload, destination: Workload, flow: Flow, witness: Witness): boolean {
  if (source.id === destination.id) return false
  for (const [key, group] of platform.groups) {
    if (!isMember(platform, key, source, witness) || !isMember(platform, key, destination, witness)) {
      witness('the group has other members')
      continue
    }
    for (const port of destination.ports) {
      if (port.protocol !== flow.protocol || port.port !== flow.port) continue
      const direct = isDirectMember(group, source, nobody) && isDirectMember(group, destination, nobody)
      witness(direct ? 'a group opens it' : 'a nested group opens it')
      return true
    }
    witness('the group has no such port')
  }
  return false
}

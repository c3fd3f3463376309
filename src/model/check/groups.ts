/** Groups that contain each other. */
import { quote } from '../../base/diagnostic.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Group, Platform } from '../platform.ts'

/** One diagnostic for each circle, at the member that closes it. */
export function cyclicGroups(groups: Platform['groups']): readonly Diagnostic[] {
  const out: Diagnostic[] = []
  const done = new Set<string>()
  for (const key of groups.keys()) follow(key)
  return out

  /** Depth first without recursion: a chain of groups may be as long as the file. */
  function follow(start: string): void {
    const chain: { readonly key: string; next: number }[] = [{ key: start, next: 0 }]
    const open = new Set([start])
    for (let top = chain.at(-1); top !== undefined; top = chain.at(-1)) {
      const member = done.has(top.key) ? undefined : inner(groups.get(top.key))[top.next++]
      if (member === undefined) {
        done.add(top.key)
        open.delete(top.key)
        chain.pop()
      } else if (open.has(member.group)) {
        const circle = [...chain.slice(chain.findIndex((c) => c.key === member.group)).map((c) => c.key), member.group]
        const message = `the group contains itself: ${circle.map(quote).join(' > ')}`
        out.push({ code: 'cyclic-group', severity: 'error', message, at: member.at, help: 'remove one of them from the other', given: `group:${member.group}` })
      } else if (!done.has(member.group)) {
        open.add(member.group)
        chain.push({ key: member.group, next: 0 })
      }
    }
  }
}

function inner(group: Group | undefined) {
  return (group?.members ?? []).filter((m) => m.kind === 'group')
}

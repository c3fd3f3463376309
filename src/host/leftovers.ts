/**
 * What an agent leaves behind when it is killed between two steps: helpers that it had started and that would still act on
 * its behalf, and workloads that it had started and not yet written down.
 */
import { readFileSync, statSync } from 'node:fs'
import { netnsPath } from './ip.ts'
import { allProcesses, isAlive, namespaceOf, processId, signal, until } from './proc.ts'
import type { ProcessId } from './proc.ts'

/** The programs by which an agent changes the kernel: a late one would undo what its successor has done. */
const helpers: ReadonlySet<string> = new Set(['nft', 'ip', 'conntrack', 'ss', 'sysctl', 'nsenter'])
const endMs = 10_000

/** Ends the helpers of agents before this one: whoever started them is gone, so they were handed to the first process. */
export async function endHelpers(netnsPrefix: string, netnsNames: readonly string[]): Promise<void> {
  const ours = new Set([namespaceOf(process.pid, 'net'), ...netnsNames.filter((name) => name.startsWith(netnsPrefix)).map(netnsIdentity)])
  const found = allProcesses().flatMap((pid): readonly ProcessId[] => {
    const id = processId(pid)
    const netns = namespaceOf(pid, 'net')
    return id !== undefined && netns !== undefined && isOrphan(pid) && ours.has(netns) ? [id] : []
  })
  await end(found)
}

function isOrphan(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    return helpers.has(command) && stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === '1'
  } catch {
    return false
  }
}

/** Ends every process in these namespaces: they hold one workload each, and none that anybody knows of. */
export async function endStrays(netns: readonly string[]): Promise<void> {
  if (netns.length === 0) return
  const ours = new Set(netns.map(netnsIdentity).filter((identity) => identity !== undefined))
  const strays = (): readonly ProcessId[] => allProcesses().flatMap((pid) => (ours.has(namespaceOf(pid, 'net') ?? '') ? (processId(pid) ?? []) : []))
  for (let found = strays(), round = 0; found.length > 0 && round < 5; found = strays(), round++) await end(found)
}

async function end(processes: readonly ProcessId[]): Promise<void> {
  for (const id of processes) signal(id, 'SIGKILL')
  await until(() => processes.every((id) => !isAlive(id)), endMs)
}

/** As /proc names it: `net:[4026531840]`. */
function netnsIdentity(name: string): string | undefined {
  const inode = statSync(netnsPath(name), { throwIfNoEntry: false })?.ino
  return inode === undefined ? undefined : `net:[${inode}]`
}

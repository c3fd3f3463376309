/** What an instance could leave behind on the machine, to be compared before, during and after. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { runOrFault } from '../../src/base/process.ts'

/** Links and named namespaces of the machine's own network, sorted. */
export async function networkTraces(): Promise<readonly string[]> {
  const links = (JSON.parse(await runOrFault(['ip', '-json', 'link', 'show'])) as { ifname: string }[]).map((l) => `link ${l.ifname}`)
  const namespaces = (await runOrFault(['ip', 'netns', 'list'])).split('\n').filter((l) => l !== '').map((l) => `netns ${l}`)
  return [...links, ...namespaces].sort()
}

/** Running processes that name the state folder in their command line or environment. */
export function processesOf(state: string): readonly number[] {
  return processes().filter((pid) => pid !== process.pid && [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`].some((file) => readOr(file).includes(state)))
}

/** The network namespaces in which these processes live, without our own. */
export function networksOf(pids: readonly number[]): ReadonlySet<string> {
  const own = networkOf(process.pid)
  return new Set(pids.map(networkOf).filter((network) => network !== undefined && network !== own) as string[])
}

/** Command lines of processes that live in one of these namespaces. */
export function livingIn(networks: ReadonlySet<string>): readonly string[] {
  return processes()
    .filter((pid) => networks.has(networkOf(pid) ?? ''))
    .map((pid) => `${pid} ${readOr(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`)
}

function processes(): readonly number[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number)
}

function networkOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return undefined
  }
}

/** A process may end while we look, or belong to somebody else: then it is not one of ours. */
function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

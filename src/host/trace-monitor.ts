/** The kernel's reports about traced packets, line by line, as `nft monitor trace` prints them. */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Fault } from '../base/fault.ts'
import { start, startFault } from '../base/process.ts'
import { until } from './proc.ts'

export interface TraceMonitor {
  readonly close: () => void
}

/** NETLINK_NETFILTER, and the bit of its group for traces (linux/netlink.h, linux/netfilter/nfnetlink.h). */
const netfilter = '12'
const traceGroup = 1 << 8
/** A table of a hundred thousand elements is read before the first report. */
const readyMs = 30_000

/** Resolves when the kernel reports to us: what is traced from then on is heard. */
export async function monitorTraces(heard: (line: string) => void): Promise<TraceMonitor> {
  const before = listeners()
  const child = start(['nft', 'monitor', 'trace'], { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' })
  let ended = false
  let said = ''
  child.on('error', (error) => void ((ended = true), (said = startFault('nft', error).message)))
  child.on('exit', () => void (ended = true))
  child.stderr?.on('data', (chunk: Buffer) => void (said += chunk.toString('utf8').slice(0, 2_000)))
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', heard)
  const listening = await until(() => ended || [...listeners()].some((port) => !before.has(port)), readyMs)
  if (listening && !ended) return { close: () => void child.kill('SIGKILL') }
  child.kill('SIGKILL')
  throw new Fault('nft-failed', `traces cannot be heard: ${said.trim() || '`nft monitor trace` does not listen'}`)
}

/** The sockets of this namespace that hear traces. */
function listeners(): ReadonlySet<string> {
  const rows = readFileSync('/proc/self/net/netlink', 'utf8').split('\n').map((row) => row.trim().split(/\s+/))
  return new Set(rows.flatMap(([, family, port = '', groups = '0']) => (family === netfilter && (parseInt(groups, 16) & traceGroup) !== 0 ? [port] : [])))
}

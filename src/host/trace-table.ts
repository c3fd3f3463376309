/**
 * A table of our own that asks the kernel to report some packets. Its owner is one long-lived `nft`: the kernel takes the
 * table away when that process ends, however it ends, so a trace can leave nothing behind. No rule in it decides anything.
 */
import { Fault } from '../base/fault.ts'
import { run, start, startFault } from '../base/process.ts'
import { withoutHistory } from '../engines/nftables/session.ts'
import { until } from './proc.ts'

export const traceTableName = 'bulkhead-trace'
/** The chain that every watched packet meets first. */
export const arrivalChain = 'arrival'
const table = `inet ${traceTableName}`
const markers = 'paths'

export interface Watched {
  /** What a packet is like when it arrives, and when it is forwarded, which may be after translation; in nft's words. */
  readonly arriving: string | undefined
  readonly routed: string | undefined
}

export interface TraceTable {
  /** Path ids that watched packets had, as `source port . destination port` at the moment of forwarding. */
  readonly pathIds: () => Promise<ReadonlyMap<string, number>>
  readonly close: () => Promise<void>
}

/** Packets a second that are followed at most, for each thing that is watched: a flood must not drown the report. */
const mostEachSecond = 20

/** The table is in force when this returns. */
export async function openTraceTable(watched: readonly Watched[]): Promise<TraceTable> {
  const child = start(['nft', '-i'], { stdio: ['pipe', 'ignore', 'pipe'], cwd: '/', env: withoutHistory() })
  let said = ''
  let ended = false
  child.on('error', (error) => void ((ended = true), (said = startFault('nft', error).message)))
  child.on('exit', () => void (ended = true))
  child.stdin?.on('error', () => undefined)
  child.stderr?.on('data', (chunk: Buffer) => void (said += chunk.toString('utf8').slice(0, 2_000)))
  const close = async (): Promise<void> => {
    child.stdin?.end()
    if (!(await until(() => ended, 500))) child.kill('SIGKILL')
    await until(async () => !(await exists()), 2_000)
  }
  if (!(await until(async () => !(await exists()), 2_000))) throw new Fault('already-running', 'a trace is running already', { help: 'wait for it to end' })
  child.stdin?.write(`${commands(watched).join('\n')}\n`)
  const ready = await until(async () => ended || said !== '' || (await exists('ready')), 10_000)
  if (ready && !ended && said === '') return { pathIds, close }
  await close()
  throw new Fault('nft-failed', `the kernel did not take the table of the trace: ${said.trim() || 'no answer'}`)
}

/** The chain `ready` comes last. Connections' path ids are known between forwarding and the gate. */
function commands(watched: readonly Watched[]): readonly string[] {
  return [
    `add table ${table} { flags owner; }`,
    `add set ${table} ${markers} { typeof th sport . th dport . ct mark; flags dynamic; size 4096; }`,
    `add chain ${table} ${arrivalChain} { type filter hook prerouting priority raw - 10; policy accept; }`,
    `add chain ${table} forwarded { type filter hook forward priority filter + 5; policy accept; }`,
    ...watched.flatMap(({ arriving, routed }) => [
      ...(arriving === undefined ? [] : [`add rule ${table} ${arrivalChain} ${arriving} limit rate ${mostEachSecond}/second burst ${mostEachSecond} packets meta nftrace set 1`]),
      ...(routed === undefined ? [] : [`add rule ${table} forwarded ${routed} add @${markers} { th sport . th dport . ct mark }`]),
    ]),
    `add chain ${table} ready`,
  ]
}

async function exists(chain?: string): Promise<boolean> {
  const { code } = await run(['nft', 'list', ...(chain === undefined ? ['table', 'inet', traceTableName] : ['chain', 'inet', traceTableName, chain])])
  return code === 0
}

async function pathIds(): Promise<ReadonlyMap<string, number>> {
  const { code, stdout } = await run(['nft', '--json', 'list', 'set', 'inet', traceTableName, markers])
  if (code !== 0) return new Map()
  const objects = (JSON.parse(stdout) as { nftables: { set?: { elem?: unknown[] } }[] }).nftables
  return new Map(
    objects.flatMap(({ set }) => set?.elem ?? []).flatMap((element) => {
      const [source, destination, mark] = concatenation(element)
      return mark === undefined ? [] : [[portPair(source, destination), mark] as const]
    }),
  )
}

/** An element is `{concat: [...]}`, or `{elem: {val: {concat: [...]}}}` when it has more to it. */
function concatenation(element: unknown): readonly number[] {
  const { elem, concat } = element as { elem?: { val?: unknown }; concat?: unknown[] }
  if (elem !== undefined) return concatenation(elem.val ?? {})
  return (concat ?? []).map(Number)
}

/** The key of `pathIds`. */
export function portPair(source: number | undefined, destination: number | undefined): string {
  return `${source ?? 0} ${destination ?? 0}`
}

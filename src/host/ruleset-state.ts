/** What the table looks like in the kernel, reduced to what decides: for noticing that somebody else changed it. */
import { createHash } from 'node:crypto'
import { Fault } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { traceTableName } from './trace-table.ts'

export const tableName = 'bulkhead'

/** The live ruleset of the agent's namespace as nft prints it in JSON. */
export async function liveRuleset(): Promise<unknown> {
  const { code, stdout, stderr } = await run(['nft', '--json', 'list', 'ruleset'], { maxBytes: 1024 * 1024 * 1024, timeoutMs: 60_000 })
  if (code !== 0) throw new Fault('nft-failed', `the ruleset cannot be read: ${stderr.trim()}`)
  return JSON.parse(stdout)
}

export interface Fingerprint {
  /** Of our table; `undefined` when it is gone. */
  readonly table: string | undefined
  /** Other tables of the namespace, as `family name`. */
  readonly foreign: readonly string[]
}

export function fingerprint(ruleset: unknown): Fingerprint {
  const listed = (ruleset as { nftables?: unknown } | null)?.nftables
  const objects = (Array.isArray(listed) ? listed.filter(isObject) : []) as Record<string, Record<string, unknown>>[]
  const learning = learningSets(objects)
  const lines: string[] = []
  const foreign: string[] = []
  for (const object of objects) {
    const [kind = '', body] = Object.entries(object)[0] ?? []
    if (kind === 'metainfo' || !isObject(body)) continue
    const table = String(kind === 'table' ? body['name'] : body['table'])
    if (body['family'] !== 'inet' || table !== tableName) {
      // A trace comes and goes, and decides nothing.
      if (kind === 'table' && table !== traceTableName) foreign.push(`${String(body['family'])} ${table}`)
      continue
    }
    lines.push(`${kind} ${JSON.stringify(body, steady(learning.has(String(body['name']))))}`)
  }
  // Rules stay in their order, which decides; the elements of a set have none.
  const table = lines.length === 0 ? undefined : createHash('sha256').update(lines.join('\n')).digest('hex')
  return { table, foreign: foreign.sort() }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** The sets that rules fill with what passes; nft 1.0.6 does not print their `dynamic` flag. */
function learningSets(objects: readonly Record<string, Record<string, unknown>>[]): ReadonlySet<string> {
  const found = new Set<string>()
  for (const { rule } of objects) {
    const statements = rule?.['expr']
    for (const statement of (Array.isArray(statements) ? statements.filter(isObject) : []) as { set?: { op?: string; set?: string }; map?: { op?: string; map?: string } }[]) {
      if (statement.set?.op !== undefined) found.add(String(statement.set.set).replace(/^@/, ''))
      if (statement.map?.op !== undefined) found.add(String(statement.map.map).replace(/^@/, ''))
    }
  }
  return found
}

/** Leaves out what moves by itself: handles, counters, remaining times, and what a set has learnt. */
function steady(learnt: boolean): (key: string, value: unknown) => unknown {
  return (key, value) => {
    if (key === 'handle' || key === 'expires' || key === 'timeout' || key === 'packets' || key === 'bytes' || key === 'used') return undefined
    if (key === 'elem' && Array.isArray(value)) return learnt ? undefined : value.map((e) => JSON.stringify(e, steady(false))).sort()
    return value
  }
}

/** Packets that a log rule has seen since the table was loaded: every named counter whose name begins with `logged`. */
export async function loggedPackets(): Promise<number> {
  const { code, stdout, stderr } = await run(['nft', '--json', '--terse', 'list', 'counters', 'table', 'inet', tableName])
  if (code !== 0) throw new Fault('nft-failed', `the counters cannot be read: ${stderr.trim()}`)
  const objects = (JSON.parse(stdout) as { nftables: { counter?: { name: string; packets: number } }[] }).nftables
  return objects.reduce((sum, { counter }) => sum + (counter?.name.startsWith('logged') === true ? counter.packets : 0), 0)
}

/** What the table looks like in the kernel, reduced to what decides: for noticing that somebody else changed it. */
import { createHash } from 'node:crypto'
import { Fault } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { tableFamily, tableName } from '../engines/nftables/names.ts'

/** The live ruleset of the agent's namespace as nft prints it in JSON. */
export async function liveRuleset(): Promise<unknown> {
  const { code, stdout, stderr } = await run(['nft', '--json', 'list', 'ruleset'], { maxBytes: 1024 * 1024 * 1024, timeoutMs: 60_000 })
  if (code !== 0) throw new Fault('nft-failed', `the ruleset cannot be read: ${stderr.trim()}`)
  return JSON.parse(stdout)
}

/** What a listing consists of: each object has one key, its kind. */
export type Objects = readonly Readonly<Record<string, Readonly<Record<string, unknown>>>>[]

/** SHA-256 of what decides in our table, from a listing of the ruleset; `undefined` when the table is gone. Never throws, whatever is listed. */
export function fingerprint(ruleset: unknown): string | undefined {
  const listed = (ruleset as { nftables?: unknown } | null)?.nftables
  const objects = (Array.isArray(listed) ? listed.filter(isObject) : []) as Objects
  const learning = learningSets(objects)
  const lines: string[] = []
  for (const object of objects) {
    const [kind = '', body] = Object.entries(object)[0] ?? []
    if (kind === 'metainfo' || !isObject(body)) continue
    const table = String(kind === 'table' ? body['name'] : body['table'])
    if (body['family'] !== tableFamily || table !== tableName) continue
    const kept = learning.has(String(body['name'])) ? { ...body, elem: undefined } : body
    lines.push(`${kind} ${JSON.stringify(kept, steady)}`)
  }
  // Rules stay in their order, which decides; the elements of a set have none.
  return lines.length === 0 ? undefined : createHash('sha256').update(lines.join('\n')).digest('hex')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** The sets that rules fill with what passes; nft 1.0.6 does not print their `dynamic` flag. */
export function learningSets(objects: Objects): ReadonlySet<string> {
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

/** For `JSON.stringify`: leaves out what moves by itself (handles, counters, remaining times), and sorts elements. */
export function steady(key: string, value: unknown): unknown {
  if (key === 'handle' || key === 'expires' || key === 'timeout' || key === 'packets' || key === 'bytes' || key === 'used') return undefined
  return key === 'elem' && Array.isArray(value) ? value.map((e) => JSON.stringify(e, steady)).sort() : value
}

/** Packets that a log rule has seen since the table was loaded: every named counter whose name begins with `logged`. */
export async function loggedPackets(): Promise<number> {
  const { code, stdout, stderr } = await run(['nft', '--json', '--terse', 'list', 'counters', 'table', tableFamily, tableName])
  if (code !== 0) throw new Fault('nft-failed', `the counters cannot be read: ${stderr.trim()}`)
  const objects = (JSON.parse(stdout) as { nftables: { counter?: { name: string; packets: number } }[] }).nftables
  return objects.reduce((sum, { counter }) => sum + (counter?.name.startsWith('logged') === true ? counter.packets : 0), 0)
}

/** `bulkhead flows`: what was refused and what was connected, from the records on disk, so that no agent is needed. */
import { join } from 'node:path'
import { quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { readRecords, unreadBytes } from '../observe/read.ts'
import { readStats } from '../observe/store.ts'
import { usage } from './arguments.ts'
import { flowLine } from './flows-text.ts'
import { instanceOf, instanceOptions } from './instance.ts'
import type { PositionRecord, RecorderStats, StoredRecord } from '../observe/store.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'
import type { Output } from './output.ts'

export const command: Command = {
  name: 'flows',
  summary: 'show refused packets and allowed connections',
  usage: 'flows [--denied|--allowed] [--follow] [--since 5m] [--probes] [--name NAME]',
  example: 'bulkhead flows --denied --since 5m    what was refused in the last five minutes, and the policy that came nearest',
  positionals: [0, 0],
  options: {
    denied: { type: 'boolean', help: 'only what was refused' },
    allowed: { type: 'boolean', help: 'only connections that were allowed' },
    follow: { type: 'boolean', short: 'f', help: 'go on with what happens from now on, until Ctrl-C' },
    since: { type: 'string', value: 'TIME', help: 'only what is younger: 30s, 5m, 2h or 1d' },
    probes: { type: 'boolean', help: 'also what live verification tried' },
    ...instanceOptions,
  },
  run,
}

/** With --follow and no --since, this many earlier records come first. */
const earlier = 10
/** A recorder says that it lives every second. */
const silentMs = 5_000
const secondsIn: ReadonlyMap<string, number> = new Map([['s', 1], ['m', 60], ['h', 3_600], ['d', 86_400]])

async function run(context: CommandContext): Promise<ExitCode> {
  const { options, out, json, signal, now } = context
  if (options['denied'] === true && options['allowed'] === true) {
    throw usage(command, '`--denied` and `--allowed` exclude each other', 'leave both out to see both')
  }
  const since = sinceOf(options['since'], now)
  const folder = join(instanceOf(context).folder, 'observe')
  const stats = readStats(folder)
  if (stats === undefined) throw new Fault('not-running', 'nothing has been recorded here', { help: 'start a platform with `bulkhead up DIR`' })
  const print = (record: StoredRecord): void => out.line(json ? JSON.stringify(record) : flowLine(record, out.paint))
  const follow = options['follow'] === true
  const wanted = filter(context, since)
  const held: StoredRecord[] = []
  let holding = follow && since === undefined
  let position: PositionRecord | undefined
  let probes = 0
  for await (const line of readRecords(folder, { follow, signal, ...(since === undefined ? {} : { since }) })) {
    if (line === 'caught-up') {
      for (const record of held.splice(0)) print(record)
      holding = false
      if (follow) reportState(out, folder, stats, position, now)
    } else if (line.kind === 'position') position = line
    else if (!wanted(line)) probes += isHiddenProbe(line, context, since) ? 1 : 0
    else if (holding) {
      held.push(line)
      if (held.length > earlier) held.shift()
    } else print(line)
  }
  if (!follow) {
    if (probes > 0) out.note(`${probes} ${probes === 1 ? 'record' : 'records'} of live verification not shown; --probes shows them`)
    reportState(out, folder, stats, position, now)
  }
  return 0
}

function sinceOf(given: CommandContext['options'][string], now: number): number | undefined {
  if (typeof given !== 'string') return undefined
  const [, count = '', unit = ''] = /^([0-9]{1,6})([smhd])$/.exec(given) ?? []
  const seconds = secondsIn.get(unit)
  if (seconds === undefined) throw usage(command, `--since ${quote(given)} is not a length of time`, 'write a number and s, m, h or d: `--since 5m`')
  return now - Number(count) * seconds * 1000
}

function filter({ options, json }: CommandContext, since: number | undefined): (record: StoredRecord) => boolean {
  const verdict = options['denied'] === true ? 'deny' : options['allowed'] === true ? 'allow' : undefined
  const from = since === undefined ? '' : new Date(since).toISOString().replace('Z', '000Z')
  return (record) => {
    if ((record.kind === 'verdict' ? record.until ?? record.time : record.time) < from) return false
    if (record.kind === 'verdict') return (verdict === undefined || record.verdict === verdict) && (!record.probe || options['probes'] === true)
    if (record.kind === 'loss') return verdict === undefined || (record.of === 'denied') === (verdict === 'deny')
    return json || record.event === 'restarted'
  }
}

function isHiddenProbe(record: StoredRecord, context: CommandContext, since: number | undefined): boolean {
  return record.kind === 'verdict' && record.probe && filter({ ...context, options: { ...context.options, probes: true } }, since)(record)
}

/** Says what the records leave out. */
function reportState(out: Output, folder: string, stats: RecorderStats, position: PositionRecord | undefined, now: number): void {
  const warn = (text: string): void => out.note(out.paint('yellow', text))
  if (!stats.running) warn('nothing is being recorded: the platform is down')
  else if (now - stats.at > silentMs) {
    const unread = unreadBytes(folder, position)
    const waiting = unread === 0 ? '' : `; ${unread} bytes that the kernel reported wait to be read`
    warn(`the agent has been silent since ${new Date(stats.at).toISOString()}: later records are missing until \`bulkhead up\`${waiting}`)
  }
  if (stats.lost > 0) warn(`${stats.lost} of ${stats.recorded + stats.lost} refused packets have no record`)
  if (stats.connectionsIncomplete) warn('some connections may have no record: there were more than could be taken')
}

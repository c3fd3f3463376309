/** `bulkhead trace`: which checks a packet meets on its way, and where and why it stops. */
import { createInterface } from 'node:readline'
import { quote, escapeText } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { start } from '../base/process.ts'
import { enter, requireInstance } from '../host/instance.ts'
import { phases } from '../model/platform.ts'
import { usage } from './arguments.ts'
import { instanceOf, instanceOptions, nodeProgram } from './instance.ts'
import type { PacketStory } from '../observe/trace-story.ts'
import type { TraceReport } from '../observe/trace-report.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'
import type { Output } from './output.ts'
import type { TraceLine } from './trace-main.ts'

export const command: Command = {
  name: 'trace',
  summary: 'follow one packet through the checks of a running platform, and say where and why it stops',
  usage: 'trace SOURCE DESTINATION PORT/PROTO [--live [--for SECONDS]] [--from ADDRESS] [--ipv6] [--phase PHASE] [--name NAME]',
  example:
    'bulkhead trace workspace-a/api-service workspace-a/postgres-db 5432/tcp    a probe between shadows: the workloads are not asked\n' +
    'bulkhead trace workspace-a/notebook 203.0.113.7 443/tcp --live --for 10    what the workload sends itself, for ten seconds\n' +
    'An end is enclave/workload, a workload\'s name, external:NAME or an address. PORT/PROTO may be icmp.\n' +
    'Exit status 0 when every packet got through, 1 when one stopped or none was seen.',
  positionals: [3, 3],
  options: {
    live: { type: 'boolean', help: 'send nothing: follow what the two send each other, until Ctrl-C' },
    for: { type: 'string', value: 'SECONDS', help: 'with --live: end after this time' },
    from: { type: 'string', value: 'ADDRESS', help: 'send the probe with this source address' },
    ipv6: { type: 'boolean', short: '6', help: 'send the probe over IPv6' },
    phase: { type: 'string', value: 'PHASE', help: `the source's phase (${phases.join(', ')}); its declared one when left out` },
    ...instanceOptions,
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, options, out, json, signal } = context
  check(options)
  const instance = instanceOf(context)
  const where = await requireInstance(instance)
  const asked = ['live', 'ipv6'].filter((name) => options[name] === true).map((name) => `--${name}`)
  const given = ['for', 'phase', 'from'].flatMap((name) => (typeof options[name] === 'string' ? [`--${name}=${options[name]}`] : []))
  const argv = nodeProgram('./trace-main.ts', ['--folder', instance.folder, '--mode', where.kind, ...asked, ...given, '--', ...args])
  if (!json && options['live'] === true) out.note('following what these two send each other')
  const stories: PacketStory[] = []
  let report: TraceReport | undefined
  for await (const line of lines(enter(where, argv), signal)) {
    if ('fault' in line) throw new Fault(line.fault.code, line.fault.message, line.fault.help === undefined ? {} : { help: line.fault.help })
    if ('report' in line) report = line.report
    else if (json && options['live'] === true) out.line(JSON.stringify(line.story))
    else if (json) stories.push(line.story)
    else printStory(out, line.story, line.request)
  }
  if (report === undefined) throw new Fault('internal', 'the trace ended early')
  if (!json) out.line(out.paint(report.verdict === 'delivered' ? 'green' : 'red', escapeText(summary(report, options['live'] === true))))
  else if (options['live'] === true) out.line(JSON.stringify(report))
  else out.json({ ...report, ways: stories })
  return report.packets > 0 && report.stopped === 0 ? 0 : 1
}

function check(options: CommandContext['options']): void {
  const { live, from, for: seconds, phase } = options
  if (seconds !== undefined && (live !== true || !/^[0-9]{1,6}$/.test(String(seconds)))) {
    throw usage(command, live === true ? `--for ${quote(String(seconds))} is not a number of seconds` : '--for needs --live')
  }
  if (live === true && from !== undefined) throw usage(command, '--from is for a probe, and --live sends none')
  if (phase !== undefined && !phases.some((known) => known === phase)) throw usage(command, `${quote(String(phase))} is not a phase`, `allowed: ${phases.join(', ')}`)
}

/** Ctrl-C asks the other side to end in order; when it has ended, so has this. */
async function* lines(argv: readonly string[], signal: AbortSignal): AsyncGenerator<TraceLine> {
  const child = start(argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.on('error', () => undefined)
  child.stdin?.on('error', () => undefined)
  const end = (): void => void child.stdin?.end()
  signal.addEventListener('abort', end, { once: true })
  try {
    if (child.stdout !== null) for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line) as TraceLine
  } finally {
    end()
  }
}

function printStory(out: Output, story: PacketStory, request: boolean): void {
  const end = (address: string, port: number | undefined): string => (port === undefined ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)
  out.line(`${out.paint('bold', request ? 'request' : 'reply')} ${story.protocol} ${escapeText(end(story.source, story.sourcePort))} -> ${escapeText(end(story.destination, story.destinationPort))}`)
  for (const hop of story.hops) {
    const word = hop.check.padEnd(11)
    out.line(`  ${hop.passed ? (hop.check === 'stranger' ? out.paint('yellow', word) : out.paint('green', word)) : out.paint('red', word)} ${escapeText(hop.text)}`)
  }
}

function summary(report: TraceReport, live: boolean): string {
  if (!live || report.packets === 0) return report.conclusion
  return `${report.packets} ${report.packets === 1 ? 'packet' : 'packets'} followed, ${report.stopped} stopped; ${report.conclusion}`
}

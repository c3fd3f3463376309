/** `bulkhead verify`: proves by trying that the machine does what the documents say, and nothing else. */
import { start } from '../base/process.ts'
import { Fault, messageOf } from '../base/fault.ts'
import { escapeText } from '../base/diagnostic.ts'
import { readingText } from '../audit/reading-text.ts'
import { saveVerification, summaryOf } from '../audit/verification.ts'
import { call } from '../host/api.ts'
import { placePrefix } from '../host/host-mode.ts'
import { enter, requireInstance } from '../host/instance.ts'
import { instanceOf, instanceOptions, nodeProgram, requestOf } from './instance.ts'
import type { JournalState } from '../host/journal.ts'
import type { Instance } from '../host/state.ts'
import type { Evidence } from '../host/verification.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'
import type { Output } from './output.ts'

export const command: Command = {
  name: 'verify',
  summary: 'try every flow between shadow workloads and compare with the documents',
  usage: 'verify [--name NAME] [--all-pairs | --seed N]',
  example: 'bulkhead verify --json    evidence with hashes and times; exit status 1 on any mismatch',
  positionals: [0, 0],
  options: {
    ...instanceOptions,
    'all-pairs': { type: 'boolean', help: 'try every pair of identities, however many there are' },
    seed: { type: 'string', value: 'N', help: 'try the same pairs as the verification that printed it' },
    quiet: { type: 'boolean', short: 'q', help: 'leave out what was found open, pair by pair' },
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const { out, json, options, now } = context
  const instance = instanceOf(context)
  const where = await requireInstance(instance)
  const prefix = where.kind === 'host' ? placePrefix(instance.name) : ''
  const argv = nodeProgram('./verify-main.ts', ['--folder', instance.folder, '--mode', where.kind, '--prefix', prefix, '--now', String(now), ...(options['all-pairs'] === true ? ['--all-pairs'] : []), ...(typeof options['seed'] === 'string' ? [`--seed=${options['seed']}`] : [])])
  const evidence = await evidenceOf(enter(where, argv), (text) => {
    if (!json) out.note(text)
  })
  const good = evidence.mismatches.length === 0 && evidence.trials.mismatches.length === 0 && evidence.deviations.length === 0 && evidence.reading.acceptable && evidence.gateways.every((g) => g.differences.length === 0)
  const unnoted = await note(context, instance, evidence, good)
  if (unnoted !== undefined && !json) out.note(out.paint('yellow', `this verification is not in the change log: ${escapeText(unnoted)}`))
  if (json) out.json({ ...evidence, good })
  else print(out, evidence, options['quiet'] !== true)
  return good ? 0 : 1
}

/** Keeps the result where audits look for it, and has the agent write it down. Gives what kept it from that. */
async function note(context: CommandContext, instance: Instance, evidence: Evidence, good: boolean): Promise<string | undefined> {
  try {
    saveVerification(instance.folder, { ...evidence, good })
    const state = (await call(instance.folder, '/verified', { verification: summaryOf({ ...evidence, good }), request: requestOf(context, 'verify') }, patienceMs)) as JournalState
    return state.problem
  } catch (error) {
    return messageOf(error)
  }
}

const patienceMs = 30_000

/** Progress comes on stderr, the evidence as one line on stdout. */
async function evidenceOf(argv: readonly string[], progress: (text: string) => void): Promise<Evidence> {
  const child = start(argv, { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => void (stdout += chunk.toString('utf8')))
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8')
    const lines = stderr.split('\n')
    stderr = lines.pop() ?? ''
    for (const line of lines) progress(line)
  })
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.on('error', reject)
  child.on('close', resolve)
  await promise
  const answer = stdout === '' ? undefined : (JSON.parse(stdout) as { evidence?: Evidence; fault?: { code: 'internal'; message: string; help?: string } })
  if (answer?.evidence !== undefined) return answer.evidence
  const { code = 'internal', message = 'the verification ended early', help } = answer?.fault ?? {}
  throw new Fault(code, message, help === undefined ? {} : { help })
}

const shown = 50

function print(out: Output, e: Evidence, matrix: boolean): void {
  if (matrix) for (const cell of e.matrix) out.line(`${out.paint('green', 'open')} ${cell.from} -> ${cell.to} ${cell.open.join(' ')}`)
  for (const m of e.mismatches.slice(0, shown)) {
    const what = m.protocol === 'icmp' ? 'icmp' : `${m.protocol}/${m.port}`
    out.line(`${out.paint('red', 'mismatch')} ${m.from} -> ${m.to} ${what} IPv${m.family} (${m.address}): should be ${m.expect === 'allow' ? 'open' : 'closed'}, was ${m.outcome}${m.detail === '' ? '' : ` (${escapeText(m.detail)})`}; likely cause: ${m.likelyCause}`)
  }
  if (e.mismatches.length > shown) out.line(`and ${e.mismatches.length - shown} more mismatches; all are in --json`)
  for (const d of e.deviations) out.line(`${out.paint('red', 'deviation')} ${escapeText(d.what)}: expected ${d.expected}, found ${escapeText(d.found)}`)
  out.line(`the table read back is ${out.paint(e.reading.acceptable ? 'green' : 'red', readingText(e.reading.verdict))}`)
  for (const d of e.reading.differences.slice(0, shown)) out.line(`  ${escapeText(d)}`)
  for (const { gateway, what, compared, planned, differences } of e.gateways) {
    const judged = differences.length === 0 ? out.paint('green', 'equal to the documents') : out.paint('red', 'not what the documents say')
    const broker = gateway.startsWith('broker ')
    out.line(`the ${gateway}${broker ? '' : ' gateway'}${what === 'files' ? '\'s files' : ''} read back: ${judged} (${compared === planned ? '' : `${compared} of `}${planned} ${broker ? 'messages' : 'requests and paths'})`)
    for (const d of differences.slice(0, shown)) out.line(`  ${escapeText(d)}`)
    if (differences.length > shown) out.line(`  and ${differences.length - shown} more; all are in --json`)
  }
  const { tried, open, closed, mismatches, notTried } = e.trials
  for (const m of mismatches.slice(0, shown)) out.line(`${out.paint('red', 'mismatch')} ${m.from} -> ${escapeText(m.what)}: should be ${m.expect === 'allow' ? 'open' : 'closed'}, was ${escapeText(m.found)}`)
  for (const { from, what, why } of notTried.slice(0, shown)) out.line(`${out.paint('yellow', 'not tried')} ${from} -> ${escapeText(what)}: ${escapeText(why)}`)
  if (tried + notTried.length > 0) out.line(`gateways and resolver: ${tried} tried, ${open} open, ${closed} closed, ${notTried.length} not tried`)
  const seconds = ((Date.parse(e.ended) - Date.parse(e.began)) / 1000).toFixed(1)
  const some = e.pairs.tried < e.pairs.of ? ` (\`--seed ${escapeText(e.pairs.seed)}\` tries the same again, \`--all-pairs\` tries all)` : ''
  out.line(`${e.pairs.tried} of ${e.pairs.of} pairs of identities tried${some}; the table was read back for all of them`)
  out.line(`${e.identities} identities, ${e.allowed} flows open, ${e.denied} closed, ${e.deviations.length} deviations, ${seconds} s`)
  out.line(`${e.probes + tried} probes, ${e.mismatches.length + mismatches.length} mismatches`)
}

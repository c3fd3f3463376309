/**
 * The agent's process. It is started inside the router namespace by `bulkhead up`, joins the host's reconciling with the
 * records, and serves the command line over a socket in the state folder until it is told to shut down.
 */
import { parseArgs } from 'node:util'
import { systemClock } from '../base/clock.ts'
import { escapeText } from '../base/diagnostic.ts'
import { isFault, messageOf } from '../base/fault.ts'
import { closeInherited } from '../base/inherited.ts'
import { defaultLogGroup } from '../engines/nftables/render.ts'
import { openChangeLog } from '../audit/change-log.ts'
import { startAgent } from '../host/agent.ts'
import { agentFile } from '../host/agent-process.ts'
import { serve } from '../host/api.ts'
import { replaceFile } from '../host/durable.ts'
import { readDocumentSet } from '../host/document-set.ts'
import { placePrefix } from '../host/host-mode.ts'
import { startOutside } from '../host/outside-process.ts'
import { processId } from '../host/proc.ts'
import { readChangeRequest, readSummary } from '../host/journal.ts'
import { loggedPackets } from '../host/ruleset-state.ts'
import { becomeSoleAgent } from '../host/sole-agent.ts'
import { writeState } from '../host/state.ts'
import { followAccessLogs } from '../observe/access-logs.ts'
import { accessRecord, nameRecord } from '../observe/gateway-records.ts'
import { startRecorder } from '../observe/recorder.ts'
import { version } from './version.ts'
import type { Agent } from '../host/agent.ts'
import type { InForce } from '../host/enforce.ts'
import type { Recorder, RecorderContext } from '../observe/recorder.ts'

const { values } = parseArgs({ options: { folder: { type: 'string' }, name: { type: 'string' }, mode: { type: 'string' } } })
const folder = values.folder ?? ''
const mode = values.mode === 'host' ? 'host' : 'sandbox'

function log(text: string): void {
  process.stdout.write(`${new Date(systemClock()).toISOString()} ${escapeText(text)}\n`)
}

closeInherited()
let recorder: Recorder | undefined

function recorderContext(inForce: InForce): RecorderContext {
  return {
    platform: inForce.set.platform,
    intent: inForce.set.intent,
    inventory: inForce.plan.inventory,
    ids: inForce.ids,
  }
}

/** Whose connections end has its line after its chain has gone: a rule that was in force keeps its documents' names. */
let rules: ReadonlyMap<string, readonly string[]> = new Map()
const accessLogs = followAccessLogs(`${folder}/gateways`, `${folder}/observe`)
let following: NodeJS.Timeout | undefined
const followMs = 200

function follow({ served }: InForce): void {
  if (served.envoy === undefined) return
  const now = new Map([...served.envoy.outbound.rules, ...served.envoy.inbound.rules])
  rules = new Map([...rules, ...now].slice(-mostRules - now.size))
  following ??= setInterval(readAccessLogs, followMs)
}

/** Of the past; those in force are always known. */
const mostRules = 10_000

function readAccessLogs(): void {
  try {
    for (const { gateway, lines } of accessLogs.read()) {
      if (lines.length > 0) recorder?.add((host) => lines.flatMap((line) => accessRecord(line, gateway, host, rules) ?? []))
    }
  } catch (error) {
    log(`records: the access logs cannot be read: ${messageOf(error)}`)
  }
}

function endFollowing(): void {
  clearInterval(following)
  readAccessLogs()
}

/** Records begin with the first set in force: before that, there is nothing that could be refused. */
async function observe(inForce: InForce): Promise<void> {
  follow(inForce)
  if (recorder !== undefined) return recorder.setContext(recorderContext(inForce))
  recorder = await startRecorder({
    folder: `${folder}/observe`,
    context: recorderContext(inForce),
    group: defaultLogGroup,
    counted: loggedPackets,
    onProblem: (message) => log(`records: ${message}`),
  })
}

async function main(): Promise<void> {
  process.title = `bulkhead-agent ${values.name ?? ''}`
  await becomeSoleAgent()
  writeState(folder, agentFile, processId(process.pid))
  // For a service manager, which wants nothing but the number.
  replaceFile(`${folder}/agent.pid`, `${process.pid}\n`)
  const agent = await startAgent({
    folder,
    mode,
    prefix: mode === 'host' ? placePrefix(values.name ?? '') : '',
    log,
    // A platform without records is enforced all the same; `status` says that they are missing.
    onInForce: (inForce) => observe(inForce).catch((error: unknown) => log(`error: no records: ${messageOf(error)}`)),
    onNames: (names) => recorder?.add((host) => names.map((name) => nameRecord(name, host))),
    recorderStats: () => recorder?.stats() ?? null,
    journal: openChangeLog(folder, systemClock),
  })
  await serve(folder, {
    '/ping': () => Promise.resolve({ version: version() }),
    '/apply': (body) => agent.apply(readDocumentSet(body), readChangeRequest(requestOf(body), 'apply')),
    '/verified': (body) => Promise.resolve(agent.verified(readSummary((body as { readonly verification?: unknown } | null)?.verification), readChangeRequest(requestOf(body), 'verify'))),
    '/outside': (body) => startOutside(folder, String(body), log),
    '/status': () => agent.status(),
    '/handover': async () => {
      await handOver(agent)
      setTimeout(() => process.exit(0), 20)
    },
    '/shutdown': async (body) => {
      const ended = await agent.shutdown(readChangeRequest(body, 'down'))
      endFollowing()
      await recorder?.stop()
      setTimeout(() => process.exit(0), 20)
      return ended
    },
  })
  // A service manager ends its services by this signal; rules and workloads stay.
  process.on('SIGTERM', () => void handOver(agent).finally(() => process.exit(0)))
  log(`agent ready: ${mode}, process ${process.pid}`)
}

function requestOf(body: unknown): unknown {
  return (body as { readonly request?: unknown } | null)?.request
}

/** Ends what is this process's own; the next agent goes on with the rest. */
async function handOver(agent: Agent): Promise<void> {
  log('handing over')
  await agent.release()
  endFollowing()
  await recorder?.detach()
}

// A terminal's Ctrl-C is not for the agent; only `down` and the kernel end it.
process.on('SIGINT', () => undefined)
process.on('SIGHUP', () => undefined)
process.on('unhandledRejection', (error) => log(`error: ${messageOf(error)}`))

await main().catch((error: unknown) => {
  log(`error: ${messageOf(error)}`)
  writeState(folder, 'agent.fault.json', isFault(error) ? { code: error.code, message: error.message, help: error.help } : { code: 'internal', message: messageOf(error) })
  process.exit(1)
})

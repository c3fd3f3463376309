/**
 * Turns what the kernel reports into records on disk: runs ulogd, reads what it writes, tells each packet in the words of
 * the documents, and counts what is missing. One recorder for each observe folder; runs in the router's namespace.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { messageOf } from '../base/fault.ts'
import { readBatch } from './batch.ts'
import { explainer } from './explain.ts'
import { hostIndex } from './host-index.ts'
import { lost, noLoss, sawCounter, settle } from './loss.ts'
import { openStore, statsFile } from './store.ts'
import { openTail, restrict } from './tail.ts'
import { allowedFile, deniedFile } from './ulogd-config.ts'
import { keepUlogd } from './ulogd-keeper.ts'
import type { Recorder, RecorderContext, RecorderLimits, RecorderOptions } from './recorder-options.ts'
import type { Host } from './host-index.ts'
import type { VerdictRecord } from './verdict.ts'
import type { PositionRecord, RecorderStats, SessionRecord, StoredRecord } from './store.ts'

export type { Recorder, RecorderContext, RecorderLimits, RecorderOptions } from './recorder-options.ts'

const defaults: RecorderLimits = { rawBytes: 32 * 1024 * 1024, fileBytes: 64 * 1024 * 1024, keptFiles: 4, pollMs: 50 }
const secondMs = 1_000
/** After this long something else has its turn, also while there is more to read. */
const drainMs = 200

/** Resolves when ulogd listens: what is refused from then on is recorded. What was refused since the call is counted. */
export async function startRecorder(options: RecorderOptions): Promise<Recorder> {
  const { folder } = options
  const limits = { ...defaults, ...options.limits }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const store = openStore(folder, limits)
  const before = store.recovered
  let loss = before?.loss ?? noLoss
  let { host, explaining } = prepare(options.context)
  const firstCount = await readCounter()
  if (firstCount !== undefined) loss = sawCounter(loss, firstCount)
  const denied = openTail(folder, deniedFile, before?.denied)
  const allowed = openTail(folder, allowedFile, before?.allowed)
  const ulogd = await keepUlogd(folder, options.group, (message) => options.onProblem?.(message))

  let connections = 0
  let malformed = 0
  let incomplete = false
  let reported = lost(loss)
  let settledAt = { counted: -1, recorded: -1 }
  let secondAt = 0
  let stopping = false
  let busy = false
  let unsaved: { readonly records: readonly StoredRecord[]; readonly position: PositionRecord } | undefined
  const pending: StoredRecord[] = [session(ulogd.adopted ? 'adopted' : 'started')]

  function prepare(context: RecorderContext): { host: ReturnType<typeof hostIndex>; explaining: ReturnType<typeof explainer> } {
    return {
      host: hostIndex(context.platform, context.inventory, context.ids),
      explaining: explainer(context.platform, context.intent, { now: Date.now, elapsed: () => performance.now() }),
    }
  }

  async function readCounter(): Promise<number | undefined> {
    try {
      return await options.counted?.()
    } catch (error) {
      options.onProblem?.(`the counter of refusals cannot be read: ${messageOf(error)}`)
      return undefined
    }
  }

  function position(): PositionRecord {
    return { kind: 'position', denied: denied.position(), allowed: allowed.position(), loss }
  }

  function session(event: SessionRecord['event']): SessionRecord {
    return { kind: 'session', time: instant(), event }
  }

  /** Writes what could not be written before; a full disk leaves it waiting, and nothing more is read meanwhile. */
  function save(): void {
    if (unsaved === undefined) return
    store.append(unsaved.records, unsaved.position)
    unsaved = undefined
  }

  /** Reads one bounded piece of both files; true when there is more. */
  function step(): boolean {
    save()
    explaining.begin()
    const refusals = denied.read()
    const events = allowed.read()
    const batch = readBatch(refusals.lines, events.lines, host, explaining.explain, loss)
    loss = batch.loss
    connections += batch.connections
    malformed += batch.malformed + refusals.broken + events.broken
    if (refusals.lines.length + events.lines.length + refusals.broken + events.broken + pending.length > 0) {
      unsaved = { records: [...pending.splice(0), ...batch.records], position: position() }
      save()
      if (batch.records.length > 0) options.onRecords?.(batch.records)
    }
    return refusals.more || events.more
  }

  /** Reads until nothing is left, or until time is up; true when something is left. */
  async function drain(ms: number): Promise<boolean> {
    const until = performance.now() + ms
    while (step()) {
      if (performance.now() > until) return true
      await nextTurn()
    }
    return false
  }

  async function everySecond(): Promise<void> {
    for (const file of [deniedFile, allowedFile]) restrict(folder, file)
    if (ulogd.hasLost()) {
      incomplete = true
      pending.push({ kind: 'loss', time: instant(), of: 'allowed' })
    }
    const value = await readCounter()
    if (value !== undefined) loss = sawCounter(loss, value)
    await drain(drainMs)
    // Nothing was counted and nothing read for a second: no packet is on its way.
    if (loss.counted === settledAt.counted && loss.recorded === settledAt.recorded) loss = settle(loss)
    settledAt = { counted: loss.counted, recorded: loss.recorded }
    reportLoss()
    writeStats(true)
  }

  function reportLoss(): void {
    const total = lost(loss)
    if (total > reported) pending.push({ kind: 'loss', time: instant(), of: 'denied', lost: total - reported })
    reported = Math.max(reported, total)
  }

  function stats(running: boolean): RecorderStats {
    const pendingBytes = [denied, allowed].reduce((sum, tail) => sum + Math.max(0, tail.size() - tail.position().offset), 0)
    return {
      at: Date.now(), running, recorded: loss.recorded, lost: lost(loss), connections,
      connectionsIncomplete: incomplete, malformed, restarts: ulogd.restarts(), pendingBytes,
    }
  }

  function writeStats(running: boolean): void {
    const path = join(folder, statsFile)
    writeFileSync(`${path}.new`, `${JSON.stringify(stats(running))}\n`, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }

  async function turn(): Promise<void> {
    if (await ulogd.revive()) pending.push(session('restarted'))
    ulogd.rotate(denied, limits.rawBytes)
    ulogd.rotate(allowed, limits.rawBytes)
    busy = await drain(drainMs)
    if (performance.now() < secondAt) return
    secondAt = performance.now() + secondMs
    await everySecond()
  }

  /** A full disk must not end the recorder: it goes on when there is room again. */
  function attempt(what: () => unknown): Promise<void> {
    return Promise.try(what).then(
      () => undefined,
      (error: unknown) => options.onProblem?.(`recording is held up: ${messageOf(error)}`),
    )
  }

  async function run(): Promise<void> {
    while (!stopping) {
      busy = false
      await attempt(turn)
      if (!busy) await new Promise((resolve) => setTimeout(resolve, limits.pollMs))
    }
  }

  const running = run()

  async function finish(endToo: boolean): Promise<void> {
    if (stopping) return
    stopping = true
    await running
    if (endToo) {
      // ulogd leaves what is in its socket buffer unread when it ends.
      await new Promise((resolve) => setTimeout(resolve, 2 * limits.pollMs))
      await ulogd.end()
    }
    await drain(Infinity)
    const value = endToo ? await readCounter() : undefined
    if (value !== undefined) loss = settle(sawCounter(loss, value))
    reportLoss()
    if (endToo) pending.push(session('stopped'))
    step()
    writeStats(false)
    denied.close()
    allowed.close()
    store.close()
  }

  return Object.freeze({
    stats: () => stats(true),
    add: (make: (host: Host) => readonly VerdictRecord[]) => void pending.push(...make(host)),
    setContext: (context: RecorderContext) => {
      // What was refused under the old documents is told by them.
      void attempt(step)
      ;({ host, explaining } = prepare(context))
    },
    stop: () => finish(true),
    detach: () => finish(false),
  })
}

function instant(): string {
  return new Date().toISOString().replace('Z', '000Z')
}

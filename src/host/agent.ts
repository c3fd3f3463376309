/**
 * The reconciling agent: holds the kernel to the last set of documents it was given. It runs in the router namespace; every
 * operation takes the complete desired state, and two never interleave. Its end changes nothing: the rules are the kernel's.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault, messageOf } from '../base/fault.ts'
import { adoptLast } from './adoption.ts'
import { createBrokers } from './brokers.ts'
import { changes } from './changes.ts'
import { checkDocuments } from './documents.ts'
import { netnsNames } from './enforce.ts'
import { createExpiry } from './expiry.ts'
import { createGateways } from './gateways/gateways.ts'
import { createIdentities } from './gateways/identities.ts'
import { createReconciler } from './reconciler.ts'
import { endHelpers } from './leftovers.ts'
import { createDriftWatch } from './drift-watch.ts'
import { commitPending, numbersLost, savePending, settleApplied } from './memory.ts'
import { openPolicyTime } from './policy-time.ts'
import { createQueue } from './queue.ts'
import { carriedPaths, describeRefusals } from './refused.ts'
import { createRecording } from './recording.ts'
import { nothingApplied } from './report.ts'
import { prepareRouter } from './router.ts'
import { workloadStatus } from './status.ts'
import { requireHost, thisHost } from './this-host.ts'
import { createSupervisor } from './supervise.ts'
import { createTableKeeper } from './table-keeper.ts'
import { releaseInterfaces } from './tap.ts'
import type { NameVerdict } from '../engines/dns/records.ts'
import type { DocumentSet } from './document-set.ts'
import type { InForce } from './enforce.ts'
import type { GatewayKeeper } from './gateways/gateways.ts'
import type { Reconciler } from './reconciler.ts'
import type { ChangeRequest, Journal, JournalState, VerificationSummary } from './journal.ts'
import type { AgentStatus, ApplyReport, EndedConnection } from './report.ts'
import type { Setting } from './setting.ts'

export interface AgentOptions extends Setting {
  readonly log: (text: string) => void
  /** Called whenever what is in force has changed: for the records. */
  readonly onInForce: (inForce: InForce) => Promise<void>
  /** What the resolver has decided: for the records. */
  readonly onNames: (records: readonly NameVerdict[]) => void
  readonly recorderStats: () => unknown
  /** Where every change is written down before it is made. */
  readonly journal: Journal
}

export interface Agent {
  readonly apply: (documents: DocumentSet, request: ChangeRequest) => Promise<ApplyReport>
  readonly status: () => Promise<AgentStatus>
  /** Stops the workloads; the caller takes the namespaces away. Says what could not be written down of it. */
  readonly shutdown: (request: ChangeRequest) => Promise<{ readonly changeLog: string | undefined }>
  /** Writes down that something was verified, by the word of the command that has done it. */
  readonly verified: (verification: VerificationSummary, request: ChangeRequest) => JournalState
  /** Ends the agent's own work and leaves rules and workloads to the next agent. */
  readonly release: () => Promise<void>
}

/** Closes everything first, then brings back the last set, if there is one: what runs is adopted. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { folder, log } = options
  await endHelpers(options.prefix, netnsNames())
  if (numbersLost(folder)) throw new Fault('state-unreadable', 'the numbers by which the set in force is enforced are lost', { help: 'the rules stay as they are; run `bulkhead down`, then `bulkhead up`' })
  const since = new Date().toISOString()
  const time = openPolicyTime(folder)
  const queue = createQueue()
  const supervisor = createSupervisor(folder)
  const keeper = createTableKeeper(log)
  const expiry = createExpiry(time, () => lapse(), log)
  const identities = createIdentities(options, () => {
    gateways.renew()
    brokers.renew()
  }, log)
  const brokers = createBrokers(options, supervisor, log)
  const gateways: GatewayKeeper = createGateways({ setting: options, keeper, log, current: () => reconciler.current(), identities, onNames: options.onNames })
  const reconciler: Reconciler = createReconciler({ setting: options, time, keeper, supervisor, expiry, gateways, identities, brokers, onInForce: options.onInForce })
  const recording = createRecording(options.journal, log)
  let stopping = false

  const refresh = async (why: string, whole: boolean): Promise<void> => {
    const inForce = reconciler.current()
    if (inForce === undefined || stopping) return
    log(why)
    const ended = await reconciler.enforce(reconciler.designed(inForce.set), whole)
    recording.lapsed(reconciler.current() ?? inForce, time.now())
    for (const c of ended) log(`ended ${c.protocol} ${c.source}:${c.sourcePort} -> ${c.destination}:${c.destinationPort}`)
    for (const each of gateways.takeEnded()) log(`ended at ${each.gateway} (${each.why}): at most ${each.connections} by ${each.rules.join(' ')}`)
  }

  const lapse = (): void => {
    queue.run(() => (expiry.due() ? refresh('a policy expired', false) : Promise.resolve())).catch((error: unknown) => log(`error: ${messageOf(error)}`))
  }

  const apply = (documents: DocumentSet, request: ChangeRequest): Promise<ApplyReport> =>
    queue.run(async () => {
      const now = time.now()
      const before = reconciler.current()
      const { set, diagnostics } = checkDocuments(documents, now, before?.set)
      if (set === undefined) {
        recording.refused(documents, diagnostics, request)
        return { ...nothingApplied, diagnostics }
      }
      requireHost(set.platform, thisHost(folder))
      const next = reconciler.designed(set)
      let ended: readonly EndedConnection[]
      let noted = false
      try {
        recording.change(next, now, request)
        noted = true
        savePending(folder, documents, now)
        ended = await reconciler.enforce(next, false, () => commitPending(folder))
        settleApplied(folder)
        recording.settle()
      } catch (error) {
        // Before the table was taken, nothing has changed; after that, the regular look goes on until all is done.
        if (reconciler.current() !== next) {
          reconciler.takeBack(before)
          if (noted) recording.failed(error, request)
        }
        throw error
      }
      const changed = changes(before === undefined ? [] : carriedPaths(before.set, before.refused), carriedPaths(next.set, next.refused), now)
      log(`applied ${documents.directory} ${documents.sha256}: ${changed.opened.length} opened, ${changed.closed.length} closed, ${ended.length} connections ended`)
      const atGateways = gateways.takeEnded()
      return { applied: true, diagnostics, ...changed, ended, ...(atGateways.length === 0 ? {} : { endedAtGateways: atGateways }), refused: describeRefusals(next.refused), failed: [...reconciler.problems(), ...reconciler.failed()] }
    })

  const status = (): AgentStatus => {
    const inForce = reconciler.current()
    const documents = inForce?.set.documents
    return {
      pid: process.pid,
      mode: options.mode,
      since,
      documents: documents === undefined ? undefined : { directory: documents.directory, sha256: documents.sha256, files: documents.files.length },
      enforced: reconciler.enforced(),
      paths: inForce === undefined ? 0 : carriedPaths(inForce.set, inForce.refused).length,
      workloads: workloadStatus(inForce?.plan.places ?? [], supervisor.status(), reconciler.failed()),
      gateways: gateways.status(inForce),
      peers: gateways.peers(),
      problems: reconciler.problems(),
      refused: describeRefusals(inForce?.refused ?? []),
      drift: driftWatch.drift(),
      foreignTables: keeper.foreign(),
      recorder: options.recorderStats(),
      changeLog: recording.state(),
    }
  }

  const driftWatch = createDriftWatch({ folder, log, time, queue, keeper, expiry, reconciler, refresh, mended: recording.drift })
  await prepareRouter()
  await queue.run(() => adoptLast(folder, reconciler, log))
  recording.adopted(reconciler.current(), time.now())
  driftWatch.begin()

  const stop = (): void => {
    stopping = true
    driftWatch.close()
    expiry.close()
    keeper.close()
    recording.close()
  }

  return {
    apply,
    status: async () => {
      await sleep(0)
      return status()
    },
    verified: (verification, { actor, reason }) => {
      recording.said({ kind: 'verify', actor, verification, ...(reason === undefined ? {} : { reason }) })
      return recording.state()
    },
    shutdown: ({ actor, reason }) =>
      queue.run(async () => {
        stop()
        // What closes everything is not refused for want of a line: whoever asked is told.
        const changeLog = recording.said({ kind: 'down', actor, ...(reason === undefined ? {} : { reason }) })
        recording.settle()
        await supervisor.reconcile([])
        await gateways.stop()
        await identities.stop()
        await releaseInterfaces()
        return { changeLog }
      }),
    release: () =>
      queue.run(async () => {
        stop()
        supervisor.release()
        await gateways.release()
        await identities.stop()
      }),
  }
}

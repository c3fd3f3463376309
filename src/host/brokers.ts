/**
 * The message brokers that run here: each finds its configuration in its own folder, beside its identity, and has taken what
 * the documents permit before anything is called enforced. One that does not say so is ended: a new start takes the file.
 */
import { existsSync, lstatSync, readFileSync, readlinkSync, rmSync, statSync, openSync, readSync, closeSync, chownSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../base/fault.ts'
import { apply, replaceFile } from '../engines/nats/apply.ts'
import { identityPlaces } from '../identity/places.ts'
import { configurationFile } from './broker-places.ts'
import { childrenOf, processId, signal, until } from './proc.ts'
import { innerPid, logFile } from './supervise.ts'
import type { WorkloadId } from '../model/platform.ts'
import type { InForce } from './enforce.ts'
import type { Place } from './plan.ts'
import type { FailedPlace } from './report.ts'
import type { Setting } from './setting.ts'
import type { Supervisor } from './supervise.ts'

const program = 'nats-server'
const startMs = 5_000

export interface BrokerKeeper {
  /** Every running broker has taken its permissions when this resolves; who has not is ended, and told. To be called before new ones start. */
  readonly settle: (next: InForce) => Promise<readonly FailedPlace[]>
  /** The same for those that have been started since. */
  readonly confirm: (next: InForce) => Promise<readonly FailedPlace[]>
  /** An identity has been renewed: servers whose own it is read it again. */
  readonly renew: () => void
}

export function createBrokers({ folder }: Setting, supervisor: Pick<Supervisor, 'interrupt'>, log: (text: string) => void): BrokerKeeper {
  const identities = identityPlaces(folder)
  const fileOf = (workload: WorkloadId): string => join(identities.svid(workload), configurationFile)
  /** By place: the processes that have taken the text, and the identity that they were told of. */
  let taken = new Map<string, { readonly text: string; readonly pid: number; generation: string }>()

  /** What the logs say after the last look: a change of the documents may end a server and start another. */
  const starting = new Map<string, () => string>()

  const settleOne = async (place: Place, text: string): Promise<string | undefined> => {
    const file = fileOf(place.workload)
    const pid = serverOf(innerPid(folder, place.key))
    const generation = generationOf(identities.svid(place.workload))
    const before = taken.get(place.key)
    if (before?.pid === pid && before?.text === text && existsSync(file)) return undefined
    taken.delete(place.key)
    if (pid === undefined) {
      await writeFor(file, text)
      return undefined
    }
    const said = await apply(text, { write: (marked) => writeFor(file, marked), reload: () => hangUp(pid), listen: () => linesSince(logFile(folder, place.key)) })
    if (said.kind === 'in-force') {
      taken.set(place.key, { text, pid, generation })
      return undefined
    }
    await supervisor.interrupt(place.key)
    return said.kind === 'rejected' ? `the broker does not accept its configuration: ${said.reason}` : 'the broker did not take its configuration and was ended'
  }

  const settle = async (next: InForce): Promise<readonly FailedPlace[]> => {
    const problems: FailedPlace[] = []
    const keys = new Set(next.plan.places.map((p) => p.key))
    taken = new Map([...taken].filter(([key]) => keys.has(key)))
    for (const place of next.plan.places) {
      const text = next.brokers.configurations.get(place.workload)
      try {
        if (text !== undefined) {
          starting.set(place.key, linesSince(logFile(folder, place.key)))
          const reason = await settleOne(place, text)
          if (reason !== undefined) problems.push({ place: place.key, reason })
        } else if (place.start.kind === 'run' && existsSync(fileOf(place.workload))) {
          // It was a broker: nobody keeps the permissions that it has.
          rmSync(fileOf(place.workload), { force: true })
          await supervisor.interrupt(place.key)
        }
      } catch (error) {
        await supervisor.interrupt(place.key)
        problems.push({ place: place.key, reason: messageOf(error) })
      }
    }
    return problems
  }

  const confirm = async (next: InForce): Promise<readonly FailedPlace[]> => {
    const problems = await Promise.all(next.plan.places.map(async (place): Promise<readonly FailedPlace[]> => {
      const heard = starting.get(place.key)
      const text = next.brokers.configurations.get(place.workload)
      if (heard === undefined || text === undefined) return []
      const known = taken.get(place.key)
      if (known !== undefined && known.pid === serverOf(innerPid(folder, place.key))) return []
      const ready = await until(() => heard().includes('Server is ready'), startMs, 50)
      const reason = ready ? await settleOne(place, text) : 'the broker does not run: its log says why'
      return reason === undefined ? [] : [{ place: place.key, reason }]
    }))
    starting.clear()
    return problems.flat()
  }

  const renew = (): void => {
    for (const [key, one] of taken) {
      const generation = generationOf(identities.svid(key.split('#')[0] as WorkloadId))
      if (generation === one.generation || serverOf(innerPid(folder, key)) !== one.pid) continue
      one.generation = generation
      hangUp(one.pid)
      log(`the broker ${key} reads its renewed identity`)
    }
  }

  return { settle, confirm, renew }
}

/** It belongs to whom its folder belongs to, who is the broker's user. */
async function writeFor(file: string, text: string): Promise<void> {
  await replaceFile(file, text)
  const { uid, gid } = statSync(join(file, '..'))
  if (uid !== process.getuid?.()) chownSync(file, uid, gid)
}

/** The server among the processes of a place: it may have been started by a shell. */
function serverOf(inner: number | undefined): number | undefined {
  const open = inner === undefined ? [] : [inner]
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    if (nameOf(pid) === program) return pid
    open.push(...childrenOf(pid))
  }
  return undefined
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

function hangUp(pid: number): void {
  const id = processId(pid)
  if (id !== undefined) signal(id, 'SIGHUP')
}

/** Which of the identities that a folder has had is the current one. */
function generationOf(svid: string): string {
  const link = join(svid, 'current')
  return lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(link) : ''
}

const mostLog = 1024 * 1024

/** What is written to the file from now on, as far as it is new; a log that is begun anew in between is read from its start. */
function linesSince(file: string): () => string {
  const size = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
  let from = size()
  return () => {
    const end = size()
    if (end < from) from = 0
    const length = Math.min(end - from, mostLog)
    if (length === 0) return ''
    const fd = openSync(file, 'r')
    try {
      const buffer = Buffer.alloc(length)
      return buffer.toString('utf8', 0, readSync(fd, buffer, 0, length, end - length))
    } finally {
      closeSync(fd)
    }
  }
}

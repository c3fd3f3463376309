/**
 * The Envoys of a host, one for each direction: each runs unprivileged in its own namespace, outlives agents, is started again
 * when it ends, and reads its configuration from a folder of its own. Until it has taken a configuration nothing is in force.
 */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../base/fault.ts'
import { accessLogFile } from '../../engines/envoy/access-log.ts'
import { isReady } from '../../engines/envoy/admin.ts'
import { apply, prepare } from '../../engines/envoy/apply.ts'
import { ruleOf } from '../../engines/envoy/ending.ts'
import { findEnvoy, withoutEnvoy } from '../../engines/envoy/binary.ts'
import { adminSocket, envoyArguments } from '../../engines/envoy/bootstrap.ts'
import { until } from '../proc.ts'
import { createSupervisor } from '../supervise.ts'
import { systemFolders } from '../tasks.ts'
import { gatewayArguments } from './confine.ts'
import { endedAt, openDoors } from './endings.ts'
import { gatewayFolder, insideFolder, makeGatewayFolder, ownerOf } from './files.ts'
import { removeSecrets, secretCount, writeSecrets } from './secrets.ts'
import { crowded } from './watch-limit.ts'
import type { EnvoyArtefacts, GatewayFiles } from '../../engines/envoy/render.ts'
import type { GatewayEnding } from '../report.ts'
import type { Setting } from '../setting.ts'
import type { Task, TaskStatus } from '../supervise.ts'
import type { GatewaySeat } from './places.ts'
import type { SecretSource } from './secrets.ts'

export interface EnvoyKeeper {
  /** Both run and have taken these files when it resolves; the texts say what of which gateway does not work, by its name. */
  readonly settle: (seats: readonly GatewaySeat[], artefacts: EnvoyArtefacts | undefined) => Promise<ReadonlyMap<string, string>>
  /** Certificates may have been renewed: the files that hold them are brought up to date. */
  readonly renew: () => void
  readonly status: () => readonly TaskStatus[]
  /** What has ended since this was asked before. */
  readonly takeEnded: () => readonly GatewayEnding[]
  readonly stop: () => Promise<void>
  /** Ends one whose network goes or is made anew; the next `settle` starts it again if it is wanted. */
  readonly interrupt: (key: string) => Promise<void>
  readonly release: () => void
}

const startMs = 15_000
const renewMs = 100
/** Nobody may ever ask. */
const mostEnded = 1_000
const program = '/opt/bulkhead/envoy'

export function createEnvoys(setting: Setting, source: SecretSource, log: (text: string) => void): EnvoyKeeper {
  const supervisor = createSupervisor(setting.folder, 'gateways.json')
  let serving: readonly { readonly seat: GatewaySeat; readonly files: GatewayFiles }[] = []
  let told = ''
  let ended: readonly GatewayEnding[] = []

  const secrets = (): ReadonlyMap<string, readonly string[]> =>
    new Map(serving.map(({ seat, files }) => [seat.name, writeSecrets(gatewayFolder(setting.folder, seat.name), files.needs, source, ownerOf(setting, seat))] as const))

  const renewNow = (): void => {
    due = undefined
    try {
      const text = [...secrets().values()].flat().join('; ')
      if (text !== told && text !== '') log(`error: gateways: ${text}`)
      told = text
    } catch (error) {
      log(`error: gateways: ${messageOf(error)}`)
    }
  }

  /** Many identities are renewed at once, and each time all files are looked at. */
  let due: NodeJS.Timeout | undefined
  const renew = (): void => {
    due ??= setTimeout(renewNow, renewMs)
    due.unref()
  }

  /** A gateway that is gone leaves no keys behind. */
  const forgetKeys = (kept: readonly GatewaySeat['name'][]): void => {
    for (const name of ['outbound', 'inbound'] as const) {
      const folder = gatewayFolder(setting.folder, name)
      if (!kept.includes(name) && existsSync(folder)) removeSecrets(folder, [])
    }
  }

  const settleOne = async (seat: GatewaySeat, files: GatewayFiles, started: Promise<void>): Promise<string | undefined> => {
    // A socket's path is short, a folder's need not be: the folder is named by its descriptor.
    const fd = openSync(gatewayFolder(setting.folder, seat.name), 'r')
    const folder = `/proc/self/fd/${fd}`
    try {
      await started
      if (!(await until(() => isReady(join(folder, adminSocket)), startMs, 20))) return notRunning(join(setting.folder, 'log', `${keyOf(seat)}.log`))
      await apply(files, { folder })
      removeSecrets(folder, files.needs)
      return undefined
    } catch (error) {
      return messageOf(error)
    } finally {
      closeSync(fd)
    }
  }

  return {
    settle: async (seats, artefacts) => {
      const envoy = findEnvoy()
      const problems = new Map<string, string>()
      const before = serving
      const wanted = artefacts === undefined ? [] : seats.flatMap((seat) => (seat.name === 'resolver' ? [] : [{ seat, files: artefacts[seat.name] }]))
      if (wanted.length === 0 && serving.length === 0 && supervisor.status().length === 0) {
        forgetKeys([])
        return problems
      }
      if (envoy === undefined) for (const { seat } of wanted) problems.set(keyOf(seat), withoutEnvoy)
      const doors = new Map(await Promise.all(wanted.map(async ({ seat }) => [seat.name, await openDoors(seat.netns, listenersIn(gatewayFolder(setting.folder, seat.name)))] as const)))
      const running = supervisor.processes()
      serving = envoy === undefined ? [] : wanted
      for (const { seat } of serving) makeGatewayFolder(setting, seat)
      for (const [name, missing] of secrets()) if (missing.length > 0) problems.set(keyOf({ name: name as GatewaySeat['name'] }), missing.join('; '))
      for (const seat of crowded(serving.map(({ seat, files }) => ({ seat, wanted: files.needs.length, held: secretCount(gatewayFolder(setting.folder, seat.name)) })))) {
        log(`gateways: \`${keyOf(seat)}\` is started again: the kernel grants too few watches to hold old and new secrets at once`)
        await supervisor.stop(keyOf(seat))
      }
      for (const { seat, files } of serving) {
        const folder = gatewayFolder(setting.folder, seat.name)
        // One that does not run now is to begin with what holds now.
        if (!supervisor.status().some((t) => t.key === keyOf(seat) && t.state === 'running') && !(await isReady(join(folder, adminSocket)))) await prepare(files, folder)
      }
      const started = supervisor.reconcile(serving.map(({ seat, files }) => taskOf(setting, seat, files, envoy ?? '')))
      await Promise.all(serving.map(async ({ seat, files }) => {
        const problem = await settleOne(seat, files, started)
        if (problem !== undefined) problems.set(keyOf(seat), problem)
      }))
      await started
      const documents = rulesOf([...before, ...wanted].map((each) => each.files))
      const now = supervisor.processes()
      ended = [...ended, ...wanted.flatMap(({ seat, files }) => {
        const [key, there] = [keyOf(seat), doors.get(seat.name)]
        const why = now.get(key) === undefined ? 'stopped' : now.get(key) === running.get(key) ? 'changed' : 'restarted'
        // What was refused has ended nothing.
        return there === undefined || (problems.has(key) && why === 'changed') ? [] : endedAt(key, there, files.files.get('lds.json') ?? '', why, documents)
      })].slice(-mostEnded)
      forgetKeys(serving.map(({ seat }) => seat.name))
      return problems
    },
    renew,
    status: supervisor.status,
    takeEnded: () => {
      const taken = ended
      ended = []
      return taken
    },
    stop: () => supervisor.reconcile([]),
    interrupt: supervisor.stop,
    release: supervisor.release,
  }
}

/** By the name of a chain, or of one that was the same rule with other content. */
function rulesOf(all: readonly GatewayFiles[]): (chain: string) => readonly string[] {
  const known = new Map(all.flatMap(({ rules }) => [...rules].flatMap(([name, documents]) => [[ruleOf(name), documents], [name, documents]] as const)))
  return (chain) => known.get(chain) ?? known.get(ruleOf(chain)) ?? []
}

function listenersIn(folder: string): string {
  const file = join(folder, 'lds.json')
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** As the namespace is called, without the instance. */
function keyOf({ name }: Pick<GatewaySeat, 'name'>): string {
  return name === 'outbound' ? 'gateway-out' : 'gateway-in'
}

/** The kernel's watches may be used up by somebody else, which Envoy alone notices. */
function notRunning(log: string): string {
  const said = existsSync(log) ? readFileSync(log, 'utf8').slice(-20_000) : ''
  if (/inotify/.test(said)) return `Envoy does not run: the kernel grants its user no more watches of files; raise \`fs.inotify.max_user_instances\` (see \`${log}\`)`
  return `Envoy does not run: see \`${log}\``
}

function taskOf(setting: Setting, seat: GatewaySeat, { files }: GatewayFiles, envoy: string): Task {
  const folder = gatewayFolder(setting.folder, seat.name)
  return {
    key: keyOf(seat),
    netns: seat.netns,
    argv: gatewayArguments(setting, seat, {
      argv: [program, ...envoyArguments(insideFolder)],
      binds: [{ from: envoy, to: program }, { from: folder, to: insideFolder, write: true }, { from: join(folder, accessLogFile), to: join(insideFolder, accessLogFile), write: true }],
      // What only a start reads is part of what is started: another one is another process.
      env: { BULKHEAD_BOOTSTRAP: createHash('sha256').update(files.get('bootstrap.json') ?? '').digest('hex').slice(0, 16) },
      told: true,
    }, systemFolders()),
  }
}

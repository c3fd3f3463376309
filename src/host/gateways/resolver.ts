/**
 * The resolver's process, a child of the agent in a namespace of its own. It ends with the agent and knows only what the
 * agent has told it; while it is down, names are not answered and nothing new is admitted.
 */
import { closeSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { messageOf } from '../../base/fault.ts'
import { start } from '../../base/process.ts'
import { formatAddress } from '../../net/address.ts'
import { endStrays } from '../leftovers.ts'
import { processId, signal, until } from '../proc.ts'
import { filterPath } from '../supervise.ts'
import { systemFolders } from '../tasks.ts'
import { gatewayArguments } from './confine.ts'
import type { ChildProcess } from '../../base/process.ts'
import type { Zones } from '../../engines/dns/zones.ts'
import type { AdmissionRequest } from '../../engines/dns/admissions.ts'
import type { NameVerdict } from '../../engines/dns/records.ts'
import type { Upstream } from '../../model/platform.ts'
import type { Setting } from '../setting.ts'
import type { GatewaySeat } from './places.ts'

export interface ResolverState {
  readonly zones: Zones
  readonly upstream: readonly Upstream[]
}

export interface ResolverKeeper {
  /** The resolver runs in this seat and has taken this state when it resolves; the text says why not. */
  readonly serve: (seat: GatewaySeat, state: ResolverState) => Promise<string | undefined>
  readonly stop: () => Promise<void>
  readonly running: () => boolean
  readonly restarts: () => number
}

export interface ResolverParts {
  readonly setting: Setting
  readonly log: (text: string) => void
  /** Opens the way to addresses before an answer that holds them leaves; a rejection keeps the answer back. */
  readonly admit: (request: AdmissionRequest) => Promise<void>
  readonly onRecords: (records: readonly NameVerdict[]) => void
}

const root = join(import.meta.dirname, '../../..')
const app = '/opt/bulkhead/app'
const firstDelayMs = 100
const longestDelayMs = 10_000
const answerMs = 10_000

export function createResolverKeeper({ setting, log, admit, onRecords }: ResolverParts): ResolverKeeper {
  let child: ChildProcess | undefined
  let wanted: { readonly seat: GatewaySeat; readonly state: ResolverState } | undefined
  let serial = 0
  let restarts = 0
  let delay = firstDelayMs
  let timer: NodeJS.Timeout | undefined
  let listening = false
  let waiting: { readonly serial: number; applied: boolean; readonly done: (problem: string | undefined) => void } | undefined

  const say = (message: object): void => void child?.stdin?.write(`${JSON.stringify(message)}\n`)

  const tell = ({ zones, upstream }: ResolverState): void => {
    serial++
    say({ kind: 'state', serial, zones, upstream: upstream.map(({ address, port }) => (address.family === 4 ? `${formatAddress(address)}:${port}` : `[${formatAddress(address)}]:${port}`)) })
  }

  const hear = (line: string): void => {
    const told = JSON.parse(line) as { readonly kind: string; readonly serial?: number; readonly reason?: string; readonly records?: number } & Record<string, unknown>
    switch (told.kind) {
      case 'ready':
        listening = true
        delay = firstDelayMs
        if (waiting?.applied === true) waiting.done(undefined)
        break
      case 'applied':
        if (waiting === undefined || told.serial !== waiting.serial) break
        waiting.applied = true
        if (listening) waiting.done(undefined)
        break
      case 'rejected':
        if (waiting !== undefined && told.serial === waiting.serial) waiting.done(`the resolver refused its names: ${String(told.reason)}`)
        break
      case 'admit': {
        const request = told as unknown as AdmissionRequest
        admit(request).then(
          () => say({ kind: 'admitted', id: request.id }),
          (error: unknown) => say({ kind: 'not-admitted', id: request.id, reason: messageOf(error) }),
        )
        break
      }
      case 'name-verdict':
        onRecords([told as unknown as NameVerdict])
        break
      case 'lost':
        log(`records: ${String(told.records)} decisions of the resolver have no record`)
        break
    }
  }

  const launch = (): void => {
    if (wanted === undefined) return
    const { seat, state } = wanted
    const said = openSync(join(setting.folder, 'log', 'resolver.log'), 'a', 0o600)
    const filter = openSync(filterPath(setting.folder), 'r')
    const argv = gatewayArguments(setting, seat, {
      argv: ['/opt/bulkhead/bin/node', `${app}/src/cli/resolver-main.ts`, '--listen', formatAddress(seat.ipv4), '--listen', formatAddress(seat.ipv6)],
      binds: [
        { from: dirname(process.execPath), to: '/opt/bulkhead/bin' },
        ...['package.json', 'src', 'node_modules'].map((name) => ({ from: join(root, name), to: `${app}/${name}` })),
      ],
      // Names and answers are a few megabytes; the default would let garbage wait for the machine's whole memory.
      env: { NODE_OPTIONS: '--max-old-space-size=256' },
      told: false,
    }, systemFolders())
    const started = start(argv, { cwd: '/', stdio: ['pipe', 'pipe', said, 'ignore', filter], env: { PATH: process.env['PATH'] } })
    closeSync(said)
    closeSync(filter)
    child = started
    listening = false
    started.stdin?.on('error', () => undefined)
    if (started.stdout !== null) createInterface({ input: started.stdout }).on('line', (line) => {
      try {
        hear(line)
      } catch (error) {
        log(`error: the resolver said what it should not: ${messageOf(error)}`)
      }
    })
    const ended = (): void => {
      if (child !== started) return
      child = undefined
      waiting?.done('the resolver ended')
      if (wanted === undefined) return
      restarts++
      log('the resolver ended by itself and is started again')
      timer = setTimeout(launch, delay)
      delay = Math.min(delay * 2, longestDelayMs)
    }
    started.once('error', ended)
    started.once('exit', ended)
    tell(state)
  }

  const stop = async (): Promise<void> => {
    wanted = undefined
    clearTimeout(timer)
    const last = child
    child = undefined
    if (last?.pid === undefined) return
    const id = processId(last.pid)
    last.stdin?.end()
    if (id === undefined || (await until(() => processId(id.pid)?.started !== id.started, 500))) return
    signal(id, 'SIGKILL')
  }

  return {
    serve: async (seat, state) => {
      if (wanted !== undefined && (wanted.seat.netns !== seat.netns || formatAddress(wanted.seat.ipv4) !== formatAddress(seat.ipv4))) await stop()
      // What an agent before us had started knows nothing of us.
      if (wanted === undefined) await endStrays([seat.netns])
      wanted = { seat, state }
      const { promise, resolve } = Promise.withResolvers<string | undefined>()
      const timeout = setTimeout(() => resolve('the resolver has not answered in time'), answerMs)
      const next = serial + 1
      waiting = { serial: next, applied: false, done: resolve }
      if (child === undefined) {
        clearTimeout(timer)
        launch()
      } else tell(state)
      const problem = await promise
      clearTimeout(timeout)
      if (waiting.serial === next) waiting = undefined
      return problem
    },
    stop,
    running: () => child !== undefined,
    restarts: () => restarts,
  }
}

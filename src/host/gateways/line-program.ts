/**
 * A program of this project that runs confined in a gateway's namespace as a child of the agent, told and heard by one JSON
 * object a line. It ends with the agent, knows only what it was told, and is started again when it ends by itself.
 */
import { closeSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { messageOf } from '../../base/fault.ts'
import { start } from '../../base/process.ts'
import { processId, signal, until } from '../proc.ts'
import { filterPath } from '../supervise.ts'
import { systemFolders } from '../tasks.ts'
import { gatewayArguments } from './confine.ts'
import type { ChildProcess } from '../../base/process.ts'
import type { Setting } from '../setting.ts'
import type { GatewaySeat } from './places.ts'

export interface LineProgram {
  /** Runs in this seat from now on; nothing happens when it does. */
  readonly start: (seat: GatewaySeat) => void
  /** Lost when it does not run. */
  readonly say: (message: object) => void
  readonly stop: () => Promise<void>
  readonly running: () => boolean
  /** It does what it should: should it end, it is started again soon, and not ever later. */
  readonly well: () => void
  readonly restarts: () => number
}

export interface LineProgramParts {
  readonly setting: Setting
  readonly log: (text: string) => void
  /** Of its log, and in messages. */
  readonly name: string
  /** The file in `src/cli`. */
  readonly main: string
  readonly argv?: (seat: GatewaySeat) => readonly string[]
  /** Of its heap; the default would let garbage wait for the machine's whole memory. */
  readonly memoryMb: number
  readonly hear: (told: unknown) => void
  /** It has been started, and knows nothing yet. */
  readonly onStart: () => void
  /** What it was asked is not answered any more. */
  readonly onEnd: () => void
}

const root = join(import.meta.dirname, '../../..')
const app = '/opt/bulkhead/app'
const firstDelayMs = 100
const longestDelayMs = 10_000

export function createLineProgram({ setting, log, name, main, argv: argvOf = () => [], memoryMb, hear, onStart, onEnd }: LineProgramParts): LineProgram {
  let child: ChildProcess | undefined
  let wanted: GatewaySeat | undefined
  let delay = firstDelayMs
  let timer: NodeJS.Timeout | undefined
  let restarts = 0

  const launch = (): void => {
    if (wanted === undefined) return
    const said = openSync(join(setting.folder, 'log', `${name}.log`), 'a', 0o600)
    const filter = openSync(filterPath(setting.folder), 'r')
    const argv = gatewayArguments(setting, wanted, {
      argv: ['/opt/bulkhead/bin/node', `${app}/src/cli/${main}`, ...argvOf(wanted)],
      binds: [
        { from: dirname(process.execPath), to: '/opt/bulkhead/bin' },
        ...['package.json', 'src', 'node_modules'].map((part) => ({ from: join(root, part), to: `${app}/${part}` })),
      ],
      env: { NODE_OPTIONS: `--max-old-space-size=${memoryMb}` },
      told: false,
    }, systemFolders())
    const started = start(argv, { cwd: '/', stdio: ['pipe', 'pipe', said, 'ignore', filter], env: { PATH: process.env['PATH'] } })
    closeSync(said)
    closeSync(filter)
    child = started
    started.stdin?.on('error', () => undefined)
    if (started.stdout !== null) createInterface({ input: started.stdout }).on('line', (line) => {
      if (child !== started) return
      try {
        hear(JSON.parse(line))
      } catch (error) {
        log(`error: ${name} said what it should not: ${messageOf(error)}`)
      }
    })
    const ended = (): void => {
      if (child !== started) return
      child = undefined
      onEnd()
      if (wanted === undefined) return
      restarts++
      log(`${name} ended by itself and is started again`)
      timer = setTimeout(launch, delay)
      delay = Math.min(delay * 2, longestDelayMs)
    }
    started.once('error', ended)
    started.once('exit', ended)
    onStart()
  }

  return {
    start: (seat) => {
      wanted = seat
      if (child !== undefined) return
      clearTimeout(timer)
      launch()
    },
    say: (message) => void child?.stdin?.write(`${JSON.stringify(message)}\n`),
    stop: async () => {
      wanted = undefined
      clearTimeout(timer)
      const last = child
      child = undefined
      if (last === undefined) return
      onEnd()
      if (last.pid === undefined) return
      const id = processId(last.pid)
      last.stdin?.end()
      if (id === undefined || (await until(() => processId(id.pid)?.started !== id.started, 500))) return
      signal(id, 'SIGKILL')
    },
    running: () => child !== undefined,
    well: () => void (delay = firstDelayMs),
    restarts: () => restarts,
  }
}

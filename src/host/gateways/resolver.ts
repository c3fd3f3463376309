/**
 * The resolver's process, a child of the agent in a namespace of its own. It ends with the agent and knows only what the
 * agent has told it; while it is down, names are not answered and nothing new is admitted.
 */
import { messageOf } from '../../base/fault.ts'
import { formatAddress } from '../../net/address.ts'
import { endStrays } from '../leftovers.ts'
import { createLineProgram } from './line-program.ts'
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

const answerMs = 10_000

export function createResolverKeeper({ setting, log, admit, onRecords }: ResolverParts): ResolverKeeper {
  let wanted: { readonly seat: GatewaySeat; readonly state: ResolverState } | undefined
  let serial = 0
  let listening = false
  let waiting: { readonly serial: number; applied: boolean; readonly done: (problem: string | undefined) => void } | undefined

  const tell = ({ zones, upstream }: ResolverState): void => {
    serial++
    program.say({ kind: 'state', serial, zones, upstream: upstream.map(({ address, port }) => (address.family === 4 ? `${formatAddress(address)}:${port}` : `[${formatAddress(address)}]:${port}`)) })
  }

  const hear = (line: unknown): void => {
    const told = line as { readonly kind: string; readonly serial?: number; readonly reason?: string; readonly records?: number } & Record<string, unknown>
    switch (told.kind) {
      case 'ready':
        listening = true
        program.well()
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
          () => program.say({ kind: 'admitted', id: request.id }),
          (error: unknown) => program.say({ kind: 'not-admitted', id: request.id, reason: messageOf(error) }),
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

  const program = createLineProgram({
    setting, log, hear, name: 'resolver', main: 'resolver-main.ts', memoryMb: 256,
    argv: ({ ipv4, ipv6 }) => ['--listen', formatAddress(ipv4), '--listen', formatAddress(ipv6)],
    onStart: () => {
      listening = false
      if (wanted !== undefined) tell(wanted.state)
    },
    onEnd: () => waiting?.done('the resolver ended'),
  })

  const stop = async (): Promise<void> => {
    wanted = undefined
    await program.stop()
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
      if (program.running()) tell(state)
      else program.start(seat)
      const problem = await promise
      clearTimeout(timeout)
      if (waiting.serial === next) waiting = undefined
      return problem
    },
    stop,
    running: program.running,
    restarts: program.restarts,
  }
}

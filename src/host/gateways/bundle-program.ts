/** The process in the inbound gateway's namespace that serves our trust bundle and fetches those of Peers. */
import { Fault } from '../../base/fault.ts'
import { encodeBundle } from '../../identity/bundle.ts'
import { bundleOf } from '../../identity/bundle-exchange.ts'
import { createLineProgram } from './line-program.ts'
import type { ErrorCode } from '../../base/catalogue.ts'
import type { fetchBundle } from '../../identity/bundle-fetch.ts'
import type { BundleOrder, BundleReport } from '../../identity/bundle-lines.ts'
import type { Setting } from '../setting.ts'
import type { GatewaySeat } from './places.ts'

export type Serving = Omit<Extract<BundleOrder, { kind: 'serve' }>, 'kind' | 'id'>

export interface BundleProgram {
  readonly start: (seat: GatewaySeat) => void
  readonly stop: () => Promise<void>
  /** From now on, and again when the process is another; `undefined` for nothing. The text says why it is not served. */
  readonly serve: (what: Serving | undefined) => Promise<string | undefined>
  /** Asks these servers for names. */
  readonly fetch: (nameServers: readonly string[]) => typeof fetchBundle
}

const answerMs = 30_000

export function createBundleProgram(setting: Setting, log: (text: string) => void): BundleProgram {
  const waiting = new Map<number, (report: BundleReport | undefined) => void>()
  let last = 0
  let wanted: Serving | undefined
  let told: string | undefined
  let problem: string | undefined

  const program = createLineProgram({
    setting, log, name: 'bundles', main: 'bundles-main.ts', memoryMb: 128,
    hear: (line) => {
      const report = line as BundleReport
      program.well()
      waiting.get(report.id)?.(report)
    },
    onStart: () => {
      told = undefined
      if (wanted !== undefined) void serve(wanted).then((why) => (why === undefined ? undefined : log(`error: ${why}`)))
    },
    onEnd: () => {
      for (const hear of waiting.values()) hear(undefined)
    },
  })

  /** `undefined` when nobody answered. */
  const ask = async (order: (id: number) => BundleOrder): Promise<BundleReport | undefined> => {
    const id = ++last
    const { promise, resolve } = Promise.withResolvers<BundleReport | undefined>()
    const late = setTimeout(() => resolve(undefined), answerMs)
    waiting.set(id, resolve)
    program.say(order(id))
    if (!program.running()) resolve(undefined)
    try {
      return await promise
    } finally {
      clearTimeout(late)
      waiting.delete(id)
    }
  }

  const serve = async (what: Serving | undefined): Promise<string | undefined> => {
    wanted = what
    const text = JSON.stringify(what ?? null)
    if (text === told) return problem
    told = text
    const report = await ask((id) => (what === undefined ? { kind: 'serve-nothing', id } : { kind: 'serve', id, ...what }))
    const why = report?.kind === 'serving' ? undefined : report?.kind === 'not-serving' ? report.reason : 'the trust bundle is not served: its process does not answer'
    if (told !== text) return undefined
    // What failed is tried again the next time.
    if (why !== undefined) told = undefined
    return (problem = why)
  }

  return {
    start: program.start,
    stop: async () => {
      wanted = undefined
      await program.stop()
    },
    serve,
    fetch: (nameServers) => async (endpoint, { bundles, signal }) => {
      const held = [...bundles].map(([trustDomain, bundle]) => ({ trustDomain, document: encodeBundle(bundle) }))
      let asked = 0
      const forget = (): void => program.say({ kind: 'forget', id: asked })
      signal?.addEventListener('abort', forget, { once: true })
      const report = await ask((id) => ({ kind: 'fetch', id: (asked = id), endpoint, held, nameServers }))
      signal?.removeEventListener('abort', forget)
      if (report?.kind === 'fetched') return bundleOf({ trustDomain: endpoint.trustDomain, document: report.document })
      if (report?.kind === 'not-fetched') throw new Fault(report.code as ErrorCode, report.reason, report.help === undefined ? {} : { help: report.help })
      throw new Fault('bundle-unreachable', `the bundle of \`${endpoint.trustDomain}\` cannot be fetched: nothing fetches bundles while the inbound gateway does not run`)
    },
  }
}

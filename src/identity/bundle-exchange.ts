/** Serves one trust bundle and fetches others, as an agent orders: it keeps nothing and decides nothing about trust. */
import { Resolver } from 'node:dns'
import { readFileSync } from 'node:fs'
import { systemClock } from '../base/clock.ts'
import { Fault, isFault, messageOf } from '../base/fault.ts'
import { decodeBundle, encodeBundle } from './bundle.ts'
import { fetchBundle } from './bundle-fetch.ts'
import { serveBundle } from './bundle-server.ts'
import type { LookupFunction } from 'node:net'
import type { TrustBundle } from './bundle.ts'
import type { BundleOrder, BundleReport, BundleText } from './bundle-lines.ts'
import type { BundleServer } from './bundle-server.ts'

export interface BundleExchange {
  readonly order: (order: BundleOrder) => void
  readonly stop: () => Promise<void>
}

type Serve = Extract<BundleOrder, { kind: 'serve' }>

/** `webAuthoritiesFile` (PEM) vouches for endpoints of the web where it exists, and is read for every fetch; else those that Node comes with do. */
export function createBundleExchange(say: (report: BundleReport) => void, webAuthoritiesFile: string): BundleExchange {
  const fetching = new Map<number, AbortController>()
  let servers: readonly BundleServer[] = []
  let served: { order: Serve; bundle: TrustBundle } | undefined
  let turn: Promise<void> = Promise.resolve()

  const close = async (): Promise<void> => {
    const before = servers
    servers = []
    served = undefined
    await Promise.all(before.map((server) => server.stop()))
  }

  const serve = async (order: Serve): Promise<void> => {
    const bundle = bundleOf(order.bundle)
    if (served !== undefined && served.order.port === order.port && served.order.listen.join() === order.listen.join()) {
      served = { order, bundle }
      for (const server of servers) server.renew()
      return
    }
    await close()
    const now = (served = { order, bundle })
    const current = (): typeof now => served ?? now
    try {
      for (const host of order.listen) {
        // Whoever answers, the proof is a certificate and its key; of which kind is for the caller to know.
        const profile = { kind: 'https_web', certificate: () => ({ chain: current().order.chain, key: current().order.key }) } as const
        servers = [...servers, await serveBundle({ bundle: () => current().bundle, profile, host, port: order.port })]
      }
    } catch (error) {
      await close()
      throw error
    }
  }

  const inTurn = (id: number, work: () => Promise<void>): void => {
    turn = turn.then(work).then(() => say({ kind: 'serving', id }), (error: unknown) => say({ kind: 'not-serving', id, reason: messageOf(error) }))
  }

  const fetchOne = async ({ id, endpoint, held, nameServers }: Extract<BundleOrder, { kind: 'fetch' }>): Promise<void> => {
    const gone = new AbortController()
    fetching.set(id, gone)
    try {
      const bundles = new Map(held.map((text) => [text.trustDomain, bundleOf(text)]))
      const web = endpoint.profile === 'https_web' ? authoritiesIn(webAuthoritiesFile) : undefined
      const bundle = await fetchBundle(endpoint, {
        bundles, now: systemClock(), signal: gone.signal, ...(nameServers.length === 0 ? {} : { lookup: lookupBy(nameServers) }), ...(web === undefined ? {} : { webAuthorities: [web] }),
      })
      say({ kind: 'fetched', id, document: encodeBundle(bundle) })
    } catch (error) {
      const help = isFault(error) ? error.help : undefined
      say({ kind: 'not-fetched', id, code: isFault(error) ? error.code : 'bundle-unreachable', reason: messageOf(error), ...(help === undefined ? {} : { help }) })
    } finally {
      fetching.delete(id)
    }
  }

  return {
    order: (order) => {
      switch (order.kind) {
        case 'serve': return inTurn(order.id, () => serve(order))
        case 'serve-nothing': return inTurn(order.id, close)
        case 'fetch': return void fetchOne(order)
        case 'forget': return fetching.get(order.id)?.abort()
      }
    },
    stop: async () => {
      for (const gone of fetching.values()) gone.abort()
      await (turn = turn.then(close))
    },
  }
}

export function bundleOf({ trustDomain, document }: BundleText): TrustBundle {
  const bundle = decodeBundle(Buffer.from(document), trustDomain)
  if (bundle.kind === 'refused') throw new Fault('bundle-refused', `the bundle of \`${trustDomain}\` is not accepted: ${bundle.reason}`)
  return bundle
}

function authoritiesIn(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Asks these servers, and neither a file nor anybody else. */
function lookupBy(servers: readonly string[]): LookupFunction {
  return (hostname, options, done) => {
    const resolver = new Resolver({ timeout: 2000, tries: 2 })
    resolver.setServers(servers)
    const ask = (family: 4 | 6): Promise<readonly { readonly address: string; readonly family: number }[]> => {
      const { promise, resolve } = Promise.withResolvers<readonly { readonly address: string; readonly family: number }[]>()
      const hear = (error: Error | null, addresses: readonly string[]): void => resolve(error === null ? addresses.map((address) => ({ address, family })) : [])
      if (family === 4) resolver.resolve4(hostname, hear)
      else resolver.resolve6(hostname, hear)
      return promise
    }
    void Promise.all([ask(4), ask(6)]).then((found) => {
      const all = found.flat()
      const [first] = all
      if (first === undefined) done(Object.assign(new Error(`no address of \`${hostname}\` is known`), { code: 'ENOTFOUND' }), [])
      else if (options.all === true) done(null, [...all])
      else done(null, first.address, first.family)
    })
  }
}

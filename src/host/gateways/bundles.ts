/**
 * Trust between platforms: ours is served at the inbound gateway, that of Peers is fetched from there, and whoever is no
 * Peer any more is not trusted. What is trusted is decided here; the process in the namespace only carries.
 */
import { readFileSync, watch } from 'node:fs'
import { formatInstant, systemClock } from '../../base/clock.ts'
import { messageOf } from '../../base/fault.ts'
import { encodeBundle } from '../../identity/bundle.ts'
import { keepBundlesFresh } from '../../identity/bundle-refresh.ts'
import { openBundleStore } from '../../identity/bundle-store.ts'
import { identityPlaces } from '../../identity/places.ts'
import { bundleEndpointSpiffeId } from '../../identity/spiffe-id.ts'
import { formatAddress } from '../../net/address.ts'
import { createBundleProgram } from './bundle-program.ts'
import type { Authority } from '../../identity/authority.ts'
import type { TrustBundle } from '../../identity/bundle.ts'
import type { BundleRefresh } from '../../identity/bundle-refresh.ts'
import type { BundleStore } from '../../identity/bundle-store.ts'
import type { Svid } from '../../identity/svid.ts'
import type { Platform } from '../../model/platform.ts'
import type { InForce } from '../enforce.ts'
import type { PeerStatus } from '../report.ts'
import type { Setting } from '../setting.ts'
import type { Serving } from './bundle-program.ts'
import type { GatewaySeat } from './places.ts'

export interface BundleKeeper {
  /** Whom the documents make a Peer is trusted, by what is held of it, and nobody else. */
  readonly trust: (platform: Platform) => void
  readonly trusted: () => ReadonlyMap<string, TrustBundle>
  /** Serves and fetches from the seat of the inbound gateway, if there is one; the text says why ours is not served. */
  readonly settle: (next: InForce, seat: GatewaySeat | undefined) => Promise<string | undefined>
  /** Our own bundle, or the proof of its endpoint, may be another. */
  readonly renew: () => void
  readonly status: () => readonly PeerStatus[]
  readonly stop: () => Promise<void>
}

interface Held {
  readonly store: BundleStore
  readonly refresh: BundleRefresh
  readonly close: () => void
}

/** `onChange` is called when the bundle of a Peer is another. Nothing is opened or written before there is a Peer. */
export function createBundles(setting: Setting, authority: () => Authority | undefined, onChange: () => void, log: (text: string) => void): BundleKeeper {
  const program = createBundleProgram(setting, log)
  let held: Held | undefined
  let platform: Platform | undefined
  let listen: readonly string[] = []
  let nameServers: readonly string[] = []
  let own: { readonly by: Authority; readonly svid: Svid } | undefined
  let said: string | undefined
  /** There is somewhere to fetch from. */
  const begun = Promise.withResolvers<void>()

  const open = (): Held => {
    const folder = identityPlaces(setting.folder).bundles
    const store = openBundleStore(folder)
    const problems = new Map<string, string>()
    const refresh = keepBundlesFresh({
      store,
      fetch: async (endpoint, options) => {
        await begun.promise
        return program.fetch(nameServers)(endpoint, options)
      },
      onChange: (trustDomain) => {
        log(`the bundle of \`${trustDomain}\` has changed`)
        problems.delete(trustDomain)
        onChange()
      },
      onProblem: (trustDomain, error) => {
        // Once: an endpoint may be down for long.
        if (problems.get(trustDomain) !== messageOf(error)) log(`error: ${messageOf(error)}`)
        problems.set(trustDomain, messageOf(error))
      },
    })
    // What an operator gives by hand holds at once.
    const watcher = watch(folder, { persistent: false }, () => {
      try {
        const changed = store.reload()
        if (changed.length > 0) onChange()
        for (const trustDomain of changed) void refresh.refresh(trustDomain)
      } catch (error) {
        log(`error: the bundles of Peers: ${messageOf(error)}`)
      }
    })
    return { store, refresh, close: () => watcher.close() }
  }

  /** Of our own endpoint: files of the administrator, or an SVID that is replaced when half of it is used up. */
  const proofOf = (by: Authority, { gateway }: Platform): { readonly chain: string; readonly key: string } => {
    const files = gateway?.bundleCertificate
    if (files !== undefined) return { chain: readFileSync(files.certificateFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') }
    const good = own?.by === by && systemClock() < (own.svid.notBefore + own.svid.notAfter) / 2 ? own : undefined
    const { svid } = (own = good ?? { by, svid: by.issue(bundleEndpointSpiffeId(by.trustDomain)) })
    return { chain: svid.chain, key: svid.key.reveal() }
  }

  const serving = (): Serving | undefined => {
    const by = authority()
    if (platform?.gateway === undefined || by === undefined || platform.peers.size === 0) return undefined
    return { bundle: { trustDomain: by.trustDomain, document: encodeBundle(by.bundle()) }, listen, port: platform.gateway.bundlePort, ...proofOf(by, platform) }
  }

  const serve = async (): Promise<string | undefined> => {
    try {
      return await program.serve(serving())
    } catch (error) {
      return `the trust bundle is not served: ${messageOf(error)}`
    }
  }

  return {
    trust: (next) => {
      platform = next
      if (next.peers.size === 0 && held === undefined) return
      held ??= open()
      held.refresh.set([...next.peers.values()].map((peer) => ({ trustDomain: peer.trustDomain, ...peer.bundleEndpoint })))
    },
    trusted: () => held?.refresh.trusted() ?? new Map(),
    settle: async ({ plan: { inventory } }, seat) => {
      if (seat === undefined || held === undefined || platform?.peers.size === 0) {
        listen = []
        await program.stop()
        return undefined
      }
      const resolver = inventory.gateways?.resolver
      nameServers = resolver === undefined ? [] : [formatAddress(resolver.ipv4), formatAddress(resolver.ipv6)]
      listen = [formatAddress(seat.ipv4), formatAddress(seat.ipv6)]
      program.start(seat)
      begun.resolve()
      const problem = await serve()
      for (const { trustDomain, fetched } of held.refresh.status()) if (fetched === undefined) void held.refresh.refresh(trustDomain)
      return problem
    },
    renew: () => {
      if (listen.length === 0) return
      void serve().then((problem) => {
        if (problem !== undefined && problem !== said) log(`error: ${problem}`)
        said = problem
      })
    },
    status: () => {
      if (held === undefined) return []
      const { store, refresh } = held
      const peers = refresh.status().map(({ trustDomain, fetched, problem }): PeerStatus => {
        const stored = store.get(trustDomain)
        return {
          trustDomain, known: stored !== undefined, sequence: stored?.bundle.sequence?.toString(), fetched: fetched === undefined ? undefined : formatInstant(fetched), problem,
        }
      })
      return peers.sort((a, b) => (a.trustDomain < b.trustDomain ? -1 : 1))
    },
    stop: async () => {
      held?.refresh.stop()
      held?.close()
      await program.stop()
    },
  }
}

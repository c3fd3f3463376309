/**
 * Gateways and resolver as running parts of a host: their networks before any workload, their processes after the kernel has
 * taken a set, and nothing is called enforced before each of them has taken it too.
 */
import { unwatchFile, watchFile } from 'node:fs'
import { authorities } from '../sandbox.ts'
import { gatewaySeats } from './places.ts'
import { createAdmissions } from './admissions.ts'
import { enforceGatewayNetworks } from './network.ts'
import { createEnvoys } from './envoys.ts'
import { createResolverKeeper } from './resolver.ts'
import { createBundles } from './bundles.ts'
import { endStrays } from '../leftovers.ts'
import type { NameVerdict } from '../../engines/dns/records.ts'
import type { InForce } from '../enforce.ts'
import type { FailedPlace, GatewayEnding, GatewayStatus, PeerStatus } from '../report.ts'
import type { Setting } from '../setting.ts'
import type { TableKeeper } from '../table-keeper.ts'
import type { Identities } from './identities.ts'

type Links = ReadonlyMap<string, Readonly<Record<string, unknown>>>

export interface GatewayKeeper {
  /** Makes and removes their networks. Those that failed are told; their paths stay closed. */
  readonly networks: (next: InForce, links: Links) => Promise<readonly FailedPlace[]>
  /** Each one has taken the set when this resolves: Envoys first, then the resolver, so that nobody is told a name that leads nowhere. */
  readonly settle: (next: InForce, failed: readonly FailedPlace[]) => Promise<readonly FailedPlace[]>
  /** An identity has been renewed, or whom we trust. */
  readonly renew: () => void
  readonly status: (inForce: InForce | undefined) => readonly GatewayStatus[]
  /** Connections that changes have ended there since this was asked before. */
  readonly takeEnded: () => readonly GatewayEnding[]
  /** Whose identities are believed, by which bundle. */
  readonly peers: () => readonly PeerStatus[]
  /** Ends everything that runs. */
  readonly stop: () => Promise<void>
  /** Ends what cannot do without this agent; the rest is for the next one. */
  readonly release: () => Promise<void>
}

const renewMs = 30_000
const authoritiesMs = 2_000

export interface GatewayParts {
  readonly setting: Setting
  readonly keeper: TableKeeper
  readonly log: (text: string) => void
  readonly current: () => InForce | undefined
  readonly identities: Identities
  readonly onNames: (records: readonly NameVerdict[]) => void
}

export function createGateways({ setting, keeper, log, current, identities, onNames }: GatewayParts): GatewayKeeper {
  const admissions = createAdmissions(keeper)
  const resolver = createResolverKeeper({ setting, log, admit: (request) => admissions.admit(request, current()?.plan.inventory), onRecords: onNames })
  const bundles = createBundles(setting, identities.authority, () => envoys.renew(), log)
  const envoys = createEnvoys(setting, {
    authority: identities.authority, svidOf: identities.svidOf, serverFor: identities.serverFor, kept: `${setting.folder}/identity/seals`,
    bundles: bundles.trusted,
  }, log)
  // Files of the machine's administrator change without notice.
  const timer = setInterval(() => {
    envoys.renew()
    bundles.renew()
  }, renewMs)
  timer.unref()
  watchFile(authorities, { interval: authoritiesMs, persistent: false }, envoys.renew)
  const nameOf = (netns: string): string => netns.slice(setting.prefix.length)

  return {
    networks: (next, links) => enforceGatewayNetworks(next, setting, links, async (netns) => {
      if (nameOf(netns) === 'resolver') await resolver.stop()
      else await envoys.interrupt(nameOf(netns))
      await endStrays([netns])
    }),
    settle: async (next, failed) => {
      const seats = gatewaySeats(next.plan.inventory.gateways, setting.prefix).filter((s) => !failed.some((f) => f.place === nameOf(s.netns)))
      const problems: FailedPlace[] = []
      const seat = seats.find((s) => s.name === 'resolver')
      // Who is no Peer any more vouches for nobody from here on.
      bundles.trust(next.set.platform)
      for (const [place, reason] of await envoys.settle(seats, next.served.envoy)) problems.push({ place, reason })
      await admissions.retain(next.served.zones, next.plan.inventory)
      if (seat === undefined || next.served.zones === undefined) await resolver.stop()
      else {
        const problem = await resolver.serve(seat, { zones: next.served.zones, upstream: next.plan.inventory.gateways?.resolver?.upstream ?? [] })
        if (problem !== undefined) problems.push({ place: 'resolver', reason: problem })
      }
      const unserved = await bundles.settle(next, seats.find((s) => s.name === 'inbound'))
      if (unserved !== undefined) problems.push({ place: 'gateway-in', reason: unserved })
      return problems
    },
    renew: () => {
      envoys.renew()
      bundles.renew()
    },
    takeEnded: envoys.takeEnded,
    peers: bundles.status,
    status: (inForce) => {
      const tasks = envoys.status()
      return gatewaySeats(inForce?.plan.inventory.gateways, setting.prefix).map((seat): GatewayStatus => {
        const gateway = nameOf(seat.netns)
        const task = tasks.find((t) => t.key === gateway)
        const resolves = seat.name === 'resolver'
        return { gateway, netns: seat.netns, running: resolves ? resolver.running() : task?.state === 'running', restarts: resolves ? resolver.restarts() : (task?.restarts ?? 0) }
      })
    },
    stop: async () => {
      clearInterval(timer)
      unwatchFile(authorities, envoys.renew)
      await Promise.all([resolver.stop(), envoys.stop(), bundles.stop()])
    },
    release: async () => {
      clearInterval(timer)
      unwatchFile(authorities, envoys.renew)
      envoys.release()
      await Promise.all([resolver.stop(), bundles.stop()])
    },
  }
}

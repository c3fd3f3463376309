/**
 * Brings one host to a checked set of documents, in the order that never opens a closed path: numbers on disk, table, then
 * interfaces, then the connections that lost their path, then processes.
 */
import { existsSync, readdirSync } from 'node:fs'
import { messageOf } from '../base/fault.ts'
import { findEnvoy, withoutEnvoy } from '../engines/envoy/binary.ts'
import { render as renderBrokers } from '../engines/nats/render.ts'
import { assignGroups } from '../engines/nftables/ids.ts'
import { uplinkGroup } from '../engines/nftables/inventory.ts'
import { lower } from '../engines/nftables/lower.ts'
import { compareText } from '../base/location.ts'
import { brokerInventory } from './broker-places.ts'
import { gatewayNeeds, takesEnvoy } from './gateways/needs.ts'
import { serve } from './gateways/serve.ts'
import { gatewaysToJson } from './gateways/state.ts'
import { machineServers } from './gateways/upstream.ts'
import { ipBatch, ipBatchForce, ipJson } from './ip.ts'
import { makeOutside, routeOutside } from './outside.ts'
import { dropSeat, makeSeat, routerLines } from './place.ts'
import { dropOwned, isOwned } from './own-userns.ts'
import { usernsOf } from './tasks.ts'
import { releaseInterface, takeInterface } from './tap.ts'
import { planHost, uplinkInterface } from './plan.ts'
import { hasIds, saveIds, saveInventory, saveSlots } from './memory.ts'
import { thisHost } from './this-host.ts'
import { groupOf } from './topology.ts'
import type { NatsArtefacts } from '../engines/nats/render.ts'
import type { Atoms } from '../engines/nftables/atoms.ts'
import type { IdTable } from '../engines/nftables/ids.ts'
import type { CheckedSet } from './documents.ts'
import type { Place, Plan } from './plan.ts'
import type { Served } from './gateways/serve.ts'
import type { EngineRefusal } from './refused.ts'
import type { FailedPlace } from './report.ts'
import type { Setting } from './setting.ts'
import type { SlotTable } from './slots.ts'

/** Everything that is in force on this host. */
export interface InForce {
  readonly set: CheckedSet
  readonly plan: Plan
  readonly atoms: Atoms
  readonly ids: IdTable
  readonly served: Served
  readonly brokers: NatsArtefacts
  readonly refused: readonly EngineRefusal[]
}

export interface Numbers {
  readonly ids: IdTable
  readonly slots: SlotTable
}

/** Works out what should be in force; writes the numbers down before anything uses them. */
export function design(set: CheckedSet, numbers: Numbers, setting: Setting, now: number): InForce {
  const grouped = assignGroups(numbers.ids, set.platform)
  const envoy = findEnvoy() !== undefined
  const gateways = gatewayNeeds(set.platform, set.intent, now, envoy)
  const plan = planHost(set.platform, set.intent, grouped.groups, numbers.slots, { prefix: setting.prefix, uplink: true, name: thisHost(setting.folder), gateways, upstream: gateways.resolver ? machineServers() : [] })
  const lowered = lower(set.platform, set.intent, plan.inventory, grouped, now)
  // At a hundred thousand policies the numbers are megabytes, and most changes give no new ones.
  if (lowered.ids !== numbers.ids || !hasIds(setting.folder)) saveIds(setting.folder, lowered.ids)
  saveSlots(setting.folder, plan.slots)
  saveInventory(setting.folder, plan.inventory)
  const served = serve(set, plan, now)
  const brokers = renderBrokers(set.platform, set.intent, brokerInventory(plan.inventory.brokers ?? []), { now })
  const refused = [...lowered.refused.map(({ path, code, reason }): EngineRefusal => (
    envoy || !takesEnvoy(set.platform, path) ? { engine: 'nftables', path, code, reason } : { engine: 'envoy', path, code: 'no-envoy', reason: withoutEnvoy }
  )), ...served.refused, ...brokerRefusals(brokers)]
  return { set, plan, atoms: lowered.atoms, ids: lowered.ids, served, brokers, refused }
}

/** A broker that is not here at all has been refused by the kernel's engine already. */
function brokerRefusals({ refused }: NatsArtefacts): readonly EngineRefusal[] {
  return refused.flatMap(({ path, code, reason }): EngineRefusal[] => (code === 'no-broker' ? [] : [{ engine: 'nats', path, code, reason }]))
}

/** True when the same interfaces have the same identities and addresses: then a change is one of paths alone. */
export function samePlaces(a: Plan, b: Plan): boolean {
  if (JSON.stringify(gatewaysToJson(a.inventory.gateways)) !== JSON.stringify(gatewaysToJson(b.inventory.gateways))) return false
  const text = (plan: Plan): string => plan.places.map((p) => `${p.key} ${p.interface} ${p.group} ${p.ipv4.bits} ${p.ipv6.bits} ${p.netns} ${p.start.kind === 'run' && p.start.privileged}`).join()
  return text(a) === text(b)
}

export type Links = ReadonlyMap<string, Readonly<Record<string, unknown>>>

/** Gives every standing interface its group: from here on it has the new identity, also when a phase has changed. Gives the interfaces. */
export async function enforceGroups(next: InForce): Promise<Links> {
  const links = new Map((await ipJson(['link', 'show'])).map((l) => [String(l['ifname']), l]))
  await ipBatch(
    next.plan.places.flatMap((p) => {
      const link = links.get(p.interface)
      return link === undefined || groupOf(link) === p.group ? [] : [`link set dev ${p.interface} group ${p.group}`]
    }),
  )
  return links
}

const atOnce = 4

/**
 * Makes the places that are missing and removes those that are not wanted. One that fails is taken back and reported; the rest
 * go on. `interrupt` ends whoever is still in a place that is made anew: a process stays in the network that it was started in.
 */
export async function enforcePlaces(next: InForce, setting: Setting, links: Links, interrupt: (key: string) => Promise<void>): Promise<readonly FailedPlace[]> {
  if (setting.mode === 'sandbox') {
    await makeOutside()
    await routeOutside(next.set.platform)
  } else await ipBatchForce([`link set dev ${uplinkInterface} group ${uplinkGroup} up`])
  const { places } = next.plan
  const wanted = new Set(places.map((p) => p.interface))
  for (const name of links.keys()) {
    // With `n` one that was never ready, with `x` an end that was on its way into a namespace.
    if (!/^bhw\d+[nx]?$/.test(name) || wanted.has(name)) continue
    if (!(await releaseInterface(name))) await ipBatchForce([`link del dev ${name}`])
  }
  const stale = ownNetns(setting).filter((name) => !places.some((p) => p.netns === name))
  await ipBatchForce(stale.map((name) => `netns del ${name}`))
  for (const name of stale) await dropOwned(name)
  const standing = places.filter(
    (p) => p.start.kind !== 'attach-interface' && links.get(p.interface)?.['address'] === p.routerMac && (p.start.kind !== 'run' || isOwned(p.netns, usernsOf(setting, p))),
  )
  const ipv6 = existsSync('/proc/sys/net/ipv6')
  await ipBatch(standing.flatMap((p) => routerLines(p, ipv6)))
  const missing = places.filter((p) => !standing.includes(p))
  const failed: FailedPlace[] = []
  const worker = async (): Promise<void> => {
    for (let place = missing.shift(); place !== undefined; place = missing.shift()) {
      if (place.start.kind === 'run') await interrupt(place.key)
      const reason = await tryPlace(place, links.has(place.interface), setting)
      if (reason !== undefined) failed.push({ place: place.key, reason })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return failed.sort((a, b) => compareText(a.place, b.place))
}

/** `undefined` when the place stands. */
async function tryPlace(place: Place, there: boolean, setting: Setting): Promise<string | undefined> {
  const ownNetns = place.start.kind === 'run'
  try {
    if (place.start.kind === 'attach-interface') await takeInterface(place, place.start.interface, there)
    else await makeSeat(place, { ownNetns, userns: usernsOf(setting, place) })
    return undefined
  } catch (error) {
    if (place.start.kind !== 'attach-interface') await dropSeat(place, { ownNetns })
    return messageOf(error)
  }
}

export function netnsNames(): readonly string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns') : []
}

/** Places are named `PREFIXenclave.workload.replica`; `outside` and the router are not. */
function ownNetns(setting: Setting): readonly string[] {
  return netnsNames().filter((n) => n.startsWith(setting.prefix) && /^[a-z0-9-]+\.[a-z0-9-]+\.\d+$/.test(n.slice(setting.prefix.length)))
}

/**
 * Brings one host to a checked set of documents, in the order that never opens a closed path: numbers on disk, table, then
 * interfaces, then the connections that lost their path, then processes.
 */
import { existsSync, readdirSync } from 'node:fs'
import { messageOf } from '../base/fault.ts'
import { applyRuleset } from '../engines/nftables/apply.ts'
import { delta } from '../engines/nftables/delta.ts'
import { assignGroups, documentsOf } from '../engines/nftables/ids.ts'
import { uplinkGroup } from '../engines/nftables/inventory.ts'
import { lower } from '../engines/nftables/lower.ts'
import { permits } from '../engines/nftables/permits.ts'
import { render } from '../engines/nftables/render.ts'
import { formatAddress } from '../net/address.ts'
import { compareText } from '../base/location.ts'
import { isProtocol } from '../net/protocol.ts'
import { listConnections } from './conntrack.ts'
import { cutConnections } from './cut.ts'
import { ipBatch, ipBatchForce, ipJson } from './ip.ts'
import { makeOutside, routeOutside } from './outside.ts'
import { dropSeat, makeSeat, routerLines } from './place.ts'
import { dropOwned, isOwned } from './own-userns.ts'
import { usernsOf } from './tasks.ts'
import { releaseInterface, takeInterface } from './tap.ts'
import { planHost, uplinkInterface } from './plan.ts'
import { saveIds, saveInventory, saveSlots } from './memory.ts'
import { groupOf } from './topology.ts'
import type { Atoms } from '../engines/nftables/atoms.ts'
import type { Refusal } from '../engines/nftables/capabilities.ts'
import type { IdTable } from '../engines/nftables/ids.ts'
import type { CheckedSet } from './documents.ts'
import type { Connection } from './conntrack.ts'
import type { Place, Plan } from './plan.ts'
import type { EndedConnection, FailedPlace } from './report.ts'
import type { SlotTable } from './slots.ts'

/** Everything that is in force on this host. */
export interface InForce {
  readonly set: CheckedSet
  readonly plan: Plan
  readonly atoms: Atoms
  readonly ids: IdTable
  readonly refused: readonly Refusal[]
}

export interface Numbers {
  readonly ids: IdTable
  readonly slots: SlotTable
}

export interface Setting {
  readonly folder: string
  readonly mode: 'sandbox' | 'host'
  /** What our named namespaces begin with: nothing in a sandbox, which has no others. */
  readonly prefix: string
}

/** Works out what should be in force; writes the numbers down before anything uses them. */
export function design(set: CheckedSet, numbers: Numbers, setting: Setting, now: number): InForce {
  const grouped = assignGroups(numbers.ids, set.platform)
  const plan = planHost(set.platform, set.intent, grouped.groups, numbers.slots, { prefix: setting.prefix, uplink: true })
  const lowered = lower(set.platform, set.intent, plan.inventory, grouped, now)
  saveIds(setting.folder, lowered.ids)
  saveSlots(setting.folder, plan.slots)
  saveInventory(setting.folder, plan.inventory)
  return { set, plan, atoms: lowered.atoms, ids: lowered.ids, refused: lowered.refused }
}

/** Loads the table: by element changes when the one before is known to be live, else whole. Atomic either way. */
export async function enforceTable(before: InForce | undefined, next: InForce, now: number): Promise<void> {
  const change = before === undefined ? undefined : delta(sided(before), sided(next), { now })
  const text = change ?? render(next.atoms, next.plan.inventory, { now })
  if (text !== '') await applyRuleset(text)
}

function sided(f: InForce): { readonly atoms: Atoms; readonly inventory: Plan['inventory'] } {
  return { atoms: f.atoms, inventory: f.plan.inventory }
}

type Links = ReadonlyMap<string, Readonly<Record<string, unknown>>>

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

/** Makes the places that are missing and removes those that are not wanted. One that fails is taken back and reported; the rest go on. */
export async function enforcePlaces(next: InForce, setting: Setting, links: Links): Promise<readonly FailedPlace[]> {
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

/** Ends what lost its path: every connection in the kernel that the atoms do not permit. */
export async function enforceConnections(next: InForce): Promise<readonly EndedConnection[]> {
  const ends = new Map<string, { readonly group: number; readonly netns: string | undefined }>()
  for (const p of next.plan.places) for (const a of [p.ipv4, p.ipv6]) ends.set(formatAddress(a), { group: p.group, netns: p.netns })
  for (const a of next.plan.inventory.attachments) {
    const group = next.plan.inventory.groups.get(`${a.workload}@${a.phase}`) ?? 0
    for (const x of [a.ipv4, a.ipv6]) if (!ends.has(formatAddress(x))) ends.set(formatAddress(x), { group, netns: undefined })
  }
  const doomed = (await listConnections()).filter((c) => !isPermitted(next.atoms, c, (address) => ends.get(address)?.group ?? uplinkGroup))
  if (doomed.length === 0) return []
  const cut = await cutConnections(doomed, (address) => ends.get(address)?.netns)
  // What live verification left behind goes too, and is nobody's loss.
  const shadows = new Set(next.plan.inventory.attachments.filter((a) => a.probe).flatMap((a) => [formatAddress(a.ipv4), formatAddress(a.ipv6)]))
  return cut.filter((c) => !shadows.has(c.source) && !shadows.has(c.destination)).map((c) => ({ ...c, documents: documentsOf(next.ids, c.mark) }))
}

/** Protocols that no policy can name have no path. */
function isPermitted(atoms: Atoms, c: Connection, groupOf: (address: string) => number): boolean {
  if (!isProtocol(c.protocol)) return false
  return permits(atoms, { protocol: c.protocol, iifgroup: groupOf(formatAddress(c.original.source)), oifgroup: groupOf(formatAddress(c.reply.source)), original: c.original, reply: c.reply }) !== undefined
}

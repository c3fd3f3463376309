/** What the engines make of a set on this host, as texts: what kernel, Envoys, resolver and brokers are given. No secret is among them. */
import { canonicalJson } from '../../base/canonical-json.ts'
import { render as renderBrokers } from '../../engines/nats/render.ts'
import { assignGroups, noIds } from '../../engines/nftables/ids.ts'
import { lower } from '../../engines/nftables/lower.ts'
import { render } from '../../engines/nftables/render.ts'
import { brokerInventory } from '../../host/broker-places.ts'
import { gatewayNeeds, standingGateways } from '../../host/gateways/needs.ts'
import { envoyInventory, serve } from '../../host/gateways/serve.ts'
import { loadIds, loadInventory, loadSlots } from '../../host/memory.ts'
import { planHost } from '../../host/plan.ts'
import { compareGateway } from '../../verify/gateways.ts'
import type { CheckedSet } from '../../host/documents.ts'

export interface Artefacts {
  /** By file name. */
  readonly files: ReadonlyMap<string, string>
  /** The gateways' files compared with the documents by the second opinion; what differs, in words. */
  readonly equivalence: readonly { readonly what: string; readonly compared: number; readonly planned: number; readonly differences: readonly string[] }[]
  /** Paths that no engine carries here. */
  readonly refused: readonly string[]
}

const comparingMs = 1_000

/** With the numbers of `folder` where the set is in force there, else with fresh ones. */
export function artefactsOf(set: CheckedSet, folder: string, inForce: boolean, now: number): Artefacts {
  const { platform, intent } = set
  const standing = inForce ? loadInventory(folder) : undefined
  const ids = inForce ? loadIds(folder) : assignGroups(noIds, platform)
  const gateways = standing === undefined ? gatewayNeeds(platform, intent, now, true) : standingGateways(standing)
  const plan = planHost(platform, intent, ids.groups, loadSlots(inForce ? folder : '/nonexistent'), { prefix: '', uplink: true, gateways, upstream: standing?.gateways?.resolver?.upstream ?? [] })
  const lowered = lower(platform, intent, plan.inventory, ids, now)
  const files = new Map([['nftables/bulkhead.nft', render(lowered.atoms, plan.inventory, { now })]])
  const served = serve(set, plan, now)
  if (served.zones !== undefined) files.set('dns/zones.json', `${canonicalJson(served.zones, 1)}\n`)
  for (const [workload, text] of renderBrokers(platform, intent, brokerInventory(plan.inventory.brokers ?? []), { now }).configurations) files.set(`nats/${workload.replace('/', '.')}.conf`, text)
  const equivalence: Artefacts['equivalence'][number][] = []
  if (served.envoy !== undefined) {
    const inventory = envoyInventory(intent, plan.places, plan.inventory)
    for (const direction of ['inbound', 'outbound'] as const) {
      if (!served.envoy[direction].used) continue
      for (const [name, text] of served.envoy[direction].files) files.set(`envoy/${direction}/${name}`, text)
      const { compared, planned, differences } = compareGateway(platform, { direction, files: served.envoy[direction].files }, served.envoy, inventory, now, comparingMs)
      equivalence.push({ what: `envoy/${direction}`, compared, planned, differences })
    }
  }
  return { files, equivalence, refused: [...lowered.refused, ...served.refused].map((r) => r.reason) }
}

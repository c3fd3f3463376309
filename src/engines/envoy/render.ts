/** Intent to the complete files of both gateways. Pure; the same intent gives the same bytes. */
import { bootstrap } from './bootstrap.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import { compareText } from '../../base/location.ts'
import { isExpired } from '../../model/platform.ts'
import { identityOf, namedPaths } from './outbound-askers.ts'
import { fingerprint } from './names.ts'
import { inboundListeners } from './inbound.ts'
import { inboundMesh } from './inbound-mesh.ts'
import { meshListener } from './outbound-mesh.ts'
import { meshPairs } from './mesh.ts'
import { nameClusters } from './upstream-names.ts'
import { namesListeners } from './outbound-names.ts'
import { typed } from './json.ts'
import type { Chains } from './outbound.ts'
import type { Clusters } from './clusters.ts'
import type { Direction } from './bootstrap.ts'
import type { GatewayInventory } from './inventory.ts'
import type { Intent } from '../../intent/intent.ts'
import type { JsonObject } from './json.ts'
import type { Platform, WorkloadId } from '../../model/platform.ts'
import type { Refusal } from './capabilities.ts'
import type { SecretNeed } from './secrets.ts'

export interface EnvoyArtefacts {
  readonly kind: 'envoy-artefacts'
  readonly outbound: GatewayFiles
  readonly inbound: GatewayFiles
  /** What stays closed, each path with the first reason. */
  readonly refused: readonly Refusal[]
  /** Encrypted ways that stand-ins of verification may try, from end to end. */
  readonly tried: readonly { readonly source: WorkloadId; readonly destination: WorkloadId; readonly port: number }[]
}

export interface GatewayFiles {
  /** By file name, in the folder that the inventory names. `bootstrap.json` never changes while the program stays the same. */
  readonly files: ReadonlyMap<string, string>
  /** Secret files that the configuration names; they have to be there before it is. Sorted by file. */
  readonly needs: readonly SecretNeed[]
  /** By the name of a chain or route, as the access log has it: the documents that opened it. */
  readonly rules: ReadonlyMap<string, readonly string[]>
  /** Whether any path needs this gateway. */
  readonly used: boolean
}

export interface RenderOptions {
  /** Milliseconds since the epoch: what has expired is left out. */
  readonly now: number
}

export function render(platform: Platform, intent: Intent, inventory: GatewayInventory, { now }: RenderOptions): EnvoyArtefacts {
  const open = intent.paths.filter((path) => !isExpired(path, now))
  const refused: Refusal[] = []
  const mesh = meshPairs(platform, open, inventory)
  const names = namedPaths(platform, open, inventory)
  refused.push(...mesh.refused, ...names.refused)

  const out = chainsFor()
  const outMesh = { ...out, chains: [] }
  const namesDoors = namesListeners(names.askers, { inventory, proxy: platform.egressProxy }, out.rules)
  const meshDoor = meshListener(mesh.outbound, platform, inventory, outMesh, out.made)
  for (const cluster of nameClusters(inventory, platform.egressProxy)) out.made.clusters.set(String(cluster['name']), cluster)

  const into = chainsFor()
  const fromGateways = inboundMesh(mesh.inbound, platform, inventory, into, into.made)
  const doors = inboundListeners(intent.paths, now, { platform, inventory, made: into.made, rules: into.rules, refused })

  return Object.freeze({
    kind: 'envoy-artefacts',
    // A listener that leads nowhere is an error to Envoy.
    outbound: filesOf('outbound', [...namesDoors, meshDoor].filter(({ filter_chains: all }) => Array.isArray(all) && all.length > 0), out, inventory.folder),
    inbound: filesOf('inbound', [...(mesh.inbound.length > 0 ? [fromGateways] : []), ...doors], into, inventory.folder),
    refused: Object.freeze(dedupe(refused)),
    tried: mesh.outbound.flatMap(({ caller, destination: { enclave, workload }, port, tried }) => (tried && caller !== undefined ? [{ source: caller.workload, destination: `${enclave}/${workload}` as const, port }] : [])),
  })
}

type Making = Chains & { readonly made: { readonly clusters: Clusters; readonly needs: Map<string, SecretNeed> } }

function chainsFor(): Making {
  return { chains: [], rules: new Map(), made: { clusters: new Map(), needs: new Map() } }
}

function filesOf(direction: Direction, listeners: readonly JsonObject[], { rules, made }: Making, folder: string): GatewayFiles {
  const clusters = [...made.clusters.values()].sort((a, b) => compareText(String(a['name']), String(b['name'])))
  const resources = (type: string, messages: readonly JsonObject[]): string => {
    // Written once, because it is most of the work: as `canonicalJson` would write the whole.
    const list = canonicalJson(messages.map((message) => typed(type, message)))
    return `{"resources":${list},"version_info":"${fingerprint(list)}"}\n`
  }
  return Object.freeze({
    files: new Map([
      ['bootstrap.json', text(bootstrap(direction, folder))],
      ['cds.json', resources('envoy.config.cluster.v3.Cluster', clusters)],
      ['lds.json', resources('envoy.config.listener.v3.Listener', listeners)],
    ]),
    needs: Object.freeze([...made.needs.values()].sort((a, b) => compareText(a.file, b.file))),
    rules: new Map([...rules].sort(([a], [b]) => compareText(a, b))),
    used: rules.size > 0,
  })
}

function text(value: JsonObject): string {
  return `${canonicalJson(value)}\n`
}

function dedupe(refused: readonly Refusal[]): readonly Refusal[] {
  const seen = new Set<string>()
  return refused.filter(({ path, code }) => {
    const key = `${code} ${path.origin.map(({ document }) => document).join()} ${identityOf(path.source)} ${identityOf(path.destination)}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

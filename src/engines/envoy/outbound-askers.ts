/** Who may ask outside for which names: egress paths to Externals with domains, by identity. */
import { placesOf } from './places.ts'
import { portClasses, tooManyPorts } from './permits.ts'
import { refuse } from './capabilities.ts'
import type { Asker } from './outbound-names.ts'
import type { GatewayInventory } from './inventory.ts'
import type { Path, PathEnd } from '../../intent/intent.ts'
import type { Permit } from './permits.ts'
import type { Phase, Platform, WorkloadId } from '../../model/platform.ts'
import type { PortSet } from '../../net/ports.ts'
import type { Refusal } from './capabilities.ts'

interface Found {
  readonly workload: WorkloadId
  readonly phase: Phase
  readonly paths: { readonly ports: PortSet; readonly permits: readonly Permit[] }[]
}

export function namedPaths(platform: Platform, paths: readonly Path[], inventory: GatewayInventory): { readonly askers: readonly Asker[]; readonly refused: readonly Refusal[] } {
  const refused: Refusal[] = []
  const found = new Map<string, Found>()
  for (const path of paths) {
    const { source, destination, via } = path
    if (via.kind !== 'egress' || source.kind !== 'workload' || destination.kind !== 'external') continue
    const domains = platform.externals.get(destination.external)?.domains ?? []
    if (domains.length === 0) continue
    if (path.protocol !== 'tcp') refused.push(refuse('name-protocol', path))
    else if (tooManyPorts(path.ports)) refused.push(refuse('name-ports', path))
    else {
      const document = path.origin.map((origin) => origin.document).join(', ')
      const permits = domains.map((pattern) => ({ pattern, http: via.http, document }))
      for (const phase of path.phases) {
        const key = `${source.workload}@${phase}`
        const asker = found.get(key) ?? { workload: source.workload, phase, paths: [] }
        asker.paths.push({ ports: path.ports, permits })
        found.set(key, asker)
      }
    }
  }
  const askers = [...found].map(([key, { workload, phase, paths: all }]) => ({ identity: key, addresses: [...placesOf(inventory, workload, phase), ...placesOf({ workloads: inventory.shadows ?? [] }, workload, phase)], classes: portClasses(all) }))
  // An identity without a place here has no address, and so no chain.
  return { askers: askers.filter(({ addresses }) => addresses.length > 0), refused }
}

export function identityOf(end: PathEnd): string {
  return end.kind === 'workload' ? end.workload : end.kind === 'external' ? `external:${end.external}` : `peer:${end.peer}/${end.enclave}/${end.workload}`
}

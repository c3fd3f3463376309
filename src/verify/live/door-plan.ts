/**
 * What is tried at the door through which other gateways come in (pure): for each encrypted way that the documents open, whether the
 * one destination's certificate is shown there, and that whoever cannot prove to be the caller is turned away. What would be let in
 * is tried by stand-ins from end to end; here nobody is.
 */
import { idOf, meshAllows, meshWishes } from '../mesh-ends.ts'
import { evenly } from './evenly.ts'
import { meshName } from '../../engines/envoy/names.ts'
import type { DoorProbe } from './probe.ts'
import type { GatewayInventory } from '../../engines/envoy/inventory.ts'
import type { GatewayTrial } from './gateway-trial.ts'
import type { Platform, WorkloadId } from '../../model/platform.ts'

/** A certificate and its key, in PEM. */
export interface Credential {
  readonly chain: string
  readonly key: string
}

export interface DoorPlanOptions {
  readonly now: number
  readonly inventory: GatewayInventory
  /** Who tries, and where. */
  readonly from: string
  readonly address: string
  readonly localAddress?: string
  readonly port: number
  /** PEM: what vouches for our own identities. */
  readonly bundle: string
  /** Made for this one verification: by itself, or by an authority that nobody knows, in this name. */
  readonly forged: (how: 'self-signed' | 'by a foreign authority', name: string) => Credential
  /** What a workload has really been issued. */
  readonly issued: (workload: WorkloadId) => Credential | undefined
}

type GreetedDoor = DoorProbe & { readonly greeting: boolean }

const mostDoors = 16
const strangerPort = 31_337

export type AddTrial = (trial: Pick<GatewayTrial, 'from' | 'what' | 'kind' | 'expect'> & Partial<GatewayTrial>) => number

export function planDoors(platform: Platform, { now, inventory, from, address, localAddress, port: at, bundle, forged, issued }: DoorPlanOptions, add: AddTrial): readonly GreetedDoor[] {
  const open = meshWishes(platform, inventory).filter(({ source, destination, port }) => destination.kind === 'workload' && meshAllows(platform, source, destination, port, now))
  const place = { address, port: at, believes: bundle, ...(localAddress === undefined ? {} : { localAddress }) }
  return evenly(open, mostDoors).flatMap(({ source, destination, port }): readonly GreetedDoor[] => {
    if (destination.kind !== 'workload') return []
    const { workload: { enclave, name } } = destination
    const caller = idOf(platform, source.kind === 'peer' && source.workload === '*' ? { ...source, workload: 'any' } : source)
    const what = `${enclave}/${name} port ${port} through the inbound gateway`
    const sni = meshName(caller, port, name, enclave, platform.trustDomain)
    const refused = (with_: string, shows: Credential | undefined, asked = sni): GreetedDoor => ({ ...place, greeting: false, sni: asked, shows, id: add({ from, what: `${what}, ${with_}`, kind: 'door', expect: 'deny' }) })
    const other = [...platform.workloads.values()].find((each) => !meshAllows(platform, { kind: 'workload', workload: each, shadow: false }, destination, port, now) && issued(each.id) !== undefined)
    return [
      { ...place, greeting: true, sni, shows: undefined, id: add({ from, what: `the certificate of ${what}`, kind: 'door', expect: 'allow', addresses: [idOf(platform, destination)] }) },
      refused('without a certificate', undefined),
      refused(`as \`${caller}\`, self-signed`, forged('self-signed', caller)),
      refused(`as \`${caller}\`, by a foreign authority`, forged('by a foreign authority', caller)),
      ...(other === undefined ? [] : [refused(`as ${other.id}`, issued(other.id))]),
      ...(source.kind === 'workload' && !meshAllows(platform, source, destination, strangerPort, now)
        ? [refused(`asked for at port ${strangerPort}`, issued(source.workload.id), meshName(caller, strangerPort, name, enclave, platform.trustDomain))] : []),
    ]
  })
}

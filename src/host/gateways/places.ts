/** Where a host's gateways and resolver stand (pure): a seat like a workload's, with addresses that are the same in every set. */
import { gatewayInterfaces, gatewayOffsets, inboundGroup, outboundGroup, resolverGroup } from '../../engines/nftables/inventory.ts'
import { fixedAddress } from '../slots.ts'
import type { Gateways, PlacedGateway } from '../../engines/nftables/inventory.ts'
import type { Upstream } from '../../model/platform.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { AddressPair } from '../../net/address.ts'
import type { Seat } from '../place.ts'
import type { GatewayNeeds } from './needs.ts'

export interface GatewaySeat extends Seat {
  readonly name: PlacedGateway['name']
}

const groups = { outbound: outboundGroup, inbound: inboundGroup, resolver: resolverGroup } as const
/** Without a dot, so that none is taken for a workload's. */
const netnsNames = { outbound: 'gateway-out', inbound: 'gateway-in', resolver: 'resolver' } as const
const order = ['outbound', 'inbound', 'resolver'] as const

export function gatewayNetns(prefix: string, name: PlacedGateway['name']): string {
  return `${prefix}${netnsNames[name]}`
}

/** What the inventory says of them. `upstream` are the machine's servers, for a Platform that names none. */
export function gatewayInventory(
  addresses: AddressSet, needs: GatewayNeeds, virtual: ReadonlyMap<string, AddressPair>, upstream: readonly Upstream[],
): Gateways | undefined {
  const at = (name: PlacedGateway['name']): AddressPair & { interface: string } => ({
    interface: gatewayInterfaces[name], ipv4: fixedAddress(addresses, 4, gatewayOffsets[name]), ipv6: fixedAddress(addresses, 6, gatewayOffsets[name]),
  })
  if (!order.some((name) => needs[name])) return undefined
  return {
    ...(needs.outbound ? { outbound: at('outbound') } : {}),
    ...(needs.inbound ? { inbound: at('inbound') } : {}),
    ...(needs.resolver ? { resolver: { ...at('resolver'), ...(upstream.length > 0 ? { upstream } : {}) } } : {}),
    ...(virtual.size > 0 ? { virtual } : {}),
  }
}

export function gatewaySeats(gateways: Gateways | undefined, prefix: string): readonly GatewaySeat[] {
  return order.flatMap((name): readonly GatewaySeat[] => {
    const gateway = gateways?.[name]
    if (gateway === undefined) return []
    const group = groups[name]
    // Link addresses end in the group, which no workload's slot leads to: see `mac`.
    return [{ name, group, netns: gatewayNetns(prefix, name), interface: gateway.interface, ipv4: gateway.ipv4, ipv6: gateway.ipv6, routerMac: linkAddress(4, group), mac: linkAddress(5, group) }]
  })
}

/** A locally administered unicast address. */
function linkAddress(end: 4 | 5, group: number): string {
  return `02:b${end}:00:00:00:${group.toString(16).padStart(2, '0')}`
}

/** Gateways as they are remembered in the inventory file. */
import { formatAddress, parseAddress } from '../../net/address.ts'
import type { Gateways } from '../../engines/nftables/inventory.ts'
import type { Address, AddressPair } from '../../net/address.ts'

export function gatewaysToJson(gateways: Gateways | undefined): unknown {
  if (gateways === undefined) return null
  const pair = <T extends AddressPair>({ ipv4, ipv6, ...rest }: T): object => ({ ...rest, ipv4: formatAddress(ipv4), ipv6: formatAddress(ipv6) })
  const { outbound, inbound, resolver, virtual } = gateways
  return {
    ...(outbound === undefined ? {} : { outbound: pair(outbound) }),
    ...(inbound === undefined ? {} : { inbound: pair(inbound) }),
    ...(resolver === undefined ? {} : { resolver: { ...pair({ interface: resolver.interface, ipv4: resolver.ipv4, ipv6: resolver.ipv6 }), upstream: (resolver.upstream ?? []).map(({ address, port }) => ({ address: formatAddress(address), port })) } }),
    virtual: Object.fromEntries([...(virtual ?? [])].map(([key, addresses]) => [key, pair(addresses)])),
  }
}

/** Throws when it is not what `gatewaysToJson` wrote. */
export function gatewaysFromJson(value: unknown): Gateways | undefined {
  if (value === null || value === undefined) return undefined
  const { outbound, inbound, resolver, virtual } = value as Record<string, unknown>
  const one = (from: unknown): AddressPair & { interface: string } => ({ interface: text(from, 'interface'), ...pairOf(from) })
  const upstream = ((resolver as { upstream?: unknown[] } | undefined)?.upstream ?? []).map((u) => ({ address: addressOf(text(u, 'address')), port: Number((u as { port?: unknown }).port) }))
  const places = Object.entries((virtual ?? {}) as Record<string, unknown>)
  return {
    ...(outbound === undefined ? {} : { outbound: one(outbound) }),
    ...(inbound === undefined ? {} : { inbound: one(inbound) }),
    ...(resolver === undefined ? {} : { resolver: { ...one(resolver), ...(upstream.length > 0 ? { upstream } : {}) } }),
    ...(places.length > 0 ? { virtual: new Map(places.map(([key, addresses]) => [key, pairOf(addresses)])) } : {}),
  }
}

function pairOf(value: unknown): AddressPair {
  return { ipv4: addressOf(text(value, 'ipv4')), ipv6: addressOf(text(value, 'ipv6')) }
}

function text(value: unknown, field: string): string {
  const found = (value as Record<string, unknown> | null)?.[field]
  if (typeof found !== 'string') throw new TypeError('not a text')
  return found
}

function addressOf(found: string): Address {
  const address = parseAddress(found)
  if (address === undefined) throw new TypeError('not an address')
  return address
}

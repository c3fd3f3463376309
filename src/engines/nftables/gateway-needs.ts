/** What the gateways themselves have to reach outside, beside what a policy's path leads to. */
import { formatAddress, parseAddress } from '../../net/address.ts'
import { addressSet, subtractAddresses, unionAddresses } from '../../net/address-set.ts'
import { portSet } from '../../net/ports.ts'
import { prefix } from '../../net/prefix.ts'
import { privateAddresses } from '../../net/private.ts'
import { reservedAddresses } from '../../net/reserved.ts'
import type { Path } from '../../intent/intent.ts'
import type { Platform } from '../../model/platform.ts'
import type { Address } from '../../net/address.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { PortSet } from '../../net/ports.ts'
import type { Inventory } from './inventory.ts'

/** Sets of addresses by name, to be told apart as classes. Names begin with `!`, which no External's does. */
export interface Reach {
  readonly sets: readonly string[]
  readonly ports: PortSet
}

/** Everything outside that is nobody's own: where a name that anybody may register can lead. */
const publicSet = '!public'
/** The rest of what can be outside. */
const privateSet = '!private'

function publicAddresses(platform: Platform): AddressSet {
  return subtractAddresses(everywhere, unionAddresses(neverOutside(platform), privateAddresses))
}

function privateOutside(platform: Platform): AddressSet {
  return subtractAddresses(privateAddresses, unionAddresses(neverOutside(platform), linkAddresses, embedded))
}

/** Between a router and its machine: what another platform on the same machine sends comes from there. */
const linkAddresses = addressSet([prefix('198.18.0.0/15'), prefix('fd00:198:18::/48')])

function neverOutside(platform: Platform): AddressSet {
  return unionAddresses(reservedAddresses, platform.addresses, platform.infrastructure)
}

/** Of IPv6, what has ever been given out (RFC 4291, section 2.4), and below what is anybody's own. */
const everywhere = addressSet([prefix('0.0.0.0/0'), prefix('2000::/3')])
const embedded = addressSet([prefix('::/3')])

/** The sets of addresses that paths and gateways name, made once for each name. */
export interface Places {
  readonly all: ReadonlyMap<string, AddressSet>
  /** Where a host and port of a document lead: to one address, or for a name to whatever the resolver says of it. */
  readonly host: (host: string, port: number) => Reach
  readonly open: (port: number) => Reach
  /** From wherever something may come. */
  readonly anywhere: (port: number) => Reach
  /** Where names lead that anybody may register. */
  readonly anybody: (ports: PortSet) => Reach
  readonly upstream: () => readonly Reach[]
}

export function placesOf(platform: Platform, inventory: Inventory): Places {
  const all = new Map<string, AddressSet>()
  const named = (name: string, make: () => AddressSet): string => {
    if (!all.has(name)) all.set(name, make())
    return name
  }
  const single = (address: Address): AddressSet => [{ family: address.family, first: address.bits, last: address.bits }]
  const open = (port: number): Reach => ({
    sets: [named(publicSet, () => publicAddresses(platform)), named(privateSet, () => privateOutside(platform))], ports: portSet([{ from: port, to: port }]),
  })
  return {
    all,
    open,
    anywhere: (port) => ({ ...open(port), sets: [...open(port).sets, named('!link', () => subtractAddresses(linkAddresses, neverOutside(platform)))] }),
    anybody: (ports) => ({ sets: [named(publicSet, () => publicAddresses(platform))], ports }),
    host: (host, port) => {
      const address = parseAddress(host.replace(/^\[(.*)\]$/, '$1'))
      if (address === undefined) return open(port)
      return { sets: [named(`!${formatAddress(address)}`, () => subtractAddresses(single(address), reservedAddresses))], ports: portSet([{ from: port, to: port }]) }
    },
    upstream: () => {
      const written = platform.resolver.upstream.length > 0 ? platform.resolver.upstream : undefined
      const servers = inventory.gateways?.resolver?.upstream ?? written
      if (servers === undefined) return [open(53)]
      return servers.map(({ address, port }) => ({ sets: [named(`!${formatAddress(address)}`, () => single(address))], ports: portSet([{ from: port, to: port }]) }))
    },
  }
}

/** Hosts that the inbound gateway asks for what it needs to judge tokens. */
export function issuersOf(path: Path): readonly { readonly host: string; readonly port: number }[] {
  if (path.via.kind !== 'proxy') return []
  const { authentication } = path.via.proxy
  if (authentication.kind !== 'jwt' && authentication.kind !== 'oidc') return []
  const texts = [
    ...(authentication.jwks.kind === 'uri' ? [authentication.jwks.uri] : []),
    ...(authentication.kind === 'oidc' ? [authentication.tokenEndpoint] : []),
  ]
  return texts.flatMap((text) => (URL.canParse(text) ? [endpointOf(text)] : []))
}

/** Where a URL of a document leads. */
export function endpointOf(text: string): { readonly host: string; readonly port: number } {
  const url = new URL(text)
  return { host: url.hostname, port: url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port) }
}

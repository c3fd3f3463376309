/** A host with all three gateways, and with every kind of path that takes one. */
import { addressOf, everyGateway, path, platformOf } from '../../../src/engines/nftables/testing.ts'
import { assignGroups, noIds } from '../../../src/engines/nftables/ids.ts'
import { ends } from './flows.ts'
import { inventoryOf } from '../../../src/engines/nftables/testing.ts'
import { lower } from '../../../src/engines/nftables/lower.ts'
import { plainProxy } from '../../../src/model/ingress-proxy.ts'
import type { Atoms } from '../../../src/engines/nftables/atoms.ts'
import type { Described } from '../../../src/engines/nftables/testing.ts'
import type { End } from './flows.ts'
import type { Inventory } from '../../../src/engines/nftables/inventory.ts'
import type { Path } from '../../../src/intent/intent.ts'

const at = { file: 'lab.yaml', line: 1, column: 1 }
const mutualTls = { kind: 'mutual-tls' } as const
const peer = { kind: 'peer' } as const

export const published = ['203.0.113.80', '2001:db8:80::1'] as const

export const lab: Described = {
  workloads: ['e/a', 'e/b', 'e/c'],
  externals: { site: ['www.example'], both: ['both.example', '198.51.100.0/24', '2001:db8:1::/48'], client: ['198.51.101.0/24', '2001:db8:2::/48'] },
  gateways: { ...everyGateway, virtual: new Map([['north/lab/store', { ipv4: addressOf('10.128.0.200'), ipv6: addressOf('fdbb:1::200') }]]) },
  platform: {
    gateway: { addresses: published.map(addressOf), httpsPort: 443, httpPort: undefined, meshPort: 15_443, bundlePort: 8443, bundleCertificate: undefined, at },
    resolver: { upstream: [{ address: addressOf('192.0.2.53'), port: 53 }, { address: addressOf('2001:db8:53::1'), port: 53 }] },
    peers: new Map([['north', { kind: 'Peer', name: 'north', trustDomain: 'north.example', bundleEndpoint: { url: 'https://north.example:9443/bundle', profile: 'https_web' }, gateway: { host: 'gw.north.example', port: 16_443 }, at }]]),
  },
  paths: [
    path('e/a', 'external:site', 'tcp 443'),
    path('e/a', 'external:site', 'tcp 8000-8100'),
    path('e/a', 'external:both', 'tcp 8443'),
    path('e/a', 'e/b', 'tcp 5432', { via: mutualTls }),
    path('e/a', 'e/b', 'tcp 22'),
    path('e/a', 'peer:north/lab/store', 'tcp 9000', { via: peer }),
    path('peer:north/lab/store', 'e/c', 'tcp 9001', { via: peer }),
    path('external:client', 'e/c', 'tcp 8080', { via: { kind: 'proxy', hosts: ['www.test'], authentication: 'none', proxy: plainProxy(['www.test'], { kind: 'none' }) } }),
  ],
}

export interface Lab {
  readonly atoms: Atoms
  readonly inventory: Inventory
}

/** `without` leaves paths out; numbers stay the same. */
export function labOf(without: (path: Path) => boolean = () => false): Lab {
  const platform = platformOf(lab)
  const ids = lower(platform, { kind: 'intent', paths: lab.paths }, inventory(), assignGroups(noIds, platform), Date.now()).ids
  return { inventory: inventory(), atoms: lower(platform, { kind: 'intent', paths: lab.paths.filter((p) => !without(p)) }, inventory(), ids, Date.now()).atoms }

  function inventory(): Inventory {
    return inventoryOf(assignGroups(noIds, platform), lab.workloads, true, lab.gateways)
  }
}

/** The interface group of `e/a`; `e/b` and `e/c` follow in threes. */
export const groups = { a: 16, b: 19, c: 22 } as const

const end = (name: string, ipv4: string, ipv6: string): End => ({ name, ipv4, ipv6 })

export const gatewayEnds = {
  outbound: end('bhg-out', '10.128.0.3', 'fdbb:1::3'),
  inbound: end('bhg-in', '10.128.0.4', 'fdbb:1::4'),
  resolver: end('bhg-dns', '10.128.0.5', 'fdbb:1::5'),
} as const

/** `host` under the address of a name that was resolved, as it arrives at `name`. */
export function site(name: string): End {
  return end(name, '8.8.4.4', '2600::44')
}

export function at4and6(name: string, ipv4: string, ipv6: string): End {
  return end(name, ipv4, ipv6)
}

export { ends }

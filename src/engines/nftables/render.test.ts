import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { run } from '../../base/process.ts'
import { lower } from './lower.ts'
import { render } from './render.ts'
import { noIds } from './ids.ts'
import { addressOf, everyGateway, inventoryOf, lowered, path, platformOf, publishing } from './testing.ts'
import { plainProxy } from '../../model/ingress-proxy.ts'
import type { Described } from './testing.ts'
import type { Inventory } from './inventory.ts'
import type { Atoms } from './atoms.ts'

const now = Date.UTC(2030, 0, 1)
const hour = 3_600_000

/** With UPDATE=1 in the environment the files are written anew; read the difference before it is committed. */
function expected(name: string, text: string): string {
  const file = new URL(`testdata/${name}.nft`, import.meta.url)
  if (process.env['UPDATE'] === '1') writeFileSync(file, text)
  return readFileSync(file, 'utf8')
}

/** The kernel's own judgement, in a namespace of its own. */
async function accepted(text: string): Promise<void> {
  const { code, stderr } = await run(['unshare', '--user', '--map-root-user', '--net', 'nft', '-c', '-f', '-'], { input: text })
  assert.equal(code, 0, stderr)
}

function isolated(): { readonly atoms: Atoms; readonly inventory: Inventory } {
  const platform = platformOf({ workloads: [], paths: [] })
  const inventory = inventoryOf(noIds, [], false)
  return { atoms: lower(platform, { kind: 'intent', paths: [] }, inventory, noIds, now).atoms, inventory }
}

const smallest: Described = {
  workloads: ['research/api-service', 'research/postgres-db'],
  paths: [path('research/api-service', 'research/postgres-db', 'tcp 5432')],
}

const everything: Described = {
  workloads: ['a/client', 'a/server', 'b/worker'],
  externals: {
    'registry': ['198.51.100.0/24', '2001:db8:1::/48'],
    'mirror': ['198.51.100.128/25'],
    'wide': ['0.0.0.0/0', '::/0'],
    'metadata!': ['169.254.169.254/32'],
  },
  paths: [
    path('a/client', 'a/server', 'tcp 80,443,8000-8100'),
    path('a/client', 'a/server', 'tcp 8080', { document: 'ServicePolicy a/also', expires: now + hour }),
    path('a/client', 'a/server', 'udp any', { expires: now + 26.5 * hour + 500 }),
    path('a/client', 'a/server', 'sctp 3868'),
    path('a/client', 'a/server', 'icmp'),
    path('a/server', 'a/server', 'tcp 7000', { document: 'ServicePolicy a/replicas' }),
    path('b/worker', 'a/server', 'tcp 80', { expires: now }),
    path('a/client', 'external:registry', 'tcp 443'),
    path('a/client', 'external:mirror', 'tcp any'),
    path('b/worker', 'external:wide', 'udp 53'),
    path('b/worker', 'external:wide', 'icmp'),
    path('b/worker', 'external:metadata!', 'tcp 80', { expires: now + hour }),
    path('external:registry', 'a/server', 'tcp 8443', { via: publishing(443, '203.0.113.7', '2001:db8::7') }),
    path('external:mirror', 'a/server', 'udp 5353', { via: publishing(53, '203.0.113.8'), expires: now + hour }),
  ],
}

test('the table of a host without anything lets nothing pass', async () => {
  const { atoms, inventory } = isolated()
  const text = render(atoms, inventory, { now })
  assert.equal(text, expected('nothing', text))
  await accepted(text)
})

test('one policy between two workloads is one element', async () => {
  const { atoms, inventory } = lowered(smallest, now)
  const text = render(atoms, inventory, { now })
  assert.equal(text, expected('smallest', text))
  assert.match(text, /^ {2}16 \. 19 \. tcp \. 5432 : 0x00000001$/m)
  await accepted(text)
})

test('every kind of path has its own lookup', async () => {
  const { atoms, inventory } = lowered(everything, now)
  const text = render(atoms, inventory, { now, logGroup: 7, connectionLimit: 100 })
  assert.equal(text, expected('everything', text))
  await accepted(text)
})

/** Every kind of path that takes a gateway, beside some that do not. */
const viaGateways: Described = {
  workloads: ['a/client', 'a/server', 'b/worker'],
  externals: { packages: ['pypi.example', '198.51.100.0/25'], site: ['www.example'], partner: ['203.0.113.0/24', '2001:db8:1::/48'] },
  gateways: {
    ...everyGateway,
    virtual: new Map([['north/lab/store', { ipv4: addressOf('10.128.0.200'), ipv6: addressOf('fdbb:1::200') }]]),
  },
  platform: {
    gateway: { addresses: [addressOf('192.0.2.80'), addressOf('2001:db8:80::1')], httpsPort: 443, httpPort: 80, meshPort: 15_443, bundlePort: 8443, bundleCertificate: undefined, at: { file: 'test.yaml', line: 1, column: 1 } },
    resolver: { upstream: [{ address: addressOf('192.0.2.53'), port: 53 }] },
    peers: new Map([['north', {
      kind: 'Peer', name: 'north', trustDomain: 'north.example', bundleEndpoint: { url: 'https://north.example/bundle', profile: 'https_web' },
      gateway: { host: '192.0.2.90', port: 15_443 }, at: { file: 'test.yaml', line: 1, column: 1 },
    }]]),
  },
  paths: [
    path('a/client', 'external:packages', 'tcp 443'),
    path('a/client', 'external:site', 'tcp 8000-8100', { expires: now + hour }),
    path('b/worker', 'external:site', 'tcp 80', { via: { kind: 'egress', http: { methods: ['GET'], paths: [] } } }),
    path('b/worker', 'external:site', 'udp 443'),
    path('a/client', 'a/server', 'tcp 5432,6000-6001', { via: { kind: 'mutual-tls' } }),
    path('a/server', 'a/client', 'tcp 22'),
    path('a/client', 'peer:north/lab/store', 'tcp 9000', { via: { kind: 'peer' } }),
    path('a/client', 'peer:north/lab/unknown', 'tcp 9000', { via: { kind: 'peer' } }),
    path('peer:north/lab/store', 'a/server', 'tcp 9001', { via: { kind: 'peer' } }),
    path('external:partner', 'b/worker', 'tcp 8080', { via: { kind: 'proxy', hosts: ['www.test'], authentication: 'none', proxy: plainProxy(['www.test'], { kind: 'none' }) } }),
  ],
}

test('what takes a gateway is led there, and goes on from there where a path goes on', async () => {
  const { atoms, inventory, refused } = lowered(viaGateways, now)
  const text = render(atoms, inventory, { now, admitted: [{ group: 16, address: addressOf('198.51.100.200'), seconds: 7200 }] })
  assert.equal(text, expected('gateways', text))
  assert.deepEqual(refused.map(({ code, path: p }) => `${code} ${p.protocol} ${JSON.stringify(p.destination)}`), [
    'domain udp {"kind":"external","external":"site"}', 'peer-unaddressed tcp {"kind":"peer","peer":"north","enclave":"lab","workload":"unknown"}',
  ])
  await accepted(text)
})

test('gateways that nothing is led to cost no packet a lookup', () => {
  const { atoms, inventory } = lowered({ ...viaGateways, paths: viaGateways.paths.filter((p) => p.via.kind === 'direct') }, now)
  const text = render(atoms, inventory, { now })
  assert.doesNotMatch(text, /lead|admitted/)
  assert.match(text, /@source4 ip daddr != 224.0.0.0\/4 meta mark set 0x00000001 accept/)
})

test('the order of the paths does not change the text', () => {
  const turned = { ...everything, paths: [...everything.paths].reverse() }
  const [one, other] = [lowered(everything, now), lowered(turned, now)]
  assert.equal(render(one.atoms, one.inventory, { now }), render(other.atoms, other.inventory, { now }))
})

test('what expires before it can be in the kernel is left out', () => {
  const { atoms, inventory } = lowered(smallest, now)
  const late = lowered({ ...smallest, paths: smallest.paths.map((p) => ({ ...p, expires: now + hour })) }, now)
  assert.equal(render(late.atoms, late.inventory, { now: now + hour - 200 }), render({ ...atoms, direct: [] }, inventory, { now }))
})

test('the number of rules does not depend on the policies', () => {
  const rules = (text: string): readonly string[] => text.slice(text.indexOf('chain refuse'), text.indexOf('\nadd element')).split('\n')
  const [small, large] = [lowered(smallest, now), lowered(everything, now)]
  assert.deepEqual(rules(render(small.atoms, small.inventory, { now })), rules(render(large.atoms, large.inventory, { now })))
})

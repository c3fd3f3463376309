import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasPort } from '../../net/ports.ts'
import { setContains } from '../../net/address-set.ts'
import { externalAddresses, publishedAddresses } from '../../intent/externals.ts'
import { assignGroups, documentsOf, noIds } from './ids.ts'
import { uplinkGroup } from './inventory.ts'
import { plainProxy } from '../../model/ingress-proxy.ts'
import { lower } from './lower.ts'
import { permits } from './permits.ts'
import { addressOf, inventoryOf, lowered, path, platformOf, publishing } from './testing.ts'
import type { Path } from '../../intent/intent.ts'
import type { Protocol } from '../../net/protocol.ts'
import type { Attachment } from './inventory.ts'
import type { Match } from './atoms.ts'
import type { Phase } from '../../model/platform.ts'

const now = Date.UTC(2030, 0, 1)
const workloads = ['e/a', 'e/b', 'e/c'] as const
const externals = {
  wide: ['0.0.0.0/0', '::/0'], left: ['198.51.100.0/24', '2001:db8::/32'], right: ['198.51.100.128/25', '198.51.101.0/24'], inner: ['198.51.100.192/26'], open: ['10.0.0.0/8', '169.254.0.0/16'],
}
const infrastructure = { 'hosts!': ['192.0.2.0/24', '10.0.0.0/8', '169.254.0.0/16'] }

const portText = fc.oneof(
  fc.integer({ min: 1, max: 12 }).map(String),
  fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 6 })).map(([from, more]) => `${from}-${from + more}`),
  fc.constant('65530-65535'),
)
const trafficText = fc.oneof(
  fc.tuple(fc.constantFrom('tcp', 'udp', 'sctp'), fc.oneof(fc.array(portText, { minLength: 1, maxLength: 3 }).map((list) => list.join(',')), fc.constant('any'))).map(([p, list]) => `${p} ${list}`),
  fc.constant('icmp'),
)
const rest = fc.record({
  expires: fc.option(fc.integer({ min: now - 2, max: now + 4 }), { nil: undefined }),
  document: fc.constantFrom('A', 'B', 'C', 'D'),
  phases: fc.subarray<Phase>(['running', 'staging', 'task'], { minLength: 1 }),
}).map(({ expires, ...others }) => ({ ...others, ...(expires === undefined ? {} : { expires }) }))
const destination = fc.oneof(fc.constantFrom(...workloads), fc.constantFrom(...Object.keys({ ...externals, ...infrastructure })).map((name) => `external:${name}`))
const anyPath = fc.tuple(fc.constantFrom(...workloads), destination, trafficText, rest).map(([s, d, t, r]) => path(s, d, t, r))
const paths = fc.array(anyPath, { maxLength: 12 })

/** Both phases of every workload are attached; `a` twice. */
const attached: readonly Attachment[] = [...inventoryOf(noIds, workloads).attachments].flatMap((a, i) => [
  a, { ...a, interface: `bhs${i}`, phase: 'staging' as const, ipv4: addressOf(`10.128.1.${i}`), ipv6: addressOf(`fdbb:1::1:${i}`) },
])

function lowerHere(list: readonly Path[]): ReturnType<typeof lower> & { readonly group: (workload: string, phase: Phase) => number } {
  const platform = platformOf({ workloads, externals: { ...externals, ...infrastructure }, paths: list })
  const ids = assignGroups(noIds, platform)
  const inventory = { groups: ids.groups, attachments: attached, uplink: { interface: 'bhu0' } }
  return { ...lower(platform, { kind: 'intent', paths: list }, inventory, ids, now), group: (workload, phase) => ids.groups.get(`${workload as 'e/a'}@${phase}`) ?? 0 }
}

function covers(p: Path, protocol: Protocol, port: number): boolean {
  return p.protocol === protocol && (protocol === 'icmp' || hasPort(p.ports, port)) && (p.expires === undefined || p.expires > now)
}

function matches(match: Match, port: number): boolean {
  return match.kind === 'echo' || match.kind === 'protocol' || (match.kind === 'port' ? match.port === port : match.from <= port && port <= match.to)
}

const probePorts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 18, 19, 300, 65_529, 65_530, 65_535]
const everyProtocol = ['tcp', 'udp', 'sctp', 'icmp'] as const

test('between workloads an atom covers exactly what some path opens, once, with all its documents and the latest end', () => {
  fc.assert(fc.property(paths, (list) => {
    const { atoms, ids, group } = lowerHere(list)
    for (const source of workloads) for (const phase of ['running', 'staging'] as const) for (const target of workloads) for (const targetPhase of ['running', 'staging'] as const) {
      for (const protocol of everyProtocol) for (const port of protocol === 'icmp' ? [0] : probePorts) {
        const open = list.filter((p) => p.source.kind === 'workload' && p.source.workload === source && p.phases.includes(phase)
          && p.destination.kind === 'workload' && p.destination.workload === target && covers(p, protocol, port))
        const found = atoms.direct.filter((a) => a.source === group(source, phase) && a.destination === group(target, targetPhase) && a.protocol === protocol && matches(a.match, port))
        assert.equal(found.length, open.length === 0 ? 0 : 1)
        const [atom] = found
        if (atom === undefined) continue
        assert.deepEqual(documentsOf(ids, atom.path), [...new Set(open.map((p) => p.origin[0]?.document ?? ''))].sort())
        assert.equal(atom.expires, open.some((p) => p.expires === undefined) ? undefined : Math.max(...open.map((p) => p.expires ?? 0)))
      }
    }
  }), { numRuns: 60 })
})

const probeAddresses = ['198.51.100.1', '198.51.100.130', '198.51.100.200', '198.51.101.1', '8.8.8.8', '10.1.1.1', '10.128.0.11', '169.254.169.254', '192.0.2.5', '192.0.2.200', '127.0.0.1', '224.0.0.1', '203.0.113.7', '2001:db8::1', '2620::1', 'fdbb:1::11', 'fe80::1'].map(addressOf)

test('an outside address is permitted exactly where some External of some path holds it', () => {
  fc.assert(fc.property(paths, (list) => {
    const published = path('external:left', 'e/c', 'tcp 443', { via: publishing(443, '203.0.113.7', '203.0.113.8') })
    const { atoms, group } = lowerHere([...list, published])
    const platform = platformOf({ workloads, externals: { ...externals, ...infrastructure }, paths: [published] })
    const held = externalAddresses(platform)
    for (const source of workloads) for (const address of probeAddresses) for (const protocol of everyProtocol) for (const port of protocol === 'icmp' ? [0] : [1, 4, 9, 13, 65_535]) {
      const open = list.some((p) => {
        if (p.source.kind !== 'workload' || p.source.workload !== source || !p.phases.includes('running') || p.destination.kind !== 'external') return false
        const external = platform.externals.get(p.destination.external)
        return external !== undefined && setContains(held(external), address) && covers(p, protocol, port)
      }) && !setContains(platform.addresses, address) && !setContains(publishedAddresses(platform), address)
      const ends = { source: addressOf('10.128.0.10'), destination: address, sourcePort: 1000, destinationPort: port }
      const found = permits(atoms, { protocol, iifgroup: group(source, 'running'), oifgroup: uplinkGroup, original: ends, reply: { ...ends, source: address, destination: addressOf('192.0.2.1') } })
      assert.equal(found !== undefined, open)
    }
  }), { numRuns: 60 })
})

test('no address is of two classes, and classes of outside addresses hold no workload', () => {
  fc.assert(fc.property(paths, (list) => {
    const { atoms } = lowerHere(list)
    const ranges = atoms.classes.flatMap((c) => c.addresses)
    for (const [i, x] of ranges.entries()) for (const y of ranges.slice(i + 1)) assert.ok(x.family !== y.family || x.last < y.first || y.last < x.first)
    for (const { addresses } of atoms.classes) assert.ok(!setContains(addresses, addressOf('10.128.0.10')))
  }))
})

test('lowering the same again gives the same, and ids that were given stay', () => {
  fc.assert(fc.property(paths, paths, (one, other) => {
    const first = lowered({ workloads, externals, paths: one.filter(known) }, now)
    const again = lowered({ workloads, externals, paths: one.filter(known) }, now, first.ids)
    assert.deepEqual(again.atoms, first.atoms)
    const later = lowered({ workloads, externals, paths: other.filter(known) }, now, first.ids)
    for (const [key, id] of first.ids.paths) assert.equal(later.ids.paths.get(key), id)
    for (const [key, id] of first.ids.classes) assert.equal(later.ids.classes.get(key), id)
  }))
})

function known(p: Path): boolean {
  return p.destination.kind !== 'external' || p.destination.external in externals
}

function refusals(list: readonly Path[], options: { readonly uplink?: boolean; readonly attachments?: readonly Attachment[] } = {}): readonly string[] {
  const platform = platformOf({ workloads, externals: { ...externals, both: ['198.51.100.0/24', 'example.org'], named: ['*.example.org'] }, paths: list })
  const ids = assignGroups(noIds, platform)
  const inventory = { groups: ids.groups, attachments: options.attachments ?? attached.filter((a) => a.phase === 'running'), uplink: options.uplink === false ? undefined : { interface: 'bhu0' } }
  const { atoms, refused } = lower(platform, { kind: 'intent', paths: list }, inventory, ids, now)
  const carried = [atoms.direct, atoms.egress, atoms.publish].map((x) => x.length).join('/')
  return [carried, ...refused.map((r) => `${r.code}: ${r.reason}`)]
}

test('what the kernel cannot decide is refused by name and stays closed', () => {
  assert.deepEqual(refusals([path('e/a', 'external:named', 'tcp 443')]), ['0/0/0', 'domain: `nftables` cannot express domain names: packets carry addresses'])
  assert.deepEqual(refusals([path('e/a', 'external:both', 'tcp 443')]), ['0/1/0', 'domain: `nftables` cannot express domain names: packets carry addresses'])
  assert.deepEqual(refusals([path('e/a', 'external:left', 'tcp 443', { via: { kind: 'egress', http: { methods: ['GET'], paths: [] } } })]),
    ['0/0/0', 'http: `nftables` cannot express HTTP methods and paths: it does not see requests'])
  assert.deepEqual(refusals([path('external:left', 'e/a', 'tcp 443', { via: { kind: 'proxy', hosts: ['a.example'], authentication: 'none', proxy: plainProxy(['a.example'], { kind: 'none' }) } })]),
    ['0/0/0', 'proxy: `nftables` cannot express an ingress with host names or authentication: it does not see requests'])
  assert.deepEqual(refusals([path('e/a', 'peer:other/x/y', 'tcp 443', { via: { kind: 'peer' } })]),
    ['0/0/0', 'peer: `nftables` cannot express a path to another platform: that takes mutual TLS between gateways'])
})

test('what one policy encrypts another does not open in the clear, while there is nothing to encrypt it', () => {
  const encrypted = path('e/a', 'e/b', 'tcp 8000-8010', { via: { kind: 'mutual-tls' } })
  const reason = 'mutual-tls: `nftables` cannot express encryption: that takes mutual TLS between gateways'
  const beside = `${reason} (which another policy asks for)`
  assert.deepEqual(refusals([encrypted, path('e/a', 'e/b', 'tcp 8001')]).toSorted(), ['0/0/0', reason, beside].toSorted())
  assert.deepEqual(refusals([encrypted, path('e/a', 'e/b', 'tcp any')]).toSorted(), ['0/0/0', reason, beside].toSorted())
  for (const other of [path('e/a', 'e/b', 'tcp 8011'), path('e/a', 'e/b', 'udp 8001'), path('e/b', 'e/a', 'tcp 8001')]) {
    assert.deepEqual(refusals([encrypted, other]).toSorted(), ['1/0/0', reason].toSorted())
  }
  assert.deepEqual(refusals([{ ...encrypted, expires: now }, path('e/a', 'e/b', 'tcp 8001')]), ['1/0/0'])
})

test('without a way outside, and without the workload here, the paths that need them are refused', () => {
  const into = path('external:left', 'e/b', 'tcp 8443', { via: publishing(443, '203.0.113.7') })
  const out = path('e/a', 'external:left', 'tcp 443')
  assert.deepEqual(refusals([out, into], { uplink: false }), ['0/0/0', 'no-uplink: this host has no interface that leads outside', 'no-uplink: this host has no interface that leads outside'])
  assert.deepEqual(refusals([into], { attachments: [] }), ['0/0/0', 'publish-unattached: the workload behind the published address is not attached to this host'])
  const shadows = attached.map((a) => ({ ...a, probe: true }))
  assert.deepEqual(refusals([into], { attachments: shadows }), ['0/0/0', 'publish-unattached: the workload behind the published address is not attached to this host'])
})

test('a published address leads to one place or nowhere', () => {
  const into = (target: string, what: string): Path => path('external:left', target, what, { via: publishing(443, '203.0.113.7') })
  assert.equal(refusals([into('e/b', 'tcp 8443')])[0], '0/0/1')
  assert.equal(refusals([into('e/b', 'tcp 8443')], { attachments: attached }).length, 2)
  assert.match(refusals([into('e/b', 'tcp 8443')], { attachments: attached })[1] ?? '', /^publish-replicas: /)
  assert.match(refusals([into('e/b', 'tcp 8443-8444')])[1] ?? '', /^publish-ports: /)
  assert.match(refusals([into('e/b', 'icmp')])[1] ?? '', /^publish-protocol: /)
  assert.deepEqual(refusals([into('e/b', 'tcp 8443'), into('e/c', 'tcp 8443')]),
    ['0/0/1', 'publish-conflict: `nftables` cannot express a published address and port that lead to two destinations (203.0.113.7:443)'])
})

test('only identities that are attached here get atoms', () => {
  const { atoms } = lowered({ workloads, paths: [path('e/a', 'e/b', 'tcp 1', { phases: ['staging'] }), path('e/b', 'e/a', 'tcp 1')] }, now)
  assert.equal(atoms.direct.length, 1)
})

test('a connection through a published address is permitted only as it was translated', () => {
  const into = path('external:left', 'e/b', 'tcp 8443', { via: publishing(443, '203.0.113.7') })
  const { atoms, inventory } = lowered({ workloads, externals, paths: [into] }, now)
  const group = inventory.groups.get('e/b@running') ?? 0
  const original = { source: addressOf('198.51.100.1'), destination: addressOf('203.0.113.7'), sourcePort: 999, destinationPort: 443 }
  const reply = { source: addressOf('10.128.0.11'), destination: original.source, sourcePort: 8443, destinationPort: 999 }
  const tuple = { protocol: 'tcp', iifgroup: uplinkGroup, oifgroup: group, original, reply } as const
  assert.deepEqual(permits(atoms, tuple), { id: 1 })
  const wrong = [
    { ...tuple, protocol: 'udp' as const }, { ...tuple, oifgroup: group + 1 },
    { ...tuple, reply: { ...reply, sourcePort: 22 } }, { ...tuple, reply: { ...reply, source: addressOf('10.128.0.12') } },
    { ...tuple, original: { ...original, source: addressOf('198.51.101.1') } }, { ...tuple, original: { ...original, destinationPort: 8443 } },
  ]
  for (const each of wrong) assert.equal(permits(atoms, each), undefined)
})

test('the port of a broker is open where somebody configures the broker, and is refused by name elsewhere', () => {
  const to = path('e/a', 'e/b', 'tcp 4222', { via: { kind: 'direct', messages: { publish: ['orders.new'], subscribe: [] } } })
  const platform = platformOf({ workloads: ['e/a', 'e/b'], paths: [to] })
  const ids = assignGroups(noIds, platform)
  const inventory = inventoryOf(ids, ['e/a', 'e/b'])
  const elsewhere = lower(platform, { kind: 'intent', paths: [to] }, inventory, ids, now)
  assert.deepEqual([elsewhere.atoms.direct.length, elsewhere.refused.map(({ code, path: refused }) => [code, refused])], [0, [['broker', to]]])
  const here = lower(platform, { kind: 'intent', paths: [to] }, { ...inventory, brokers: new Set(['e/b'] as const) }, ids, now)
  assert.deepEqual([here.atoms.direct.length, here.refused], [1, []])
})

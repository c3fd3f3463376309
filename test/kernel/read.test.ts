/** What the reader makes of rulesets that the real nft has loaded and listed. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { guarded, open } from './lib/guarded.ts'
import { host, leaks, lines, openListing, read } from './lib/reading.ts'
import type { Parts } from './lib/guarded.ts'
import type { Listing } from './lib/reading.ts'

let listing: Listing
before(async () => {
  listing = await openListing()
})
after(() => listing.close())

const cases: readonly (readonly [string, Parts, readonly string[]])[] = [
  ['an element is a path, over both families, that goes on and is answered', {}, open],
  ['an element with a timeout is a path that ends', { elements: '16 . 17 . tcp . 5432 timeout 100s : 0x10' }, ['16 -> 17 tcp 5432 within 100 s', '18 -> 18 tcp 1-2']],
  ['a port before a range is cut out of it', { elements: '16 . 17 . tcp . 8050 : 0x10', ranges: '16 . 17 . tcp . 8000-8100 : 0x12' }, ['16 -> 17 tcp 8000-8049,8051-8100', '16 -> 17 tcp 8050']],
  ['a drop before the lookup narrows', { original: 'tcp dport 1 drop' }, ['16 -> 17 tcp 5432', '18 -> 18 tcp 2 ']],
  ['a range of groups is each of them', { original: 'iifgroup 16-17 oifgroup 18 udp dport 53 accept', reply: 'accept' }, ['16 -> 17 tcp 5432', '16 -> 18 udp 53', '17 -> 18 udp 53', '18 -> 18 tcp 1-2']],
  ['a bit that no lookup sets closes', { forward: 'meta mark & 0x100 == 0 drop' }, []],
  ['bitwise operations on known marks are exact', { forward: 'meta mark set (meta mark << 4) | 0x3 meta mark & 0xf0 xor 0x10 != 0 drop' }, open],
  ['a verdict map with intervals branches', { original: 'tcp dport vmap { 1-100 : drop, 5432 : continue }' }, ['16 -> 17 tcp 5432']],
  ['a return ends the chain that was jumped to, and no more', { before: 'chain extra { tcp dport 5432 return\n drop\n }', original: 'jump extra' }, ['16 -> 17 tcp 5432']],
  ['a goto does not come back', { before: 'chain extra { tcp dport 5432 return\n accept\n }', original: 'iifgroup 16 oifgroup 18 tcp dport { 5432, 7 } goto extra', reply: 'accept' }, ['16 -> 17 tcp 5432', '16 -> 18 tcp 7', '18 -> 18 tcp 1-2']],
  ['rates and counts let some packets through', { original: 'limit rate over 10/second drop' }, open],
  ['a second table that accepts opens nothing', { beside: 'table ip x {\n chain f { type filter hook forward priority -10; policy accept; accept\n }\n }' }, open],
  ['a second table that drops closes, at any priority', { beside: 'table ip6 x {\n chain f { type filter hook forward priority 10; policy drop; }\n }' }, open.map((line) => `${line} v4`)],
  ['names of interfaces stand for their groups', { original: 'iifname "wc" oifname "wa" tcp dport 9 accept', reply: 'accept' }, ['16 -> 17 tcp 5432', '18 -> 16 tcp 9', '18 -> 18 tcp 1-2']],
  ['a name with a wildcard stands for all that match', { original: 'iifname "w*" oifname "wa" tcp dport 9 accept', reply: 'accept' }, ['16 -> 16 tcp 9', '16 -> 17 tcp 5432', '17 -> 16 tcp 9', '18 -> 16 tcp 9', '18 -> 18 tcp 1-2']],
  ['an address stands for the group that has it', { original: 'ip saddr 10.1.0.2 ip daddr 10.1.0.4 accept', reply: 'accept' }, [
    '16 -> 17 tcp 5432', '16 -> 18 icmp-other v4', '16 -> 18 icmp v4', '16 -> 18 other v4', '16 -> 18 sctp any v4', '16 -> 18 tcp any v4', '16 -> 18 udp any v4', '18 -> 18 tcp 1-2',
  ]],
  ['replies that do not pass are told', { reply: 'drop' }, open.map((line) => `${line} no-replies`)],
  ['later packets that do not pass are told', { original: 'ct state established drop' }, open.map((line) => `${line} stops`)],
  ['headers that only some packets have are a condition, not a hole to overlook', { original: 'ip dscp 46 oifgroup 18 iifgroup 16 udp dport 5 accept', reply: 'accept' }, [
    '16 -> 17 tcp 5432', '16 -> 18 udp 5 v4 if {"left":{"payload":{"protocol":"ip","field":"dscp"}},"right":"ef"}', '18 -> 18 tcp 1-2',
  ]],
  ['both ports in one match are two', { original: 'oifgroup 18 iifgroup 16 udp sport 7 udp dport 5 accept', reply: 'accept' }, ['16 -> 17 tcp 5432', '16 -> 18 udp 5 if sourcePort', '18 -> 18 tcp 1-2']],
  ['echo is told from other icmp', { original: 'iifgroup 16 oifgroup 18 icmp type echo-request accept', reply: 'accept' }, ['16 -> 17 tcp 5432', '16 -> 18 icmp v4', '18 -> 18 tcp 1-2']],
  ['a source address that the anti-spoofing does not know has no path', { spoof: 'iifname . ip saddr @source4 accept' }, open.map((line) => `${line} v4`)],
]
for (const [title, parts, expected] of cases) {
  test(title, async () => {
    const result = read(await listing.list(guarded(parts)))
    assert.deepEqual(lines(result.paths), expected.map((line) => line.trimEnd()))
    assert.deepEqual(result.unreadable, [])
  })
}

test('a guarded host has no leak, drops by policy and cuts what is revoked', async () => {
  const result = read(await listing.list(guarded()))
  assert.deepEqual(leaks(result), [])
  assert.deepEqual([result.forward, result.noTable, result.survivesRevocation, result.blocked], [{ ipv4: 'drop', ipv6: 'drop' }, false, false, []])
})

const holes: readonly (readonly [string, Parts, RegExp])[] = [
  ['a rule on top that accepts', { forward: 'tcp dport 22 accept' }, /^path: any -> any tcp 22$|^path: 16 -> any tcp 22$/],
  ['a policy that accepts', { policy: 'accept', reply: 'return', original: 'return' }, /^path: 16 -> any udp any$/],
  ['an element of the wrong group', { elements: '16 . 18 . tcp . 5432 : 0x10' }, /^path: 16 -> 18 tcp 5432$/],
  ['a hole for IPv6 alone', { forward: 'meta nfproto ipv6 accept' }, /^path: 16 -> any udp any v6$/],
  ['a shortcut for established connections', { forward: 'ct state established accept' }, /^established: 16 -> any udp any$/],
  ['a shortcut for replies', { forward: 'ct state established ct direction reply accept' }, /^reply: any -> 16 udp any$/],
  ['errors from anyone to anyone', { forward: 'ct state related accept' }, /^related: 16 -> any tcp any$/],
  ['packets of no connection', { forward: 'ct state invalid accept' }, /^invalid: 16 -> any tcp any$/],
  ['neighbour discovery that is forwarded', { forward: 'icmpv6 type nd-neighbor-advert accept' }, /^untracked: 16 -> any icmp-other v6$/],
  ['no check of source addresses', { spoof: 'accept' }, /^spoofed: 16 -> 17 tcp 5432$/],
  ['interfaces that nobody declared', { forward: 'iifname "x0" accept', spoof: 'accept' }, /^unknown-interface: unknown .*-> any tcp any$/],
  ['notrack, which no reply lookup can judge', { spoof: 'notrack accept', forward: 'ct state untracked accept' }, /^path: 16 -> any tcp any$/],
]
for (const [title, parts, expected] of holes) {
  test(`the reader finds ${title}`, async () => {
    const result = read(await listing.list(guarded(parts)))
    const found = [...lines(result.paths).map((line) => `path: ${line}`), ...leaks(result)]
    assert.ok(found.some((line) => expected.test(line)), found.join('\n'))
  })
}

test('an error passes when its mark or its quoted port is of a path between the same two ends', async () => {
  for (const rule of ['oifgroup . iifgroup . ct mark { 16 . 17 . 0x10 }', 'oifgroup . iifgroup . ct protocol { 16 . 17 . tcp } ct mark 0x10']) {
    assert.deepEqual(leaks(read(await listing.list(guarded({ forward: `ct state related ${rule} accept` })))), [], rule)
  }
  const wrong = read(await listing.list(guarded({ forward: 'ct state related oifgroup . iifgroup . ct mark { 18 . 17 . 0x10 } accept' })))
  assert.ok(wrong.leaks.some(({ kind }) => kind === 'related'))
})

test('a deleted table leaves everything open, unless the host routes nothing without a mark', async () => {
  const nothing = await listing.list('')
  const open = read(nothing)
  assert.equal(open.noTable, true)
  assert.ok(lines(open.paths).includes('16 -> any tcp any'))
  assert.deepEqual(read(nothing, { ...host, routed: { mask: 1, value: 1 } }).paths, [])
})

test('what the reader does not understand is named, never passed over', async () => {
  for (const [rule, expression] of [
    ['numgen random mod 2 0 drop', /numgen/],
    ['fib daddr type local drop', /fib/],
    ['meta l4proto tcp jhash ip saddr mod 2 0 drop', /jhash/],
    ['@nh,96,32 1 drop', /"base":"nh"/],
    ['ip daddr set 10.1.0.4', /mangle/],
    ['meta l4proto tcp synproxy mss 1460', /synproxy/],
    ['meta mark set jhash ip saddr mod 8', /jhash/],
  ] as const) {
    const { unreadable } = read(await listing.list(guarded({ forward: rule })))
    assert.ok(unreadable.some(({ at, what }) => expression.test(what) && /^inet t forward handle \d+$/.test(at)), `${rule}: ${JSON.stringify(unreadable)}`)
  }
})

test('a set that packets add to holds anything', async () => {
  const result = read(await listing.list(guarded({
    before: 'set d { type ipv4_addr; flags dynamic; size 10; }', forward: 'ip saddr @d tcp dport 77 accept\n add @d { ip saddr }', reply: 'accept',
  })))
  assert.ok(lines(result.paths).some((line) => line.startsWith('16 -> any tcp 77')), lines(result.paths).join('\n'))
})

test('the outside is told by address: classes outward, screened and translated inward', async () => {
  const result = read(await listing.list(`
    table inet t {
      map class4 { typeof ip daddr : meta mark; flags interval; elements = { 198.51.100.0/24 : 0x700, 203.0.113.0/25 : 0x800 } }
      map out { typeof iifgroup . meta mark . meta l4proto . th dport : meta mark; elements = { 16 . 0x700 . tcp . 443 : 0x21 } }
      map nat { typeof meta mark . ip daddr . tcp dport : ip daddr . tcp dport; elements = { 0x800 . 192.0.2.9 . 443 : 10.1.0.3 . 8443 } }
      chain pre { type filter hook prerouting priority raw; iifname "up" meta mark set ip saddr map @class4
      }
      chain translate { type nat hook prerouting priority dstnat; iifgroup 1 dnat ip to meta mark . ip daddr . tcp dport map @nat
      }
      chain f { type filter hook forward priority filter; policy drop;
        ct direction reply accept
        oifgroup 1 meta mark set ip daddr map @class4 meta mark set iifgroup . meta mark . meta l4proto . th dport map @out accept
        iifgroup 1 oifgroup 17 ct original ip daddr 192.0.2.9 ct status dnat tcp dport 8443 accept
      }
      chain post { type nat hook postrouting priority srcnat; oifgroup 1 masquerade
      }
    }`))
  assert.deepEqual(result.unreadable, [])
  assert.deepEqual(lines(result.paths), ['1 (203.0.113.0/25) -> 17 tcp 8443 v4 published', '16 -> 1 (198.51.100.0/24) tcp 443 v4'])
  const [incoming] = result.paths
  assert.deepEqual(incoming?.published?.ports, [{ from: 443, to: 443 }])
  assert.equal(incoming.published.addresses?.[0]?.first, 0xc0000209n)
})

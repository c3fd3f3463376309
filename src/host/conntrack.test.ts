import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatAddress } from '../net/address.ts'
import { parseConnection } from './conntrack.ts'

test('a TCP connection is told by both of its tuples and its mark', () => {
  const c = parseConnection('ipv4     2 tcp      6 431999 ESTABLISHED src=10.1.0.2 dst=203.0.113.9 sport=45264 dport=443 src=203.0.113.9 dst=198.18.255.2 sport=443 dport=45264 [ASSURED] mark=16 use=1')
  assert.ok(c)
  assert.equal(c.protocol, 'tcp')
  assert.equal(`${formatAddress(c.original.source)}:${c.original.sourcePort}`, '10.1.0.2:45264')
  assert.equal(`${formatAddress(c.reply.destination)}:${c.reply.destinationPort}`, '198.18.255.2:45264')
  assert.equal(c.mark, 16)
})

test('an echo has no ports, in both families', () => {
  const c = parseConnection('ipv6     10 icmpv6   58 29 src=fd00::2 dst=fd00::3 type=128 code=0 id=5 src=fd00::3 dst=fd00::2 type=129 code=0 id=5 mark=3 use=1')
  assert.equal(c?.protocol, 'icmp')
  assert.equal(c?.original.destinationPort, 0)
})

test('a connection that never had an answer has both tuples too', () => {
  const c = parseConnection('ipv4     2 udp      17 29 src=10.1.0.2 dst=10.1.0.3 sport=5000 dport=53 [UNREPLIED] src=10.1.0.3 dst=10.1.0.2 sport=53 dport=5000 mark=0 use=1')
  assert.equal(c?.original.destinationPort, 53)
  assert.equal(c?.mark, 0)
})

test('no text makes the reader throw', () => {
  fc.assert(fc.property(fc.string(), (text) => void parseConnection(`ipv4 2 tcp 6 ${text}`)))
  assert.equal(parseConnection('conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.'), undefined)
})

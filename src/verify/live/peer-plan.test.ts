import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { everything, inventoryOf } from '../../engines/envoy/testing.ts'
import { meshName } from '../../engines/envoy/names.ts'
import { parseAddress } from '../../net/address.ts'
import { judgeGateways } from './gateway-judge.ts'
import { planGateways } from './gateway-plan.ts'
import { tryPeer, tryReach } from './peer-prober.ts'
import type { GatewayTrial } from './gateway-trial.ts'
import type { Outcome, PeerProbe } from './probe.ts'
import type { Shadow } from './plan.ts'

const platform = everything()
const inventory = inventoryOf(platform)
const shadows = [...platform.workloads.values()].map(({ id, phase }, n): Shadow => {
  const [ipv4, ipv6] = [parseAddress(`10.128.1.${n + 1}`), parseAddress(`fdbb:1::1:${n + 1}`)]
  assert.ok(ipv4 !== undefined && ipv6 !== undefined)
  return { workload: id, phase, label: `${id}@${phase}`, ipv4, ipv6 }
})
const { tasks, trials } = planGateways(platform, shadows, {
  now: 0, firstId: 0, outside: false, nameServer: '10.128.0.5', outbound: true, inbound: false, placesOf: () => [], peers: { inventory, from: 'gateway', bundleOf: () => 'PEM' },
})
const of = (kind: GatewayTrial['kind']): readonly GatewayTrial[] => trials.filter((trial) => trial.kind === kind)

test('each way to a Peer is greeted at its gateway in the name of the caller, and nothing else is asked for there', () => {
  const peers = tasks.get('gateway')?.peers ?? []
  const callers = new Set(of('peer').map(({ what }) => what))
  assert.ok(peers.length > 0 && peers.length === of('peer').length && callers.size === peers.length)
  for (const { id, host, port, sni, believes } of peers) {
    const [, name = '', at = '', enclave = '', caller = ''] = /peer:([^/]+)\/lab\/store port (\d+), for ([^/]+)\/(.+)$/.exec(trials[id]?.what ?? '') ?? []
    const peer = platform.peers.get(name)
    assert.deepEqual([host, port, believes], [peer?.gateway.host, peer?.gateway.port, 'PEM'])
    assert.equal(sni, meshName(`spiffe://${platform.trustDomain}/enclave/${enclave}/workload/${caller}`, Number(at), 'store', 'lab', peer?.trustDomain ?? ''))
    assert.deepEqual(trials[id]?.addresses, [`spiffe://${peer?.trustDomain ?? ''}/enclave/lab/workload/store`])
  }
})

test('every identity tries what stands for the workloads of Peers, and who may not is to be refused', () => {
  const reaches = of('reach')
  assert.deepEqual([...new Set(reaches.map(({ from }) => from))].sort(), shadows.map(({ label }) => label).sort())
  assert.ok(reaches.some(({ expect }) => expect === 'allow') && reaches.some(({ expect }) => expect === 'deny'))
  for (const { from, what, expect } of reaches) {
    assert.match(what, /^peer:[^/]+\/lab\/store port \d+ \(.+\)$/)
    const greeted = of('peer').some((trial) => trial.what.includes(`${what.split(' (')[0] ?? ''}, for ${from.split('@')[0] ?? ''}`))
    assert.equal(expect, greeted ? 'allow' : 'deny', `${from} ${what}`)
  }
})

test('what only a path to all workloads over there opens is not tried: without names nothing leads to them', () => {
  const tried = (port: number): readonly string[] => of('reach').filter(({ from, what }) => from.startsWith('a/api@') && what.startsWith(`peer:south/lab/store port ${port} `)).map(({ expect }) => expect)
  assert.deepEqual([tried(9000), [...new Set(tried(9001))]], [[], ['deny']])
})

test('another certificate is wrong, none is told as not tried, and a way that is not open has to be closed', () => {
  const trial = (kind: 'reach' | 'peer', expect: 'allow' | 'deny'): GatewayTrial => ({ id: 1, from: 'f', what: 'w', kind, expect, addresses: kind === 'peer' ? ['URI'] : [], statuses: [] })
  const judged = (of_: GatewayTrial, outcome: Outcome, detail = ''): string => {
    const { open, closed, mismatches, notTried } = judgeGateways([of_], new Map([[1, { id: 1, outcome, detail }]]))
    return [open, closed, mismatches.length, notTried.length].join('')
  }
  const peerTrial = trial('peer', 'allow')
  assert.deepEqual([judged(peerTrial, 'open', 'URI'), judged(peerTrial, 'open', 'OTHER'), judged(peerTrial, 'other', 'why'), judged(peerTrial, 'refused')], ['1000', '0010', '0001', '0010'])
  const [may, mayNot] = [trial('reach', 'allow'), trial('reach', 'deny')]
  assert.deepEqual([judged(may, 'open'), judged(may, 'refused'), judged(may, 'silent')], ['1000', '0010', '0010'])
  assert.deepEqual([judged(mayNot, 'open'), judged(mayNot, 'refused'), judged(mayNot, 'silent')], ['0010', '0100', '0100'])
})

test('a gateway that is not there, has no address or ends the handshake says nothing of our documents', async (t) => {
  const rude = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => void rude.listen(0, '127.0.0.1', resolve))
  t.after(() => rude.close())
  const port = (rude.address() as { readonly port: number }).port
  const probe = { id: 1, host: 'gate.example', port, sni: 's', trustDomain: 'there.example', believes: 'PEM' }
  const at = (address: string | undefined) => (): Promise<string | undefined> => Promise.resolve(address)
  const why = async (given: PeerProbe, found: () => Promise<string | undefined>): Promise<string> => {
    const { outcome, detail } = await tryPeer(given, found, 10_000)
    return `${outcome}: ${detail}`
  }
  assert.equal(await why({ ...probe, believes: undefined }, at('127.0.0.1')), 'other: no trust bundle of `there.example` is held')
  assert.equal(await why(probe, at(undefined)), 'other: the gateway `gate.example` has no address')
  assert.match(await why({ ...probe, believes: '' }, at('127.0.0.1')), /^other: the gateway `gate\.example` shows no certificate/)
  assert.equal((await tryReach({ id: 2, address: '127.0.0.1', port }, 10_000)).outcome, 'open')
  await new Promise<void>((resolve) => void rude.close(() => resolve()))
  assert.equal(await why({ ...probe, host: '127.0.0.1', believes: '' }, at(undefined)), `other: the gateway \`127.0.0.1\` does not answer at port ${port}`)
  assert.equal((await tryReach({ id: 2, address: '127.0.0.1', port }, 10_000)).outcome, 'refused')
})

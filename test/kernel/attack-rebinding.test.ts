/** Names outside that lead where they may at first, and inwards from then on, with the real resolver and gateway of a running platform. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { document, eventually, instanceOfFile, lab, said, upWhole } from './lib/instance.ts'
import { outsideWorld } from './lib/outside-world.ts'
import type { ChildProcess } from '../../src/base/process.ts'
import type { OutsideWorld } from './lib/outside-world.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false
const domain = 'rebound.example'
const steady = `steady.${domain}`
/** Whoever is reached inside writes it down: bytes and connections alike. */
const inside = `const fs=require('fs');fs.writeFileSync('/data/arrived','');for(const p of [80,443])require('net').createServer(s=>{fs.appendFileSync('/data/arrived',p+' ');s.on('error',()=>0).end('HTTP/1.1 200 OK\\r\\ncontent-length: 6\\r\\nconnection: close\\r\\n\\r\\nINSIDE')}).listen(p,'::')`

const i = instanceOfFile()
let world: OutsideWorld
/** Where each name leads in the end. */
let inward: Readonly<Record<string, readonly string[]>> = {}
let good: Readonly<Record<string, readonly string[]>> = {}
let live: ChildProcess
const nameOf = (kind: string): string => `${kind}.${domain}`
const kinds = ['workload', 'workload6', 'itself', 'gateway', 'gateway6', 'front', 'resolver', 'metadata', 'metadata6', 'link', 'loopback', 'loopback6', 'anywhere', 'mapped', 'mapped-loopback', 'translated', 'translated-metadata', 'relayed', 'private', 'private6', 'published', 'mixed', 'alias'] as const
/** Each has a public address of its own, so that every answer tells for which name it was meant. */
const publicOf = (kind: string): string => `203.0.113.${20 + kinds.indexOf(kind as typeof kinds[number])}`

before(async () => {
  if (skip !== false) return
  good = { ...Object.fromEntries(kinds.map((kind) => [nameOf(kind), [publicOf(kind)]])), [steady]: ['203.0.113.10'] }
  world = await outsideWorld(join(i.directory, '..'), good)
  await upWhole(i, lab(
    { client: {}, inner: { script: inside, ports: '[80, 443]' } },
    document('Platform', 'here', `{ trustDomain: here.example, gateway: { addresses: [203.0.113.80, '2001:db8:80::1'] }, resolver: { upstream: [${world.nameServer}] } }`),
    document('External', 'rebound', `{ domains: [${Object.keys(good).join(', ')}] }`),
    document('External', 'world', '{ cidrs: [198.51.100.0/24] }'),
    document('EgressPolicy', 'out', '{ source: client, destination: external:rebound, protocol: tcp, port: [80, 443] }'),
    document('IngressPolicy', 'in', '{ source: external:world, destination: inner, protocol: tcp, port: 80, hosts: [www.example.org], authentication: none }'),
  ), '--outside', world.command)
  const { workloads } = await i.status()
  const placeOf = (name: string): { readonly ipv4: string; readonly ipv6: string } => workloads.find(({ workload }) => workload === `lab/${name}`) ?? { ipv4: '', ipv6: '' }
  const inner = placeOf('inner')
  const pool = inner.ipv6.replace(/[0-9a-f]+$/, '')
  const hex = inner.ipv4.split('.').map((part) => Number(part).toString(16).padStart(2, '0')).join('').replace(/^(.{4})/, '$1:')
  const to: Record<typeof kinds[number], readonly string[]> = {
    workload: [inner.ipv4], workload6: [inner.ipv6], itself: [placeOf('client').ipv4], gateway: ['10.128.0.3'], gateway6: [`${pool}3`], front: ['10.128.0.4'], resolver: ['10.128.0.5'], metadata: ['169.254.169.254'], metadata6: ['fd00:ec2::254'], link: ['fe80::1'],
    loopback: ['127.0.0.1'], loopback6: ['::1'], anywhere: ['0.0.0.0', '::'], mapped: [`::ffff:${inner.ipv4}`], 'mapped-loopback': ['::ffff:127.0.0.1'], translated: [`64:ff9b::${hex}`], 'translated-metadata': ['64:ff9b::a9fe:a9fe'], relayed: [`2002:${hex}::1`],
    private: ['192.168.1.1'], private6: ['fd12::1'], published: ['203.0.113.80'], mixed: [publicOf('mixed'), inner.ipv4], alias: ['inward.other.example'],
  }
  inward = { ...Object.fromEntries(Object.entries(to).map(([kind, addresses]) => [nameOf(kind), addresses])), [steady]: ['203.0.113.10'], 'inward.other.example': [inner.ipv4, inner.ipv6] }
})
after(async () => {
  live?.kill('SIGKILL')
})

/** All at once; what each says, `closed` where there was no answer. `at` is where the client believes the name to be. */
async function fetchAll(scheme: 'http' | 'https', at?: (kind: string) => string): Promise<Readonly<Record<string, string>>> {
  const port = scheme === 'https' ? 443 : 80
  const one = (kind: string): readonly string[] => ['--silent', '--fail', '--insecure', '--max-time', '8', ...(at === undefined ? [] : ['--resolve', `${nameOf(kind)}:${port}:${at(kind)}`]), `${scheme}://${nameOf(kind)}/`]
  const script = `const{execFile:x}=require('child_process');Promise.all(${JSON.stringify(kinds.map(one))}.map(w=>new Promise(d=>x('curl',w,(e,o)=>d(e?'closed':o.trim()))))).then(a=>console.log(JSON.stringify(a)))`
  const { stdout, stderr } = await i.exec('client', 'node', '-e', script)
  assert.ok(stdout.startsWith('['), stderr)
  const answers = JSON.parse(stdout) as readonly string[]
  return Object.fromEntries(kinds.map((kind, n) => [kind, answers[n] ?? '']))
}
const closed = Object.fromEntries(kinds.map((kind) => [kind, 'closed']))
const reached = (scheme: 'http' | 'https'): Readonly<Record<string, string>> => Object.fromEntries(kinds.map((kind) => [kind, `GET ${nameOf(kind)}/ as ${scheme === 'https' ? nameOf(kind) : 'plain'} at ::ffff:${publicOf(kind)}`]))
const arrived = async (): Promise<string> => (await i.exec('inner', 'cat', '/data/arrived')).stdout
/** Which names the client's own resolver tells an address of. */
async function told(): Promise<readonly string[]> {
  const script = `const{promises:d}=require('dns');Promise.all(${JSON.stringify(kinds)}.map(async k=>(await Promise.allSettled([d.resolve4(k+'.${domain}'),d.resolve6(k+'.${domain}')])).some(r=>r.value?.length)?k:'')).then(a=>console.log(JSON.stringify(a.filter(Boolean))))`
  return JSON.parse((await i.exec('client', 'node', '-e', script)).stdout) as readonly string[]
}
const steadily = async (): Promise<void> => {
  const { stdout } = await i.exec('client', 'curl', '--silent', '--insecure', '--max-time', '8', `https://${steady}/`)
  assert.match(stdout, /at ::ffff:203\.0\.113\.10$/m)
}

test('while they lead where they may, all names are reached, in TLS and in plain HTTP', { skip }, async () => {
  await eventually(async () => assert.deepEqual(await fetchAll('https'), reached('https')), 120_000)
  await eventually(async () => assert.deepEqual(await fetchAll('http'), reached('http')), 120_000)
  live = i.spawn('client', 'curl', '--silent', '--insecure', '--no-buffer', '--max-time', '300', `https://${nameOf('workload')}/slow`)
  await said(live, /begun/, 120_000)
})

test('once they lead inwards, nobody is told, and nobody is led there, whatever was known before', { skip }, async () => {
  world.lead(inward)
  // The answers of before end with their times to live.
  await eventually(async () => assert.deepEqual(await told(), []), 120_000)
  assert.deepEqual(await fetchAll('https'), closed)
  assert.deepEqual(await fetchAll('http'), closed)
  // At the address of before, which is still open to this workload, there is what was there before, or nothing.
  for (const scheme of ['https', 'http'] as const) {
    const there = reached(scheme)
    for (const [kind, answer] of Object.entries(await fetchAll(scheme, publicOf))) assert.ok(answer === 'closed' || answer === there[kind], `${kind}: ${answer}`)
  }
  assert.equal(await arrived(), '')
  assert.equal(live.exitCode, null, 'a connection that stood goes on')
})

test('a gateway that knows nothing of before asks anew, and is led nowhere', { skip }, async () => {
  const { stdout } = await i.router('ip', 'netns', 'pids', 'gateway-out')
  await i.router('kill', '-9', ...stdout.split('\n').filter(Boolean))
  await eventually(steadily, 120_000)
  assert.deepEqual(await fetchAll('https', () => '203.0.113.10'), closed)
  assert.deepEqual(await fetchAll('http', () => '203.0.113.10'), closed)
  // Nor by naming the place itself: that is nobody's outside.
  for (const kind of kinds) {
    const [address = ''] = inward[nameOf(kind)] ?? []
    if (/^[\d.]+$/.test(address) && kind !== 'mixed') assert.doesNotMatch((await i.exec('client', 'curl', '--silent', '--insecure', '--max-time', '2', '--resolve', `${steady}:443:${address}`, `https://${steady}/`)).stdout, /INSIDE|GET .* at (?!::ffff:203\.0\.113\.10$)/m, kind)
  }
  assert.equal(await arrived(), '')
})

test('every refusal is said: to the workload and to the gateway, with the address that the name led to', { skip }, async () => {
  await eventually(async () => {
    assert.deepEqual(await told(), [])
    await fetchAll('https', () => '203.0.113.10')
    const { stdout } = await i.bulkhead('flows', '--denied', '--since', '10m')
    for (const who of ['lab/client', 'outbound gateway']) {
      const missing = kinds.filter((kind) => !new RegExp(`deny +${who} -> resolver .*${kind}\\.rebound\\.example: REFUSED, rebinding`).test(stdout))
      assert.deepEqual(missing, [], who)
    }
    const unsaid = kinds.filter((kind) => !new RegExp(`deny +lab/client -> 203\\.0\\.113\\.10 tcp/443 at the outbound gateway: ${kind}\\.rebound\\.example, unresolved`).test(stdout))
    assert.deepEqual(unsaid, [], 'connections')
  }, 120_000)
})

test('the kernel stands behind the resolver: the gateway itself is let to no such place', { skip }, async () => {
  const targets = kinds.flatMap((kind) => (inward[nameOf(kind)] ?? []).filter((address) => !['mixed', 'alias'].includes(kind) && !/^(127|0)\.|^::/.test(address)).flatMap((address) => [[address, 80], [address, 443]] as const))
  const script = `Promise.all(${JSON.stringify([...targets, ['203.0.113.10', 443]])}.map(([host,port])=>new Promise(d=>{const s=require('net').connect({host,port});s.setTimeout(3000,()=>{s.destroy();d()});s.on('error',()=>d());s.on('connect',()=>{s.destroy();d(host+' '+port)})}))).then(a=>console.log(JSON.stringify(a.filter(Boolean))))`
  const { stdout, stderr } = await i.router('ip', 'netns', 'exec', 'gateway-out', process.execPath, '-e', script)
  const open = JSON.parse(stdout || '[]') as readonly string[]
  assert.ok(open.includes('203.0.113.10 443'), `what may be reached is: ${stderr}`)
  const own = new Set(['10.128.0.3'])
  assert.deepEqual(open.filter((each) => each !== '203.0.113.10 443' && !own.has(each.split(' ')[0] ?? '')), [])
  assert.equal(await arrived(), '')
})

test('names that lead outwards again are reached again', { skip }, async () => {
  world.lead(good)
  await eventually(async () => assert.deepEqual(await fetchAll('https'), reached('https')), 120_000)
  assert.equal(await arrived(), '')
})

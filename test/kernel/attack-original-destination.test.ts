/**
 * The outbound gateway goes by where a connection was led from, which the kernel remembers, and by the name that it asks for. A
 * workload says otherwise in every way it has: nothing of that is believed.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { encrypted, eventually, idle, instanceOfFile, lab, upWhole } from './lib/instance.ts'
import { outsideWorld } from './lib/outside-world.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false
const names = { 'pypi.example.org': ['203.0.113.10'], 'files.example.org': ['203.0.113.11'], 'other.example.org': ['203.0.113.12'] }
const external = (name: string): string => `apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: ${name} }\nspec: { domains: [${name}.example.org] }`
const egress = (source: string, to: string, port: string): string =>
  `apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: ${source}-${to}, enclave: lab }\nspec: { source: ${source}, destination: external:${to}, protocol: tcp, port: ${port} }`
const database = `require('net').createServer((s)=>s.on('error',()=>0).end('database')).listen(5432,'::')`

const i = instanceOfFile()

before(async () => {
  if (skip !== false) return
  const world = await outsideWorld(join(i.directory, '..'), names)
  await upWhole(i, lab(
    { client: {}, second: {}, caller: {}, db: { script: database, ports: '[5432]' }, hidden: { script: idle } },
    `apiVersion: bulkhead.dev/v1\nkind: Platform\nmetadata: { name: here }\nspec: { trustDomain: here.example, resolver: { upstream: [${world.nameServer}] } }`,
    external('pypi'), external('files'), egress('client', 'pypi', '443'), egress('client', 'files', '80'), egress('second', 'files', '80'),
    encrypted('sealed', 'caller', 'db', 5432),
  ), '--outside', world.command)
})

const curl = async (workload: string, ...words: readonly string[]): Promise<string> => {
  const { code, stdout } = await i.exec(workload, 'curl', '--silent', '--insecure', '--max-time', '5', ...words)
  return code === 0 ? stdout.trim() : `curl ${code}`
}
/** What comes back over one connection, `nothing` when it was refused, reset or silent. `first` goes before everything else. */
const talk = async (workload: string, host: string, port: number, first: string, servername?: string): Promise<string> => {
  const script = `const s=require('net').connect(${port},${JSON.stringify(host)},()=>{s.write(${JSON.stringify(first)});${servername === undefined ? '' : `t(require('tls').connect({socket:s,servername:${JSON.stringify(servername)},rejectUnauthorized:false},function(){this.write('GET / HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')}))`}});let o='';const t=(x)=>x.on('data',d=>o+=d).on('error',()=>0).on('close',()=>{console.log(o.trim()||'nothing');process.exit()});t(s);setTimeout(()=>{console.log(o.trim()||'nothing');process.exit()},3000)`
  return (await i.exec(workload, 'node', '-e', script)).stdout.trim()
}
const addressOf = async (workload: string): Promise<string> => (await i.status()).workloads.find((w) => w.workload === `lab/${workload}`)?.ipv4 ?? ''

test('what is led goes where its name says', { skip }, async () => {
  await eventually(async () => assert.match(await curl('client', 'https://pypi.example.org/'), /^GET pypi\.example\.org/), 20_000)
  await eventually(async () => assert.match(await curl('client', 'http://files.example.org/'), /^GET files\.example\.org/))
  await eventually(async () => assert.equal(await talk('caller', 'db', 5432, ''), 'database'), 20_000)
})

test('nobody speaks to the gateway itself: its ports answer to what was led there alone', { skip }, async () => {
  const ports = [15_001, 15_002, 443, 80]
  const said = await Promise.all(ports.flatMap((port) => [talk('client', '10.128.0.3', port, '', 'pypi.example.org'), talk('caller', '10.128.0.3', port, '')]))
  assert.deepEqual(new Set(said), new Set(['nothing']))
})

test('a preamble that says where the connection came from or goes is no more than bytes', { skip }, async () => {
  const second = await addressOf('second')
  const plain = 'PROXY TCP4 ' + `${second} 203.0.113.12 4000 443\r\n`
  const binary = '\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c' + '\n\x80\0\x12' + '\xcb\0q\x0c' + '\x0f\xa0\x01\xbb'
  await Promise.all([plain, binary].map(async (first) => {
    assert.doesNotMatch(await talk('client', 'pypi.example.org', 443, first, 'pypi.example.org'), /GET|200/)
    assert.doesNotMatch(await talk('client', 'files.example.org', 80, `${first}GET / HTTP/1.1\r\nhost: files.example.org\r\n\r\n`), /200 OK/)
    assert.notEqual(await talk('client', 'db', 5432, first), 'database')
  }))
})

test('headers that say where a request goes are not believed', { skip }, async () => {
  const forged = ['x-envoy-original-dst-host: 203.0.113.12:80', 'x-forwarded-host: other.example.org', 'x-original-url: http://other.example.org/', 'forwarded: host=other.example.org', 'x-forwarded-for: 10.128.0.17']
  const said = await curl('client', ...forged.flatMap((header) => ['-H', header]), 'http://files.example.org/')
  assert.match(said, /^GET files\.example\.org\/ .*203\.0\.113\.11$/)
  await Promise.all(['other.example.org', 'files.example.org:5432', '203.0.113.12', '10.128.0.4'].map(async (host) => assert.doesNotMatch(await curl('client', '-H', `Host: ${host}`, 'http://files.example.org/'), /^GET/, host)))
})

test('another address under an allowed name leads nowhere else: not to a workload, a gateway, or the machine that forwards', { skip }, async () => {
  const elsewhere = [await addressOf('db'), await addressOf('hidden'), '10.128.0.3', '10.128.0.4', '10.128.0.5', '169.254.1.1', '127.0.0.1']
  await Promise.all(elsewhere.map(async (address) => {
    assert.doesNotMatch(await curl('client', '--resolve', `pypi.example.org:443:${address}`, 'https://pypi.example.org/'), /database|other|secret/, address)
    assert.doesNotMatch(await curl('client', '--resolve', `files.example.org:80:${address}`, 'http://files.example.org/'), /database|other|secret/, address)
  }))
})

test('the port is that to which the connection was led, whatever is said of it', { skip }, async () => {
  assert.doesNotMatch(await curl('client', '--connect-to', 'pypi.example.org:443:pypi.example.org:80', 'https://pypi.example.org/'), /^GET/)
  assert.doesNotMatch(await curl('client', '--resolve', 'pypi.example.org:8443:203.0.113.10', 'https://pypi.example.org:8443/'), /^GET/)
  assert.doesNotMatch(await curl('second', '--resolve', 'pypi.example.org:80:203.0.113.11', 'http://pypi.example.org/'), /^GET/)
})

test('an encrypted path is its own caller\'s, to its own port', { skip }, async () => {
  const db = await addressOf('db')
  assert.equal(await talk('caller', db, 5432, ''), 'database')
  const others = [['client', db, 5432], ['second', db, 5432], ['caller', db, 5433], ['caller', await addressOf('hidden'), 5432]] as const
  assert.deepEqual(await Promise.all(others.map(([who, to, port]) => talk(who, to, port, ''))), others.map(() => 'nothing'))
})

test('a route in the packet itself (IPv4 source routing) is not a workload\'s to write, and would not be taken', { skip }, async () => {
  const packed = (address: string): string => address.split('.').map((part) => `\\x${Number(part).toString(16).padStart(2, '0')}`).join('')
  const [db, allowed] = [await addressOf('db'), '203.0.113.10']
  const tries = ([[db, 5432, allowed], [allowed, 443, db], [db, 5432, '10.128.0.3']] as const).flatMap((each) => ['\\x83', '\\x89'].map((kind) => [...each, kind] as const))
  const said = await Promise.all(tries.map(async ([to, port, through, kind]) => {
    const script = `use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, 0, 4, "\\x01${kind}\\x07\\x04${packed(through)}") or print "not set: $! "; $SIG{ALRM}=sub{print "silent\\n"; exit}; alarm 2; if (connect($s, sockaddr_in(${port}, inet_aton("${to}")))) { my $b = <$s>; print "led: ", defined $b ? $b : "", "\\n" } else { print "refused\\n" }`
    return (await i.exec('client', 'perl', '-e', script)).stdout.trim()
  }))
  assert.ok(said.every((each) => /^(not set: Operation not permitted )?(refused|silent)$/.test(each)), said.join('; '))
})

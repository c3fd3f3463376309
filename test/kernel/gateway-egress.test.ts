import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { eventually, idle, instanceOfFile, lab, said, upWhole } from './lib/instance.ts'
import { outsideWorld } from './lib/outside-world.ts'
import type { TestInstance } from './lib/instance.ts'
import type { OutsideWorld } from './lib/outside-world.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false

const external = (name: string, domains: string): string => `apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: ${name} }\nspec: { domains: [${domains}] }`
const egress = (name: string, source: string, to: string, port: number, extra = ''): string =>
  `apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: ${name}, enclave: lab }\nspec: { source: ${source}, destination: external:${to}, protocol: tcp, port: ${port}${extra} }`
const platform = (nameServer: string): string => `apiVersion: bulkhead.dev/v1\nkind: Platform\nmetadata: { name: here }\nspec: { trustDomain: here.example, resolver: { upstream: [${nameServer}] } }`

const names = {
  'pypi.example.org': ['203.0.113.10', '2001:db8:51::10'], 'files.example.org': ['203.0.113.11'], 'other.example.org': ['203.0.113.12'],
  'inward.example.org': ['10.128.0.17'], 'metadata.example.org': ['169.254.169.254'],
}
const people = { client: {}, second: {}, stranger: { script: idle } }
const everything = (world: OutsideWorld, ...more: readonly string[]): string => lab(
  people, platform(world.nameServer), external('pypi', 'pypi.example.org'), external('files', 'files.example.org'),
  external('inward', 'inward.example.org, metadata.example.org'), ...more,
)
const all = [egress('out', 'client', 'pypi', 443), egress('second-out', 'second', 'pypi', 443), egress('files', 'client', 'files', 80, ', http: { methods: [GET], paths: [/simple/*] }'), egress('inward', 'client', 'inward', 443)]

const i = instanceOfFile()
let world: OutsideWorld

const curl = async (workload: string, ...words: readonly string[]): Promise<string> => {
  const { code, stdout } = await i.exec(workload, 'curl', '--silent', '--insecure', '--max-time', '5', ...words)
  return code === 0 ? stdout.trim() : `curl ${code}`
}

/** For what has to be reached: on a machine that is busy it may take its time. */
const reached = (workload: string, ...words: readonly string[]): Promise<string> => curl(workload, '--max-time', '60', ...words)

before(async () => {
  if (skip !== false) return
  world = await outsideWorld(join(i.directory, '..'), names)
  await upWhole(i, everything(world, ...all), '--outside', world.command)
})

test('an allowed name is reached by TLS, in both families, and the certificate is the server\'s own', { skip }, async () => {
  await eventually(async () => assert.equal(await reached('client', 'https://pypi.example.org/simple'), 'GET pypi.example.org/simple as pypi.example.org at ::ffff:203.0.113.10'))
  assert.match(await reached('client', '-6', 'https://pypi.example.org/'), /as pypi\.example\.org/)
  const { stdout } = await i.exec('client', 'sh', '-c', 'openssl s_client -connect pypi.example.org:443 -servername pypi.example.org < /dev/null 2>/dev/null | openssl x509')
  assert.equal(stdout.trim(), readFileSync(world.authority, 'utf8').trim())
})

test('nothing else is reached: another name, another name at an admitted address, no name, an address, another port, another workload', { skip }, async () => {
  assert.match(await reached('client', 'https://pypi.example.org/'), /^GET/)
  assert.equal(await curl('client', 'https://other.example.org/'), 'curl 6')
  assert.doesNotMatch(await curl('client', '--resolve', 'other.example.org:443:203.0.113.10', 'https://other.example.org/'), /GET/)
  assert.doesNotMatch(await curl('client', 'https://203.0.113.10/'), /GET/)
  assert.doesNotMatch(await curl('client', 'https://203.0.113.12/'), /GET/)
  assert.doesNotMatch(await curl('client', 'http://pypi.example.org/'), /GET/)
  assert.equal(await curl('stranger', 'https://pypi.example.org/'), 'curl 6')
  assert.doesNotMatch(await curl('stranger', '--resolve', 'pypi.example.org:443:203.0.113.10', 'https://pypi.example.org/'), /GET/)
  assert.doesNotMatch(readFileSync(join(i.directory, '..', 'outside-questions'), 'utf8'), /other/, 'no question for another name leaves')
})

test('a forged address gains nothing: the gateway asks for the name itself', { skip }, async () => {
  await curl('client', 'https://pypi.example.org/')
  assert.match(await reached('client', '--resolve', 'pypi.example.org:443:203.0.113.10', 'https://pypi.example.org/'), /at ::ffff:203\.0\.113\.10$|at 2001:db8:51::10$/)
  assert.doesNotMatch(await curl('client', '--resolve', 'pypi.example.org:443:203.0.113.99', 'https://pypi.example.org/'), /GET/)
})

test('plain HTTP is held to its methods and paths', { skip }, async () => {
  await eventually(async () => assert.match(await reached('client', 'http://files.example.org/simple/x'), /^GET files\.example\.org\/simple\/x/))
  assert.doesNotMatch(await curl('client', 'http://files.example.org/secret'), /as plain/)
  assert.doesNotMatch(await curl('client', '-X', 'DELETE', 'http://files.example.org/simple/x'), /as plain/)
  assert.doesNotMatch(await curl('client', '-H', 'Host: other.example.org', 'http://files.example.org/simple/x'), /as plain/)
})

test('a name that leads inwards is answered to nobody', { skip }, async () => {
  for (const name of ['inward.example.org', 'metadata.example.org']) assert.equal(await curl('client', `https://${name}/`), 'curl 6')
})

test('a policy that goes cuts its live connections, and leaves others theirs', { skip }, async () => {
  const slow = (workload: string): ReturnType<TestInstance['spawn']> => i.spawn(workload, 'curl', '--silent', '--insecure', '--no-buffer', '--max-time', '300', 'https://pypi.example.org/slow')
  const [mine, theirs] = [slow('client'), slow('second')]
  await Promise.all([said(mine, /begun/), said(theirs, /begun/)])
  const ended = new Promise<number>((resolve) => mine.once('exit', () => resolve(performance.now())))
  const began = performance.now()
  await i.apply(everything(world, ...all.slice(1)))
  assert.ok((await ended) - began < 120_000, 'it does not wait for its own time-out')
  await said(theirs, /\.\n\.\n\.\n/)
  assert.equal(theirs.exitCode, null, 'the other one goes on')
  theirs.kill('SIGKILL')
  assert.equal(await curl('client', 'https://pypi.example.org/'), 'curl 6')
  await i.apply(everything(world, ...all))
  assert.match(await reached('client', 'https://pypi.example.org/'), /^GET/)
})

test('while the gateway or the resolver is down its paths are closed, and it is started again', { skip }, async () => {
  for (const [gateway, program] of [['gateway-out', 'envoy'], ['resolver', 'node']] as const) {
    const { stdout } = await i.router('ip', 'netns', 'pids', gateway)
    await i.router('kill', '-9', ...stdout.split('\n').filter(Boolean))
    assert.doesNotMatch(await curl('client', '--max-time', '1', 'https://pypi.example.org/'), /GET .* never/, program)
    await eventually(async () => assert.match(await reached('client', 'https://pypi.example.org/'), /^GET/), 90_000)
    assert.ok(((await i.status()).gateways.find((g) => g.gateway === gateway)?.restarts ?? 0) > 0)
  }
})

test('a new agent adopts the gateway with its connections', { skip }, async () => {
  const live = i.spawn('client', 'curl', '--silent', '--insecure', '--no-buffer', '--max-time', '300', 'https://pypi.example.org/slow')
  await said(live, /begun/)
  await i.killAgent()
  const report = await i.up(everything(world, ...all))
  assert.deepEqual(report.failed, [])
  await said(live, /\.\n\.\n\.\n/)
  live.kill('SIGKILL')
  assert.equal((await i.status()).enforced, true)
  assert.match(await reached('client', 'https://pypi.example.org/'), /^GET/)
})

test('what gateway and resolver decided is in the records, with the policy and the reason', { skip }, async () => {
  await curl('client', 'https://pypi.example.org/')
  await curl('client', '--resolve', 'unknown.example.org:443:203.0.113.10', 'https://unknown.example.org/')
  await curl('client', 'https://other.example.org/')
  await eventually(async () => {
    const { stdout } = await i.bulkhead('flows', '--since', '5m')
    assert.match(stdout, /allow lab\/client -> resolver udp\/53 at the resolver: A pypi\.example\.org: NOERROR, by EgressPolicy lab\/out/)
    assert.match(stdout, /deny  lab\/client -> resolver udp\/53 at the resolver: A other\.example\.org: REFUSED, no-policy/)
    assert.match(stdout, /allow lab\/client -> 203\.0\.113\.10 tcp\/443 at the outbound gateway: pypi\.example\.org, by EgressPolicy lab\/out/)
    assert.match(stdout, /deny  lab\/client -> 203\.0\.113\.10 tcp\/443 at the outbound gateway: unknown\.example\.org, policy/)
  })
})

/** `bulkhead verify` and the gateways: what they go by is read back, and tried. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { eventually, idle, instanceOfFile, lab, upWhole } from './lib/instance.ts'
import { outsideWorld } from './lib/outside-world.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false

const external = (name: string, what: string): string => `apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: ${name} }\nspec: { ${what} }`
const ingress = (name: string, rest: string): string =>
  `apiVersion: bulkhead.dev/v1\nkind: IngressPolicy\nmetadata: { name: ${name}, enclave: lab }\nspec: { source: external:world, destination: web, protocol: tcp, port: 8080, hosts: [${name}.example.org], ${rest} }`
const site = `require('http').createServer((q,r)=>{console.log('touched '+q.url);r.end('web')}).listen(8080,'::')`

const i = instanceOfFile()
let set = ''

const fileOf = (gateway: string, name: string): string => join(i.state, 'default', 'gateways', gateway, name)
/** What every attack on a gateway's files comes down to; gives back what was there. */
const change = (gateway: string, name: string, with_: (text: string) => string, inPlace = false): string => {
  const path = fileOf(gateway, name)
  const before = readFileSync(path, 'utf8')
  const text = with_(before)
  assert.ok(text !== before, 'something changes')
  if (inPlace) writeFileSync(path, text)
  else {
    writeFileSync(`${path}.other`, text)
    renameSync(`${path}.other`, path)
  }
  return before
}
/** `true`, or `false` and which readings are not as they should be. */
const told = async (): Promise<string> => {
  const { good, gateways } = await i.verify()
  return [good, ...gateways.filter((g) => g.differences.length > 0).map((g) => `${g.gateway} ${g.what}`)].join(', ')
}

before(async () => {
  if (skip !== false) return
  const folder = join(i.directory, '..')
  const world = await outsideWorld(folder, { 'pypi.example.org': ['203.0.113.10', '2001:db8:51::10'] })
  writeFileSync(join(folder, 'keys.json'), JSON.stringify({ keys: [{ ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }] }))
  set = lab(
    { client: {}, stranger: { script: idle }, web: { script: site, ports: '[8080]' } },
    `apiVersion: bulkhead.dev/v1\nkind: Platform\nmetadata: { name: here }\nspec: { trustDomain: here.example, gateway: { addresses: [203.0.113.80] }, resolver: { upstream: [${world.nameServer}] } }`,
    external('pypi', 'domains: [pypi.example.org]'), external('gone', 'domains: [gone.example.org]'), external('world', 'cidrs: [198.51.100.0/24]'),
    ...['pypi', 'gone'].map((name) => `apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: ${name}, enclave: lab }\nspec: { source: client, destination: external:${name}, protocol: tcp, port: 443 }`),
    ingress('open', 'authentication: none, routes: [{ path: /read/*, methods: [GET] }]'),
    ingress('token', `authentication: { jwt: { issuer: 'https://issuer.example', audiences: [portal], jwksFile: ${join(folder, 'keys.json')} } }`),
    ingress('machines', 'authentication: { mtls: { subjects: [\'spiffe://here.example/enclave/lab/workload/client\'] } }'),
  )
  await upWhole(i, set, '--outside', world.command)
})

test('what both gateways go by, and what they would begin with, is what the documents say', { skip }, async () => {
  const { good, gateways, mismatches, deviations } = await i.verify()
  assert.equal(good, true, JSON.stringify([gateways, mismatches, deviations]).slice(0, 3000))
  assert.deepEqual(gateways.map((g) => [g.gateway, g.what, g.compared === g.planned && g.compared > 10]), [
    ['outbound', 'in force', true], ['outbound', 'files', true], ['inbound', 'in force', true], ['inbound', 'files', true],
  ])
})

test('names, servers outside and requests are tried, what nobody answers is told as not tried, and no workload is asked for anything', { skip }, async () => {
  const { trials } = await i.verify()
  assert.deepEqual(trials.mismatches, [])
  assert.ok(trials.open >= 3 && trials.closed >= 40, JSON.stringify(trials))
  assert.deepEqual([...new Set(trials.notTried.map(({ from, what }) => `${from.split('@')[0] ?? ''} ${what.replace(/.*(gone\.example\.org).*/, '$1')}`))], ['lab/client gone.example.org'])
  assert.doesNotMatch((await i.bulkhead('logs', 'web')).stdout, /touched/)
})

test('a file that is changed behind the gateway\'s back is found, though nothing is in force yet', { skip }, async () => {
  const before = change('inbound', 'lds.json', (text) => text.replaceAll('"open.example.org"', '"nobody.bulkhead.invalid"'), true)
  assert.equal(await told(), 'false, inbound files')
  writeFileSync(fileOf('inbound', 'lds.json'), before)
  assert.equal(await told(), 'true')
})

test('a name that a gateway was given by another than the agent is found in what is in force', { skip }, async () => {
  const before = change('outbound', 'lds.json', (text) => text.replaceAll('"pypi.example.org"', '"not-pypi.example.org"').replace(/"version_info": "/, '"version_info": "x'))
  await eventually(async () => assert.equal(await told(), 'false, outbound in force, outbound files'), 10_000)
  change('outbound', 'lds.json', () => before)
  await eventually(async () => assert.equal(await told(), 'true'), 10_000)
})

test('a resolver that is down fails the verification', { skip }, async () => {
  const { pid } = await i.status()
  await i.router('kill', '-STOP', String(pid))
  try {
    const { stdout } = await i.router('ip', 'netns', 'pids', 'resolver')
    await i.router('kill', '-9', ...stdout.split('\n').filter(Boolean))
    const { good, trials } = await i.verify()
    assert.equal(good, false)
    assert.ok(trials.mismatches.some(({ what, expect }) => expect === 'allow' && what === 'pypi.example.org'), JSON.stringify(trials.mismatches))
  } finally {
    await i.router('kill', '-CONT', String(pid))
  }
})

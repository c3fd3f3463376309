import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { eventually, instanceOfFile, lab, upWhole } from './lib/instance.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function token(claims: object, key = privateKey, header: object = { alg: 'ES256', kid: 'one', typ: 'JWT' }): string {
  const said = `${encode(header)}.${encode({ iss: 'https://issuer.example', aud: 'portal', sub: 'ada', exp: Math.floor(Date.now() / 1000) + 600, ...claims })}`
  return `${said}.${sign('sha256', Buffer.from(said), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** Tells what it was asked for, and by whom it believes it was asked. */
const site = (name: string): string => `require('http').createServer((q,r)=>r.end('${name} '+q.method+' '+q.url+' for '+(q.headers['x-bulkhead-identity']??'nobody')+'\\n')).listen(8080,'::')`
const gateway = '203.0.113.80'
const documents = (folder: string, ...more: readonly string[]): string => lab(
  { web: { script: site('web'), ports: '[8080]' }, api: { script: site('api'), ports: '[8080]' }, secret: { script: site('secret'), ports: '[8080]' } },
  `apiVersion: bulkhead.dev/v1\nkind: Platform\nmetadata: { name: here }\nspec: { trustDomain: here.example, gateway: { addresses: ['${gateway}', '2001:db8:80::1'], httpPort: 80 } }`,
  'apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: world }\nspec: { cidrs: [198.51.100.0/24, \'2001:db8:a::/48\'] }',
  `apiVersion: bulkhead.dev/v1\nkind: IngressPolicy\nmetadata: { name: api, enclave: lab }\nspec:\n  source: external:world\n  destination: api\n  protocol: tcp\n  port: 8080\n  hosts: [api.example.org]\n  authentication: { jwt: { issuer: 'https://issuer.example', audiences: [portal], jwksFile: ${join(folder, 'keys.json')} } }\n  routes:\n    - { path: /read/*, methods: [GET] }\n    - { path: /admin, claims: { role: admin } }`,
  ...more,
)
const web = 'apiVersion: bulkhead.dev/v1\nkind: IngressPolicy\nmetadata: { name: web, enclave: lab }\nspec: { source: external:world, destination: web, protocol: tcp, port: 8080, hosts: [www.example.org], authentication: none }'

const i = instanceOfFile()
let folder = ''

const curl = async (url: string, ...words: readonly string[]): Promise<string> => {
  const host = new URL(url).hostname
  const from = words.includes('--interface') ? [] : ['--interface', '198.51.100.7']
  const at = words.includes('-6') ? '[2001:db8:80::1]' : gateway
  const { code, stdout } = await i.bulkhead('exec', '--outside', '--', 'curl', '--silent', '--cacert', join(folder, 'roots.pem'), '--max-time', '5', '--write-out', '%{http_code}', ...from, '--resolve', `${host}:443:${at}`, '--resolve', `${host}:80:${at}`, ...words, url)
  return code === 0 ? stdout.trim().replace('\n', ' ') : `curl ${code}`
}
const bearer = (text: string): readonly string[] => ['-H', `Authorization: Bearer ${text}`]

before(async () => {
  if (skip !== false) return
  folder = join(i.directory, '..')
  writeFileSync(join(folder, 'keys.json'), JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }] }))
  await upWhole(i, documents(folder, web))
  // What the platform's authority vouches for, as a workload finds it.
  writeFileSync(join(folder, 'roots.pem'), (await i.exec('web', 'cat', '/run/bulkhead/svid/bundle.pem')).stdout)
})

test('a host name is served by TLS with a certificate of the platform\'s authority, in both families', { skip }, async () => {
  await eventually(async () => assert.equal(await curl('https://www.example.org/page?x=1'), 'web GET /page?x=1 for nobody 200'))
  assert.equal(await curl('https://www.example.org/', '-6', '--interface', '2001:db8:a::7'), 'web GET / for nobody 200')
  assert.match(await curl('http://www.example.org/'), /^30\d$/, 'without TLS it only says where to go')
})

test('another host, another client address and the workload\'s own address are refused', { skip }, async () => {
  assert.doesNotMatch(await curl('https://nobody.example.org/', '--insecure'), /200/)
  assert.doesNotMatch(await curl('https://www.example.org/', '--insecure', '-H', 'Host: api.example.org'), /api GET/)
  assert.match(await curl('https://www.example.org/', '--interface', '192.0.2.7'), /curl/)
  const place = (await i.status()).workloads.find((w) => w.workload === 'lab/web')
  assert.match(await curl(`http://${place?.ipv4 ?? ''}:8080/`), /curl/)
  // The gateway is no way to anything else.
  assert.match(await curl(`http://10.128.0.4:443/`), /curl/)
})

test('a token is asked for, and only a good one opens', { skip }, async () => {
  const url = 'https://api.example.org/read/x'
  assert.equal(await curl(url, ...bearer(token({}))), 'api GET /read/x for https://issuer.example#ada 200')
  const none = `${encode({ alg: 'none' })}.${encode({ iss: 'https://issuer.example', aud: 'portal', sub: 'eve' })}.`
  for (const bad of [undefined, token({ aud: 'other' }), token({ exp: 1 }), token({ iss: 'https://evil.example' }), token({}, stranger.privateKey), none]) {
    assert.match(await curl(url, ...(bad === undefined ? [] : bearer(bad))), /40[13]$/, bad)
  }
})

test('routes are held to path, method and claims, and the identity header is not the client\'s to set', { skip }, async () => {
  const good = bearer(token({}))
  assert.doesNotMatch(await curl('https://api.example.org/read/x', '-X', 'POST', ...good), /200/)
  assert.doesNotMatch(await curl('https://api.example.org/other', ...good), /200/)
  assert.doesNotMatch(await curl('https://api.example.org/admin', ...good), /200/)
  assert.match(await curl('https://api.example.org/admin', ...bearer(token({ role: 'admin' }))), /^api GET \/admin .*200$/)
  assert.equal(await curl('https://www.example.org/', '-H', 'x-bulkhead-identity: root'), 'web GET / for nobody 200')
  assert.equal(await curl('https://api.example.org/read/x', ...good, '-H', 'X-Bulkhead-Identity: root'), 'api GET /read/x for https://issuer.example#ada 200')
  assert.doesNotMatch(await curl('https://api.example.org/read/../admin', '--path-as-is', ...good), /200/)
})

test('a policy that goes closes its host, and others stay', { skip }, async () => {
  await i.apply(documents(folder))
  await eventually(async () => assert.doesNotMatch(await curl('https://www.example.org/', '--insecure'), /200/))
  assert.match(await curl('https://api.example.org/read/x', ...bearer(token({}))), /200$/)
})

test('requests are in the records, with the policy or the reason', { skip }, async () => {
  await curl('https://api.example.org/read/x', ...bearer(token({})))
  await curl('https://api.example.org/read/x')
  await eventually(async () => {
    const { stdout } = await i.bulkhead('flows', '--since', '5m')
    assert.match(stdout, /allow 198\.51\.100\.7 \(world\) -> lab\/api tcp\/443 at the inbound gateway: GET api\.example\.org\/read\/x: 200, by IngressPolicy lab\/api/)
    assert.match(stdout, /deny  198\.51\.100\.7 \(world\) -> inbound gateway tcp\/443 at the inbound gateway: GET api\.example\.org\/read\/x: 401, authentication/)
  }, 90_000)
})

test('an issuer\'s new keys hold without an apply, and what the old ones signed does not', { skip }, async () => {
  const url = 'https://api.example.org/read/x'
  const next = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  assert.match(await curl(url, ...bearer(token({}, next.privateKey))), /401$/)
  writeFileSync(join(folder, 'keys.json'), JSON.stringify({ keys: [{ ...next.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }] }))
  await eventually(async () => assert.match(await curl(url, ...bearer(token({}, next.privateKey))), /200$/), 90_000)
  assert.match(await curl(url, ...bearer(token({}))), /401$/)
})

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { openAuthority } from '../../src/identity/authority.ts'
import { bundlePem, encodeBundle } from '../../src/identity/bundle.ts'
import { bundleOf } from '../../src/identity/bundle-exchange.ts'
import { dial, echo, eventually, lab, withInstance } from './lib/instance.ts'
import { outsideWorld } from './lib/outside-world.ts'
import type { PeerStatus } from '../../src/host/report.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false
const there = 'partner.example'
const gateway = '203.0.113.80'

const platform = (nameServer: string): string =>
  `apiVersion: bulkhead.dev/v1\nkind: Platform\nmetadata: { name: here }\nspec: { trustDomain: here.example, gateway: { addresses: [${gateway}, "2001:db8:80::1"] }, resolver: { upstream: [${nameServer}] } }`
const peer = `apiVersion: bulkhead.dev/v1\nkind: Peer\nmetadata: { name: partner }\nspec: { trustDomain: ${there}, bundleEndpoint: { url: "https://bundles.${there}:9444/bundle.json", profile: https_spiffe }, gateway: "203.0.113.90:15443" }`
const shared = 'apiVersion: bulkhead.dev/v1\nkind: FederationPolicy\nmetadata: { name: shared, enclave: lab }\nspec: { exports: [{ source: peer:partner/site/app, destination: server, protocol: tcp, port: 7000 }] }'
const server = { server: { script: echo(7000), ports: '[7000]' } }

test('bundles are exchanged with a Peer, by names and identities, and trust ends with it', { skip }, async () => {
  await withInstance(async (i) => {
    const folder = join(i.directory, '..', 'partner')
    mkdirSync(folder)
    const partner = openAuthority({ folder: join(folder, 'authority'), trustDomain: there, supplied: undefined, svidSeconds: 3600, refreshHint: 5 })
    const proof = partner.issue(`spiffe://${there}/bundle-endpoint`)
    const publish = (document: string): void => writeFileSync(join(folder, 'bundle.json'), document)
    publish(encodeBundle(partner.bundle()))
    writeFileSync(join(folder, 'chain.pem'), proof.chain)
    writeFileSync(join(folder, 'key.pem'), proof.key.reveal(), { mode: 0o600 })
    const world = await outsideWorld(join(i.directory, '..'), { [`bundles.${there}`]: ['203.0.113.50'] })
    const endpoint = `'${process.execPath}' '${fileURLToPath(new URL('lib/bundle-peer-main.ts', import.meta.url))}' '${folder}' ${there} 9444`
    const everything = lab({ ...server, client: {} }, platform(world.nameServer), peer, shared)
    await i.up(lab(server, platform(world.nameServer)), '--outside', `${endpoint} & ${world.command}`)
    assert.notEqual((await i.exec('--outside', ...dial(gateway, 8443, 1_000))).stdout, 'open\n', 'without Peers nobody has to know')
    await eventually(async () => assert.equal((await i.exec('--outside', ...dial('203.0.113.50', 9444))).stdout, 'open\n'))
    const report = await i.apply(everything)
    assert.deepEqual([report.applied, report.failed, report.refused], [true, [], []])

    const peerNow = async (): Promise<PeerStatus | undefined> => (await i.status()).peers[0]
    const believed = (): string => {
      const at = join(i.state, 'default', 'gateways', 'inbound')
      return readdirSync(at).filter((name) => name.startsWith('sds-bundle-')).map((name) => readFileSync(join(at, name), 'utf8')).join().replaceAll('\\n', '').replaceAll('"', '')
    }
    const rootsOf = (document: string): readonly string[] => (JSON.parse(document) as { keys: readonly { x5c: readonly string[] }[] }).keys.map(({ x5c: [root = ''] }) => root.slice(0, 60))
    const isBelieved = (document: string): boolean => rootsOf(document).every((root) => believed().includes(root))

    // Nobody can say who serves the first one.
    await eventually(async () => assert.match((await peerNow())?.problem ?? '', /there is no bundle of `partner\.example` yet/))
    const first = encodeBundle(partner.bundle())
    assert.deepEqual([(await peerNow())?.known, isBelieved(first)], [false, false])
    writeFileSync(join(folder, 'by-hand.json'), first)
    assert.equal((await i.bulkhead('identity', '--peer', there, '--trust', join(folder, 'by-hand.json'))).code, 0)
    await eventually(async () => {
      const now = await peerNow()
      assert.deepEqual([now?.known, now?.sequence, now?.problem, typeof now?.fetched], [true, String(partner.bundle().sequence), undefined, 'string'])
    }, 90_000)
    assert.ok(isBelieved(first), 'without another document')

    // Ours, from outside, in both families, by the identity of the endpoint.
    const ours = (await i.bulkhead('identity', '--bundle')).stdout
    for (const host of [gateway, '[2001:db8:80::1]']) {
      const { stdout, stderr } = await i.exec('--outside', 'curl', '--silent', '--show-error', '--insecure', '--max-time', '5', `https://${host}:8443/bundle.json`)
      assert.equal(stdout, ours, stderr)
    }
    writeFileSync(join(folder, 'ours.pem'), bundlePem(bundleOf({ trustDomain: 'here.example', document: ours })))
    const shown = await i.exec('--outside', 'sh', '-c', `openssl s_client -connect ${gateway}:8443 -CAfile '${join(folder, 'ours.pem')}' -verify_return_error < /dev/null | openssl x509 -noout -ext subjectAltName`)
    assert.match(shown.stdout, /URI:spiffe:\/\/here\.example\/bundle-endpoint/, shown.stderr)
    assert.notEqual((await i.exec('--outside', ...dial(gateway, 9444, 1_000))).stdout, 'open\n')
    for (const address of [gateway, '10.128.0.4']) assert.notEqual((await i.exec('client', ...dial(address, 8443, 1_000))).stdout, 'open\n', 'workloads have nothing to do with it')

    // A new one is believed as soon as it is fetched; the one before comes back for nobody.
    partner.rotateRoot()
    const second = encodeBundle(partner.bundle())
    publish(second)
    await eventually(async () => assert.equal((await peerNow())?.sequence, String(partner.bundle().sequence)), 90_000)
    assert.equal(rootsOf(second).length, 2)
    await eventually(() => Promise.resolve(assert.ok(isBelieved(second))))
    publish(first)
    await eventually(async () => assert.match((await peerNow())?.problem ?? '', /has number \d+; the one of .* has number/), 90_000)
    assert.ok(isBelieved(second))
    assert.equal((await peerNow())?.sequence, String(partner.bundle().sequence))
    assert.match((await i.bulkhead('status')).stdout, /peer partner\.example bundle \d+, fetched .*: the bundle of `partner\.example` has number/)
    assert.equal((await i.status()).enforced, true)

    await i.apply(lab(server, platform(world.nameServer)))
    assert.deepEqual((await i.status()).peers, [])
    assert.equal(believed(), '', 'nothing that a gateway reads holds its roots')
    assert.notEqual((await i.exec('--outside', ...dial(gateway, 8443, 1_000))).stdout, 'open\n')
    const svids = join(i.state, 'default', 'identity', 'svid', 'lab')
    assert.deepEqual(readdirSync(svids), ['server'], 'who has left leaves no key')
  })
})

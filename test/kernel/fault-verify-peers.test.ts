/** `bulkhead verify` and Peers: what leads to them is tried from here, and nothing is asked of their workloads. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { meshName } from '../../src/engines/envoy/names.ts'
import { openAuthority } from '../../src/identity/authority.ts'
import { encodeBundle } from '../../src/identity/bundle.ts'
import { dial, eventually, idle, lab, upWhole, withInstance } from './lib/instance.ts'
import { outsideWorld } from './lib/outside-world.ts'
import type { Authority } from '../../src/identity/authority.ts'
import type { GatewayVerdict } from '../../src/verify/live/gateway-judge.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false
const there = 'partner.example'
const store = `spiffe://${there}/enclave/site/workload/store`
const program = fileURLToPath(new URL('lib/peer-door-main.ts', import.meta.url))

const set = (nameServer: string, ...more: readonly string[]): string => lab(
  { client: {}, stranger: { script: idle } },
  `apiVersion: bulkhead.dev/v1\nkind: Platform\nmetadata: { name: here }\nspec: { trustDomain: here.example, gateway: { addresses: [203.0.113.80] }, resolver: { upstream: [${nameServer}] } }`,
  `apiVersion: bulkhead.dev/v1\nkind: Peer\nmetadata: { name: partner }\nspec: { trustDomain: ${there}, bundleEndpoint: { url: "https://203.0.113.50:9444/bundle.json", profile: https_spiffe }, gateway: "gate.${there}:15443" }`,
  'apiVersion: bulkhead.dev/v1\nkind: FederationPolicy\nmetadata: { name: ask, enclave: lab }\nspec: { imports: [{ source: client, destination: peer:partner/site/store, protocol: tcp, port: 5432 }] }',
  ...more,
)

test('what leads to a Peer is tried up to its gateway\'s certificate, and by nobody but who may', { skip }, async () => {
  await withInstance(async (i) => {
    const folder = join(i.directory, '..', 'partner')
    mkdirSync(folder)
    const authorityAt = (name: string): Authority => openAuthority({ folder: join(folder, name), trustDomain: there, supplied: undefined, svidSeconds: 3600, refreshHint: 300 })
    const [partner, impostor] = ['authority', 'impostor'].map(authorityAt)
    assert.ok(partner !== undefined && impostor !== undefined)
    const show = (by: Authority | undefined, id: string): void => {
      const svid = by?.issue(id)
      writeFileSync(join(folder, 'shown-key.pem'), svid?.key.reveal() ?? '', { mode: 0o600 })
      writeFileSync(join(folder, 'shown.pem'), svid?.chain ?? '')
    }
    const heard = (): readonly string[] => (existsSync(join(folder, 'heard')) ? [...new Set(readFileSync(join(folder, 'heard'), 'utf8').trim().split('\n'))].sort() : [])
    const tried = async (): Promise<GatewayVerdict & { readonly good: boolean }> => {
      const { trials, good, mismatches, deviations, gateways } = await i.verify()
      assert.deepEqual([mismatches, deviations, gateways.flatMap((g) => g.differences)], [[], [], []])
      return { ...trials, good }
    }
    const aboutDoor = ({ notTried }: GatewayVerdict): readonly string[] => notTried.filter(({ what }) => what.startsWith('the certificate of')).map(({ from, what, why }) => `${from}: ${what}: ${why}`)

    show(partner, store)
    const world = await outsideWorld(join(i.directory, '..'), { [`gate.${there}`]: ['203.0.113.90'] })
    await upWhole(i, set(world.nameServer), '--outside', `'${process.execPath}' '${program}' '${folder}' 15443 & ${world.command}`)
    await eventually(async () => assert.equal((await i.exec('--outside', ...dial('203.0.113.90', 15443))).stdout, 'open\n'))

    const unknown = await tried()
    assert.deepEqual([unknown.good, aboutDoor(unknown)], [true, [`outbound gateway: the certificate of peer:partner/site/store port 5432, for lab/client: no trust bundle of \`${there}\` is held`]])
    assert.deepEqual(heard().filter((line) => line.startsWith('name')), [], 'who is not believed is not asked')

    writeFileSync(join(folder, 'bundle.json'), encodeBundle(partner.bundle()))
    assert.equal((await i.bulkhead('identity', '--peer', there, '--trust', join(folder, 'bundle.json'))).code, 0)
    const known = await tried()
    assert.deepEqual([known.good, known.mismatches, aboutDoor(known)], [true, [], []])
    assert.equal(known.open, unknown.open + 1)
    assert.deepEqual(heard(), [`name ${meshName('spiffe://here.example/enclave/lab/workload/client', 5432, 'store', 'site', there)}`], 'one name, no certificate, not a word')

    show(impostor, store)
    assert.deepEqual((await tried()).mismatches.map(({ found }) => found), [`open (URI:${store} by an authority that is not believed)`])
    show(partner, `${store}-not`)
    assert.deepEqual((await tried()).mismatches.map(({ found }) => found), [`open (${store}-not)`])
    show(undefined, store)
    const closed = await tried()
    assert.deepEqual([closed.good, aboutDoor(closed).map((text) => /`gate\.partner\.example` shows no certificate/.test(text))], [true, [true]])
  })
})

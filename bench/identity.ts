/**
 * How many identities one core issues, beside what cannot be done without: a key pair, one signature, and the key as text.
 * Also checking one, and putting one in its place.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuthority } from '../src/identity/authority.ts'
import { certificatesOfPem } from '../src/identity/pem.ts'
import { writeSvidFolder } from '../src/identity/svid-files.ts'
import { verifySvid } from '../src/identity/verify-svid.ts'
import { option, quick, report } from './lib/results.ts'
import { table, withSpread } from './lib/stats.ts'

const rounds = Number(option('rounds') ?? (quick ? 2 : 9))
const count = Number(option('count') ?? (quick ? 50 : 500))

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const authority = openAuthority({ folder: join(folder, 'authority'), trustDomain: 'bench.example', supplied: undefined, svidSeconds: 3600 })
const id = 'spiffe://bench.example/enclave/bench/workload/one'
const svid = authority.issue(id)
const chain = certificatesOfPem(svid.chain) ?? []
const bundle = authority.bundle()
const bundles = new Map([[bundle.trustDomain, bundle]])
const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const body = randomBytes(364)

const works: readonly (readonly [string, () => void])[] = [
  ['key pair and signature alone', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    publicKey.export({ type: 'spki', format: 'der' })
    sign('sha256', body, signer)
    privateKey.export({ type: 'pkcs8', format: 'pem' })
  }],
  ['issue an SVID', () => void authority.issue(id)],
  ['check an SVID and its chain', () => {
    if (verifySvid(chain, bundles, Date.now()).kind !== 'accepted') throw new Error('refused')
  }],
  ['issue and put in its folder', () => writeSvidFolder(join(folder, 'svid'), authority.issue(id), bundle)],
]

/** Processor time, so that what else runs on the machine does not count; crypto here runs on the one thread. */
function perSecond(work: () => void): number {
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) work()
  const { user, system } = process.cpuUsage(before)
  return count / ((user + system) / 1e6)
}

for (const [, work] of works) for (let i = 0; i < 50; i++) work()
const figures = works.map(() => [] as number[])
const ratios = works.map(() => [] as number[])
for (let round = 0; round < rounds; round++) {
  const now = works.map(([, work]) => perSecond(work))
  now.forEach((figure, i) => {
    figures[i]?.push(figure)
    ratios[i]?.push((now[0] ?? 0) / figure)
  })
}

report({
  name: 'identity',
  command: `npm run bench:identity -- --rounds ${rounds} --count ${count}`,
  lines: [
    `${rounds} rounds of ${count} each; median (min to max). ECDSA P-256; the processor time of the one process that does it.`, '',
    ...table(['', 'per second of one core', 'cost, the first is 1'], works.map(([name], i) => [name, withSpread(figures[i] ?? []), withSpread(ratios[i] ?? [])])),
    '', 'Target: more than 500 issued per second on one core.',
  ],
})

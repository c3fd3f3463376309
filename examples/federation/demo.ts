/**
 * `node examples/federation/demo.ts`: two sites in two sandboxes of this machine, joined by a line. Each has an agent, gateways and a certificate
 * authority of its own; they exchange trust bundles, copy each other's records, and stand in for each other. Exit status 0 when all was as it
 * should be, 1 when anything was not.
 */
import { cpSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../../src/base/fault.ts'
import { run, start } from '../../src/base/process.ts'
import { createTeller } from '../tre/demo/teller.ts'
import { connect, plugIn, unplug } from './link.ts'
import type { Finished } from '../../src/base/process.ts'
import type { Site } from './link.ts'

const repository = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '')
const inside = 'BULKHEAD_FEDERATION'
if (process.env[inside] === undefined) process.exit(await behindOwnNetwork())

const scratch = process.env[inside]
const teller = createTeller(performance.now())
const site = (name: string, gateway: string, address: string): Site => ({ name, gateway, address, state: join(scratch, 'state', name) })
const north = site('north', '203.0.113.20', '198.19.0.1')
const south = site('south', '203.0.113.40', '198.19.0.2')
const both = [[north, south], [south, north]] as const

try {
  await tell()
} catch (error) {
  teller.check(false, messageOf(error))
} finally {
  teller.step('Down')
  const ends = await Promise.all([north, south].map((s) => bulkhead(s, 'down')))
  teller.check(ends.every((e) => e.code === 0), 'both sites are stopped and removed')
}
const failures = teller.failures()
teller.step(failures.length === 0 ? 'All as it should be' : `Not as it should be: ${failures.length}`)
failures.forEach((failure) => teller.say(`  ${failure}`))
process.exit(failures.length > 0 ? 1 : 0)

/** Both sandboxes have to belong to one user namespace for a line between them: this one, which also ends whatever is left. */
async function behindOwnNetwork(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-federation-'))
  cpSync(join(repository, 'examples'), join(folder, 'examples'), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
  const own = ['unshare', '--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc']
  const child = start([...own, process.execPath, '--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url)], {
    env: { ...process.env, [inside]: folder }, stdio: 'inherit',
  })
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => child.kill('SIGKILL'))
  try {
    return await new Promise<number>((done, fail) => child.once('error', fail).once('exit', (code) => done(code ?? 130)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function documents({ name }: Site): string {
  return join(scratch, 'examples', 'federation', name)
}

async function bulkhead({ name }: Site, ...args: readonly string[]): Promise<Finished> {
  const [command = '', ...rest] = args
  return run([join(repository, 'bin', 'bulkhead'), command, '--name', name, ...rest], { env: { ...process.env, BULKHEAD_STATE: join(scratch, 'state') }, timeoutMs: 120_000 })
}

/** What the ward's service of a site answers. */
async function ward(at: Site, path: string): Promise<string> {
  return (await bulkhead(at, 'exec', 'records/ward', '--', 'node', '/app/get.mjs', `http://localhost:8080${path}`)).stdout.trim()
}

async function becomes(at: Site, path: string, wanted: RegExp, what: string, seconds = 60): Promise<void> {
  const until = performance.now() + seconds * 1000
  let said = await ward(at, path)
  for (; !wanted.test(said) && performance.now() < until; said = await ward(at, path)) await pause(500)
  teller.check(wanted.test(said), `${at.name} ${path}: ${said}: ${what}`)
}

async function dials(at: Site, workload: string, url: string, open: boolean, what: string): Promise<void> {
  const { stdout } = await bulkhead(at, 'exec', `records/${workload}`, '--', 'node', '/app/get.mjs', url)
  teller.check(!stdout.startsWith('refused: ') === open, `${at.name}, ${workload} -> ${url}: ${stdout.trim()}: ${what}`)
}

/** The first bundle came by hand; the next ones are the gateways' own affair. */
async function fetches(at: Site): Promise<void> {
  const look = async (): Promise<string | undefined> => {
    const { agent } = JSON.parse((await bulkhead(at, 'status', '--json')).stdout) as { agent: { peers: readonly { trustDomain: string; fetched?: string | null }[] } }
    return agent.peers.find((p) => p.fetched !== undefined && p.fetched !== null)?.trustDomain
  }
  const until = performance.now() + 600_000
  let from = await look()
  for (; from === undefined && performance.now() < until; from = await look()) await pause(500)
  teller.check(from !== undefined, `${at.name} has fetched the bundle of ${from ?? 'nobody'} from its gateway`)
}

async function applied(at: Site): Promise<void> {
  const { code, stdout, stderr } = await bulkhead(at, 'apply', documents(at))
  teller.output(`${stdout}${stderr}`)
  teller.check(code === 0, `applied at ${at.name}`)
}

async function tell(): Promise<void> {
  teller.step('Two sites start, each for itself')
  const ups = await Promise.all([north, south].map((s) => bulkhead(s, 'up', documents(s), '--sandbox')))
  ups.forEach(({ stdout, stderr }) => teller.output(`${stdout}${stderr}`))
  if (ups.some(({ code }) => code !== 0)) throw new Error('a site did not start')
  await connect(north, south)
  await Promise.all([north, south].map((s) => becomes(s, '/copying', /"stopped"/, 'a line alone opens nothing: neither site believes the other')))

  teller.step('Their operators exchange trust bundles, once; from then on gateways fetch them from each other')
  for (const [here, there] of both) {
    const file = join(scratch, `${there.name}.json`)
    writeFileSync(file, (await bulkhead(there, 'identity', '--bundle')).stdout)
    const { code, stdout, stderr } = await bulkhead(here, 'identity', '--peer', `${there.name}.example`, '--trust', file)
    teller.check(code === 0, `${here.name}: ${stdout.trim()}${stderr.trim()}`)
  }

  await Promise.all([north, south].map(fetches))

  teller.step('Each copies what the other has written')
  await Promise.all([north, south].map((s) => becomes(s, '/copying', /up to date/, 'the ward over there is let in by name')))
  await becomes(north, '/write?entry=admitted', /"writtenAt":"north"/, 'written here')
  await becomes(south, '/write?entry=discharged', /"writtenAt":"south"/, 'written there')
  await Promise.all([north, south].map((s) => becomes(s, '/log', new RegExp(`"readAt":"${s.name}","entries":{"north":1,"south":1}`), 'both sites have both')))

  teller.step('Nobody else comes through')
  await Promise.all([
    dials(north, 'postgres-db', 'tcp://postgres-db.records.south.example:5432', false, 'another workload of the same enclave'),
    dials(north, 'ward', 'tcp://ward.records.south.example:8080', false, 'another workload over there'),
    dials(north, 'ward', 'tcp://203.0.113.40:15443', false, 'the gateway over there, past the gateway here'),
    dials(south, 'ward', 'tcp://10.64.0.17:5432', false, 'a private address over there'),
  ])
  const proofs = await Promise.all([north, south].map((s) => bulkhead(s, 'verify')))
  for (const { code, stdout } of proofs) teller.check(code === 0, stdout.trimEnd().split('\n').at(-1) ?? '')

  teller.step('The database of north hangs: its ward goes on at south')
  const database = (signal: string): Promise<Finished> => bulkhead(north, 'exec', 'records/postgres-db', '--', 'pkill', `-${signal}`, '-f', '[p]ostgres-db.mjs')
  await database('STOP')
  await becomes(north, '/write?entry=transferred', /"writtenAt":"south"/, 'nothing is lost, it is written at the other site')
  await database('CONT')
  await becomes(north, '/log', /"readAt":"north","entries":{"north":1,"south":[2-9]}/, 'and when it is back, it catches up')

  teller.step('The line is cut: nothing opens, and each site goes on for itself')
  await unplug(north)
  await becomes(south, '/copying', /"stopped"/, 'no copy, and no way round')
  await becomes(south, '/write?entry=alone', /"writtenAt":"south"/, 'its own database answers')
  await plugIn(north, south)
  await Promise.all([north, south].map((s) => becomes(s, '/copying', /up to date/, 'mended, it goes on by itself')))

  teller.step('South alone withdraws its half')
  const half = join(documents(south), 'serves-north.yaml')
  renameSync(half, `${half}.withdrawn`)
  await applied(south)
  await becomes(north, '/copying', /"stopped"/, 'closed from the other side, whatever is written here')
  await becomes(south, '/copying', /up to date/, 'the opposite direction has a policy of its own')
  renameSync(`${half}.withdrawn`, half)
  await applied(south)
  await becomes(north, '/copying', /up to date/, 'granted again')
}

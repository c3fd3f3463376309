/**
 * `npm run demo`: starts the research environment in a sandbox, shows it contained, proves it, tries to break it, and stays up for
 * whoever wants to look around. `--once` ends by itself: 0 when everything was as it should be, 1 when anything was not.
 */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { messageOf } from '../../../src/base/fault.ts'
import { run } from '../../../src/base/process.ts'
import { readAddresses } from './addresses.ts'
import { foreignHand, forbiddenChange, forgedAddress, killedAgent, revocation } from './broken.ts'
import { gatewaysStand, showNames, showPortal } from './gateways.ts'
import { showAllowed, showRecord, showRefused, verify, waitForServices } from './contained.ts'
import { bulkhead, repository } from './instance.ts'
import { createTeller } from './teller.ts'
import type { Instance } from './instance.ts'

const options = process.argv.slice(2)
const unknown = options.find((o) => o !== '--once')
if (unknown !== undefined) {
  process.stderr.write(`\`${unknown}\` is not an option\n  usage: npm run demo [-- --once]\n`)
  process.exit(2)
}

const teller = createTeller(performance.now())
const interrupt = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort())
// Whoever was reading has gone: that ends it too, and what it started has to be taken down all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => interrupt.abort())

/** The demonstration changes documents, so it works on a copy; the examples mount packages by a path beside them. */
const scratch = mkdtempSync(join(tmpdir(), 'bulkhead-demo-'))
cpSync(join(repository, 'examples'), join(scratch, 'examples'), { recursive: true })
symlinkSync(join(repository, 'node_modules'), join(scratch, 'node_modules'))
const instance: Instance = { state: join(scratch, 'state'), directory: join(scratch, 'examples', 'tre'), teller, signal: interrupt.signal }

let interrupted = false
try {
  await tell(instance)
} catch (error) {
  interrupted = interrupt.signal.aborted
  if (!interrupted) teller.check(false, messageOf(error))
} finally {
  await end(instance)
}
const failures = teller.failures()
teller.step(interrupted ? 'Interrupted' : failures.length === 0 ? 'All as it should be: 0 mismatches' : `Not as it should be: ${failures.length}`)
failures.forEach((failure) => teller.say(`  ${failure}`))
process.exit(failures.length > 0 ? 1 : interrupted ? 130 : 0)

async function tell(i: Instance): Promise<void> {
  teller.step('A research environment starts in a sandbox of its own: two workspaces, shared services, and an internet to play with')
  teller.say(`its documents are a copy in ${i.directory}`)
  const internet = `exec ${quoted(process.execPath)} ${quoted(join(i.directory, 'outside', 'internet.mjs'))}`
  const { code, stdout, stderr } = await bulkhead(i, ['up', i.directory, '--sandbox', '--outside', internet])
  teller.output(`${stdout}${stderr}`)
  if (code !== 0) throw new Error('it did not start')
  // The proof needs no service: what stands in for each identity answers for it.
  await verify(i, 'Proof: every identity tries every path, open and closed')
  await waitForServices(i)
  const addresses = await readAddresses(i)
  await showAllowed(i)
  if (await gatewaysStand(i)) {
    await showNames(i)
    await showPortal(i)
  }
  await showRefused(i, addresses)
  await showRecord(i)
  await forbiddenChange(i)
  await revocation(i)
  await forgedAddress(i, addresses)
  await killedAgent(i, addresses)
  await foreignHand(i, addresses)
  await verify(i, 'Proof again, after all that')
  if (!options.includes('--once') && teller.failures().length === 0) await stay(i)
}

async function stay(i: Instance): Promise<void> {
  teller.step('It stays up until Ctrl-C. In another terminal, try')
  teller.output(
    [
      `export BULKHEAD_STATE=${i.state}`,
      'bin/bulkhead status',
      'bin/bulkhead exec workspace-a/notebook -- node /app/get.mjs http://api-service:8080/summary',
      'bin/bulkhead exec workspace-a/notebook -- node /app/get.mjs tcp://1.1.1.1:443',
      'bin/bulkhead flows --denied --follow',
      'bin/bulkhead logs workspace-a/notebook',
      'bin/bulkhead verify',
      `edit ${i.directory}/workspace-a/policies.yaml, then bin/bulkhead apply ${i.directory}`,
    ].join('\n'),
  )
  const awake = setInterval(() => undefined, 60_000)
  if (!i.signal.aborted) await once(i.signal, 'abort')
  clearInterval(awake)
}

/** Whatever happened, nothing is left behind. Not stopped by an interrupt: that is why we are here. */
async function end(i: Instance): Promise<void> {
  teller.step('Down')
  try {
    const { code, stderr } = await run([join(repository, 'bin', 'bulkhead'), 'down'], { env: { ...process.env, BULKHEAD_STATE: i.state }, timeoutMs: 30_000 })
    teller.check(code === 0, code === 0 ? 'everything is stopped and removed' : `down: ${stderr.trim()}`)
  } catch (error) {
    teller.check(false, `down: ${messageOf(error)}`)
  }
  rmSync(scratch, { recursive: true, force: true })
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

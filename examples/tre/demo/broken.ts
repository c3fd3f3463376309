/** The second half: attempts to break it. A forbidden change, a withdrawn policy, a killed agent, a foreign hand in the kernel's table. */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask, asked, becomes, bulkhead } from './instance.ts'
import { addressOf, url } from './addresses.ts'
import { inSandbox } from './intruder.ts'
import type { Finished } from '../../../src/base/process.ts'
import type { Addresses } from './addresses.ts'
import type { Instance } from './instance.ts'

const notebook = { workload: 'workspace-a/notebook' }
const model = 'http://model-server.inference.internal:8000/predict?age=60&dose=2'

export async function forbiddenChange(instance: Instance): Promise<void> {
  const { teller } = instance
  teller.step('Somebody adds a policy that joins the two workspaces')
  const file = join(instance.directory, 'workspace-b', 'shortcut.yaml')
  const half = (enclave: string, side: string): string => `apiVersion: bulkhead.dev/v1
kind: FederationPolicy
metadata: { name: shortcut, enclave: ${enclave} }
spec:
  ${side}:
    - { source: workspace-a/notebook, destination: workspace-b/notebook, protocol: tcp, port: 8888 }
`
  const other = join(instance.directory, 'workspace-a', 'shortcut.yaml')
  writeFileSync(other, half('workspace-a', 'imports'))
  writeFileSync(file, half('workspace-b', 'exports'))
  const { code, stdout, stderr } = await bulkhead(instance, ['apply', instance.directory])
  rmSync(file)
  rmSync(other)
  teller.output(`${stdout}${stderr}`)
  teller.check(code !== 0 && `${stdout}${stderr}`.includes('workspaces-never-meet'), 'refused: a guardrail does not hold, so nothing of the set was applied')
}

export async function revocation(instance: Instance): Promise<void> {
  const { teller } = instance
  teller.step('inference withdraws what it grants workspace-a, whose notebook has an idle connection open')
  const file = join(instance.directory, 'inference', 'serves-workspace-a.yaml')
  const before = await sessions(instance)
  renameSync(file, `${file}.withdrawn`)
  const { code, stdout, stderr } = await bulkhead(instance, ['apply', instance.directory])
  teller.output(`${stdout}${stderr}`)
  teller.check(code === 0, 'applied')
  let after = before
  const cut = await becomes(instance, async () => {
    after = await sessions(instance)
    return after.a.ended > before.a.ended && after.server.ended > before.server.ended
  }, 5_000)
  teller.output([after.a.last, after.server.last].join('\n'))
  teller.check(cut, 'the connection ended on both sides, though nothing was being said on it')
  teller.check(after.b.ended === before.b.ended, "workspace-b's connection to the same server was left alone")
  const [refused] = await ask(instance, notebook, [model])
  teller.check(refused?.answered === false, `and no new one opens: ${refused?.text ?? ''}`)
  renameSync(`${file}.withdrawn`, file)
  const again = await bulkhead(instance, ['apply', instance.directory])
  teller.output(`${again.stdout}${again.stderr}`)
  const [answered] = await ask(instance, notebook, [model], { wait: 5 })
  teller.check(again.code === 0 && answered?.answered === true, `granted again, it works again: ${answered?.text ?? ''}`)
}

export async function killedAgent(instance: Instance, addresses: Addresses): Promise<void> {
  const { teller } = instance
  teller.step('The agent is killed')
  const { agent } = (await asked(instance, ['status'])) as { agent: { pid: number } }
  teller.command(`kill -9 ${agent.pid}`)
  const killed = await inSandbox(instance, ['kill', '-9', String(agent.pid)])
  const gone = (await asked(instance, ['status'])) as { agent: unknown }
  teller.check(killed.code === 0 && gone.agent === null, 'there is no agent any more')
  const forbidden = url('tcp', addressOf(addresses, 'workspace-b/postgres-db', 4), 5432)
  const [open, closed] = await ask(instance, notebook, ['http://api-service:8080/summary', forbidden])
  teller.check(open?.answered === true, `what was open stays open: ${open?.text ?? ''}`)
  teller.check(closed?.answered === false, `what was closed stays closed: ${forbidden} ${closed?.text ?? ''}`)
  const { code, stdout, stderr } = await bulkhead(instance, ['up', instance.directory, '--sandbox'])
  teller.output(`${stdout}${stderr}`)
  teller.check(code === 0, 'a new agent took over what runs')
}

export async function forgedAddress(instance: Instance, addresses: Addresses): Promise<void> {
  const { teller } = instance
  teller.step("Somebody with root in the notebook's network takes the address of api-service, which may reach the database")
  const address = addressOf(addresses, 'workspace-a/api-service', 4)
  const database = url('tcp', addressOf(addresses, 'workspace-a/postgres-db', 4), 5432)
  const change = (verb: string): Promise<Finished> => inSandbox(instance, ['ip', '-n', 'workspace-a.notebook.0', 'address', verb, `${address}/32`, 'dev', 'eth0'])
  teller.command(`ip -n workspace-a.notebook.0 address add ${address}/32 dev eth0`)
  const { code, stderr } = await change('add')
  teller.check(code === 0, code === 0 ? 'done' : stderr.trim())
  const [forged] = await ask(instance, notebook, [database], { as: address })
  teller.check(forged?.answered === false, `${database} ${forged?.text ?? ''}: the interface says who it is, not the address`)
  await change('delete')
  const { stdout } = await bulkhead(instance, ['flows', '--denied', '--since', '1m'], { quiet: true })
  const record = stdout.split('\n').findLast((l) => l.includes(' spoof')) ?? ''
  teller.output(record)
  teller.check(record !== '', 'and it is on record')
}

export async function foreignHand(instance: Instance, addresses: Addresses): Promise<void> {
  const { teller } = instance
  const forbidden = url('tcp', addressOf(addresses, 'workspace-b/postgres-db', 4), 5432)
  const attempts: readonly (readonly [title: string, argv: readonly string[]])[] = [
    ['Somebody with root in the sandbox lets everything pass', ['nft', 'insert', 'rule', 'inet', 'bulkhead', 'forward', 'accept']],
    ['... and deletes the whole table', ['nft', 'delete', 'table', 'inet', 'bulkhead']],
  ]
  for (const [title, argv] of attempts) {
    teller.step(title)
    teller.command(argv.join(' '))
    const before = (await drift(instance)).length
    const { code, stderr } = await inSandbox(instance, argv)
    teller.check(code === 0, `done behind the agent's back${stderr === '' ? '' : `: ${stderr.trim()}`}`)
    let seen: readonly Drift[] = []
    const repaired = await becomes(instance, async () => {
      seen = (await drift(instance)).slice(before)
      return seen.length > 0 && seen.every((d) => d.repaired)
    }, 15_000)
    for (const d of seen) teller.output(`${d.what}: repaired in ${Math.round(d.tookMs)} ms`)
    teller.check(repaired, 'noticed and repaired')
    const [refused] = await ask(instance, notebook, [forbidden])
    teller.check(refused?.answered === false, `${forbidden} ${refused?.text ?? ''}`)
  }
}

interface Drift {
  readonly what: string
  readonly repaired: boolean
  readonly tookMs: number
}

async function drift(instance: Instance): Promise<readonly Drift[]> {
  const { agent } = (await asked(instance, ['status'])) as { agent: { drift: readonly Drift[] } }
  return agent.drift
}

interface Sessions {
  readonly ended: number
  /** The last line that tells of an end. */
  readonly last: string
}

/** Counts, in the logs of both ends, the sessions with the model server that ended. */
async function sessions(instance: Instance): Promise<{ readonly a: Sessions; readonly b: Sessions; readonly server: Sessions }> {
  const read = async (workload: string): Promise<Sessions> => {
    const { stdout } = await bulkhead(instance, ['logs', workload], { quiet: true })
    const ends = stdout.split('\n').filter((l) => /session with .* ended/.test(l))
    return { ended: ends.length, last: ends.at(-1) ?? '' }
  }
  const [a, b, server] = await Promise.all([read('workspace-a/notebook'), read('workspace-b/notebook'), read('inference/model-server')])
  return { a, b, server }
}

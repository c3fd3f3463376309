/** An instance from outside: finding, starting and ending its sandbox and its agent. */
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Fault, isFault } from '../base/fault.ts'
import { identityPlaces } from '../identity/places.ts'
import { ensureAgent, stateOf } from './agent-process.ts'
import { call } from './api.ts'
import { enterHost, findRouter, removeHost, startHost } from './host-mode.ts'
import { loadIds, loadSlots, saveSlots } from './memory.ts'
import { policyNow } from './policy-time.ts'
import { enterSandbox, findSandbox, resumeEntered, startSandbox, stopSandbox } from './sandbox.ts'
import { restartSlots } from './slots.ts'
import { hostFile } from './this-host.ts'
import type { ChangeRequest } from './journal.ts'
import type { Sandbox } from './sandbox.ts'
import type { Instance } from './state.ts'

export type Where =
  | { readonly kind: 'sandbox'; readonly sandbox: Sandbox }
  /** The machine itself; the router is a named network namespace. */
  | { readonly kind: 'host'; readonly router: string }

/** Where the instance lives, if it does. */
export async function findInstance(instance: Instance): Promise<Where | undefined> {
  const sandbox = findSandbox(instance.folder)
  if (sandbox !== undefined) return { kind: 'sandbox', sandbox }
  const router = await findRouter(instance)
  return router === undefined ? undefined : { kind: 'host', router }
}

export async function requireInstance(instance: Instance): Promise<Where> {
  const where = await findInstance(instance)
  if (where === undefined) throw new Fault('not-running', `the instance \`${instance.name}\` is not running`, { help: 'start it with `bulkhead up DIR`' })
  return where
}

/** The command line that runs something where the agent lives. */
export function enter(where: Where, argv: readonly string[]): readonly string[] {
  return where.kind === 'sandbox' ? enterSandbox(where.sandbox, argv) : enterHost(where.router, argv)
}

/** The command line that runs something in a namespace beside the agent's: a place's, or `outside`. */
export function enterNetns(where: Where, netns: string, argv: readonly string[]): readonly string[] {
  return enter(where, ['nsenter', `--net=/run/netns/${netns}`, '--', ...argv])
}

/** The program that is an agent, with its arguments, and its version. */
export interface AgentProgram {
  readonly argv: readonly string[]
  readonly version: string
}

/** Finds or makes the namespaces, and an agent in them that answers. The caller has the turn. */
export async function ensureInstance(instance: Instance, wanted: 'sandbox' | 'host', agent: AgentProgram): Promise<Where> {
  const found = await findInstance(instance)
  if (found !== undefined && found.kind !== wanted) {
    throw new Fault('already-running', `the instance \`${instance.name}\` runs ${found.kind === 'host' ? 'on the host' : 'in a sandbox'}`, { help: 'end it with `bulkhead down`, or choose another --name' })
  }
  if (found === undefined) forgetRuntime(instance)
  const where = await make(instance, wanted, found)
  await ensureAgent(instance, {
    ...agent,
    enter: (argv) => enter(where, argv),
    buried: () => {
      if (where.kind === 'sandbox') resumeEntered(where.sandbox)
    },
  })
  return where
}

async function make(instance: Instance, wanted: 'sandbox' | 'host', found: Where | undefined): Promise<Where> {
  // What was interrupted on the machine is completed; a sandbox is either there or not.
  if (wanted === 'host') return { kind: 'host', router: await startHost(instance) }
  return found ?? { kind: 'sandbox', sandbox: await startSandbox(instance.folder) }
}

const runtimeFiles = ['agent.json', 'agent.pid', 'agent.sock', 'processes.json', 'gateways.json', 'applied.json', 'pending.json', 'inventory.json', 'sandbox.json', 'sandbox.ready', 'agent.fault.json', 'outside.json', hostFile]
const numberFiles = ['ids.json', 'slots.json', 'clock.json']

/**
 * What described processes and documents of a life that has ended. Numbers stay, so that records keep their meaning; damaged
 * ones are put aside, since nothing that they could be confused with is left.
 */
function forgetRuntime(instance: Instance): void {
  // Keys of those that have ended; who trusts the authority shall find the same one again.
  for (const folder of [join(instance.folder, 'gateways'), ...identityPlaces(instance.folder).svids()]) rmSync(folder, { recursive: true, force: true })
  for (const file of runtimeFiles) for (const end of ['', '.new', '.spare']) rmSync(join(instance.folder, `${file}${end}`), { force: true })
  const load = [(): unknown => loadIds(instance.folder), (): void => saveSlots(instance.folder, restartSlots(loadSlots(instance.folder))), (): unknown => policyNow(instance.folder, 0)]
  for (const [i, file] of numberFiles.entries()) {
    const path = join(instance.folder, file)
    if (!existsSync(path)) continue
    try {
      load[i]?.()
    } catch (error) {
      if (!isFault(error) || error.code !== 'state-unreadable') throw error
      renameSync(path, `${path}.damaged`)
    }
  }
}

export interface Ended {
  readonly was: boolean
  /** Whether an agent has written it down; why not, where it could not. */
  readonly noted: boolean
  readonly problem?: string
}

/** Ends workloads, agent and namespaces; nothing of them is left. The caller has the turn. */
export async function endInstance(instance: Instance, request: ChangeRequest): Promise<Ended> {
  const where = await findInstance(instance)
  let answer: { readonly changeLog?: string } | undefined
  if (where !== undefined) {
    // An agent that is dead, suspended or silent has no say: the namespaces go, and all that is in them.
    const state = await stateOf(instance, (argv) => enter(where, argv))
    if (state !== 'suspended') answer = await call(instance.folder, '/shutdown', request, shutdownMs).then((said) => (said ?? {}) as { changeLog?: string }, () => undefined)
    if (where.kind === 'sandbox') await stopSandbox(instance.folder, where.sandbox)
    else await removeHost(instance, where.router)
  }
  if (existsSync(instance.folder)) forgetRuntime(instance)
  return { was: where !== undefined, noted: answer !== undefined && answer.changeLog === undefined, ...(answer?.changeLog === undefined ? {} : { problem: answer.changeLog }) }
}

const shutdownMs = 30_000

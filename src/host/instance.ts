/** An instance from outside: finding, starting and ending its sandbox and its agent. */
import { openSync, closeSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { start } from '../base/process.ts'
import { call } from './api.ts'
import { enterHost, findRouter, removeHost, startHost } from './host-mode.ts'
import { until } from './proc.ts'
import { enterSandbox, findSandbox, startSandbox, stopSandbox } from './sandbox.ts'
import { makeStateFolder, readState, removeState, writeState } from './state.ts'
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

/** Finds or makes the namespaces, and an agent in them that answers. `agent` is the program that is an agent, with its arguments. */
export async function ensureInstance(instance: Instance, wanted: 'sandbox' | 'host', agent: (where: Where) => readonly string[]): Promise<Where> {
  makeStateFolder(instance.folder)
  const found = await findInstance(instance)
  if (found !== undefined && found.kind !== wanted) {
    throw new Fault('already-running', `the instance \`${instance.name}\` runs ${found.kind === 'host' ? 'on the host' : 'in a sandbox'}`, { help: 'end it with `bulkhead down`, or choose another --name' })
  }
  if (found === undefined) forgetRuntime(instance)
  const where = found ?? (wanted === 'sandbox' ? { kind: 'sandbox' as const, sandbox: await startSandbox(instance.folder) } : { kind: 'host' as const, router: await startHost(instance) })
  if (!(await answers(instance))) await startAgentProcess(instance, where, agent(where))
  return where
}

/** What described processes and documents of a life that has ended. Numbers stay, so that nothing inherits them. */
function forgetRuntime(instance: Instance): void {
  for (const file of ['agent.json', 'agent.sock', 'processes.json', 'applied.json', 'inventory.json', 'sandbox.json', 'agent.fault.json']) rmSync(join(instance.folder, file), { force: true })
}

async function answers(instance: Instance): Promise<boolean> {
  try {
    await call(instance.folder, '/ping')
    return true
  } catch {
    return false
  }
}

async function startAgentProcess(instance: Instance, where: Where, argv: readonly string[]): Promise<void> {
  removeState(instance.folder, 'agent.fault.json')
  const log = openSync(join(instance.folder, 'log', 'agent.log'), 'a', 0o600)
  const child = start(enter(where, argv), { detached: true, stdio: ['ignore', log, log], cwd: '/' })
  closeSync(log)
  let ended = false
  child.on('error', () => void (ended = true))
  child.on('exit', () => void (ended = true))
  const ready = await until(async () => ended || (await answers(instance)), 30_000, 15)
  child.unref()
  if (ready && !ended) {
    writeState(instance.folder, 'agent.json', { entered: child.pid })
    return
  }
  const fault = readState(instance.folder, 'agent.fault.json') as { code: 'internal'; message: string; help?: string } | undefined
  if (fault !== undefined) throw new Fault(fault.code, fault.message, fault.help === undefined ? {} : { help: fault.help })
  throw new Fault('agent-unreachable', 'the agent did not come up', { help: `see \`${join(instance.folder, 'log', 'agent.log')}\`` })
}

/** Ends workloads, agent and namespaces; nothing of them is left. */
export async function endInstance(instance: Instance): Promise<boolean> {
  const where = await findInstance(instance)
  if (where === undefined) {
    forgetRuntime(instance)
    return false
  }
  await call(instance.folder, '/shutdown').catch(() => undefined)
  if (where.kind === 'sandbox') await stopSandbox(instance.folder, where.sandbox)
  else await removeHost(instance, where.router)
  forgetRuntime(instance)
  return true
}

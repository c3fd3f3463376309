/** The agent's process as commands see it from outside: greeting it, starting it, replacing it. */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault, isFault } from '../base/fault.ts'
import { run, start } from '../base/process.ts'
import { call } from './api.ts'
import { readState, removeState } from './state.ts'
import type { Instance } from './state.ts'

/** The command line that runs a program where the agent lives. */
export type Enter = (argv: readonly string[]) => readonly string[]

/** A program to start as the agent. */
export interface AgentStart {
  readonly enter: Enter
  readonly argv: readonly string[]
  readonly version: string
  /** Lets whoever waits for an agent outside notice that it was ended. */
  readonly buried: () => void
}

/** Written by the agent itself, in its own process namespace. */
export const agentFile = 'agent.json'
const faultFile = 'agent.fault.json'
const greetMs = 3_000
const lookMs = 1_000
/** An agent that works on a large change says nothing meanwhile. */
const patienceMs = 120_000

export interface Greeting {
  readonly version: string
}

/**
 * Returns when an agent of this version answers. One of another version hands over; one that is suspended, or says nothing
 * for long, is ended. Rules and workloads stay as they are in all cases: the next agent adopts them.
 */
export async function ensureAgent(instance: Instance, { enter, argv, version, buried }: AgentStart): Promise<void> {
  const end = performance.now() + patienceMs
  for (;;) {
    const greeting = await greet(instance)
    if (greeting?.version === version) return
    if (greeting !== undefined) {
      await call(instance.folder, '/handover', undefined, patienceMs).catch(() => undefined)
      while ((await stateOf(instance, enter)) !== 'gone' && performance.now() < end) await sleep(20)
    }
    const state = await stateOf(instance, enter)
    if (state === 'gone') return startAgentProcess(instance, enter(argv))
    if (state === 'suspended' || performance.now() > end) {
      await kill(instance, enter)
      buried()
    }
    await sleep(50)
  }
}

/** Asks the agent and waits as long as it takes, but not for one that is suspended. */
export async function ask(instance: Instance, enter: Enter, what: string, body?: unknown): Promise<unknown> {
  const answer = call(instance.folder, what, body)
  const done = answer.then(() => true, () => true)
  for (let suspended = 0; !(await Promise.race([done, sleep(lookMs)])); ) {
    suspended = (await stateOf(instance, enter)) === 'suspended' ? suspended + 1 : 0
    if (suspended > 2) throw new Fault('agent-unreachable', 'the agent is suspended', { help: 'the last rules stay in force; resume it, or replace it with `bulkhead up DIR`' })
  }
  return answer
}

async function greet(instance: Instance): Promise<Greeting | undefined> {
  try {
    const answer = await call(instance.folder, '/ping', undefined, greetMs)
    return { version: String((answer as Partial<Greeting> | null)?.version) }
  } catch (error) {
    if (isFault(error) && error.code !== 'agent-unreachable') throw error
    return undefined
  }
}

interface AgentId {
  readonly pid: number
  readonly started: string
}

/** A damaged note counts as none: then a second agent would find the first one at work and end itself. */
function noted(instance: Instance): AgentId | undefined {
  try {
    const { pid, started } = (readState(instance.folder, agentFile) ?? {}) as Partial<AgentId>
    return Number.isSafeInteger(pid) && typeof started === 'string' ? { pid: pid as number, started } : undefined
  } catch {
    return undefined
  }
}

/** What the process table says of the agent, whatever it says itself. */
export async function stateOf(instance: Instance, enter: Enter): Promise<'gone' | 'suspended' | 'alive'> {
  const id = noted(instance)
  if (id === undefined) return 'gone'
  const { code, stdout } = await run(enter(['cat', `/proc/${id.pid}/stat`]))
  const fields = stdout.slice(stdout.lastIndexOf(')') + 2).split(' ')
  if (code !== 0 || fields[19] !== id.started || fields[0] === 'Z' || fields[0] === 'X') return 'gone'
  return fields[0] === 'T' || fields[0] === 't' ? 'suspended' : 'alive'
}

async function kill(instance: Instance, enter: Enter): Promise<void> {
  const id = noted(instance)
  if (id !== undefined) await run(enter(['kill', '-9', String(id.pid)]))
}

async function startAgentProcess(instance: Instance, argv: readonly string[]): Promise<void> {
  removeState(instance.folder, faultFile)
  const log = openSync(join(instance.folder, 'log', 'agent.log'), 'a', 0o600)
  const child = start(argv, { detached: true, stdio: ['ignore', log, log], cwd: '/' })
  closeSync(log)
  let ended = false
  child.on('error', () => void (ended = true))
  child.on('exit', () => void (ended = true))
  // As long as it lives it may be adopting: the more there is, the longer it takes.
  while (!ended && (await greet(instance)) === undefined) await sleep(15)
  child.unref()
  if (!ended) return
  throw faultOf(instance) ?? new Fault('agent-unreachable', 'the agent did not come up', { help: `see \`${join(instance.folder, 'log', 'agent.log')}\`` })
}

function faultOf(instance: Instance): Fault | undefined {
  try {
    const { code, message, help } = (readState(instance.folder, faultFile) ?? {}) as { code?: 'internal'; message?: string; help?: string }
    return code === undefined || message === undefined ? undefined : new Fault(code, message, help === undefined ? {} : { help })
  } catch {
    return undefined
  }
}

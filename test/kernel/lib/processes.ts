/** Finds the processes of an instance from outside, without asking it. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readState } from '../../../src/host/state.ts'
import type { TestInstance } from './instance.ts'

function pids(): readonly number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)
}

function text(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** The agent, by what it has noted of itself in its own process namespace; `undefined` when there is none. */
export function agentPid(i: TestInstance): number | undefined {
  let noted: { pid?: number; started?: string }
  try {
    noted = (readState(join(i.state, 'default'), 'agent.json') ?? {}) as typeof noted
  } catch {
    return undefined
  }
  return pids().find((pid) => {
    const stat = text(pid, 'stat')
    const inner = /^NSpid:\s+(.*)$/m.exec(text(pid, 'status'))?.[1]?.split('\t').at(-1)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return noted.started !== undefined && fields[19] === noted.started && fields[0] !== 'Z' && inner === String(noted.pid)
  })
}

/** Command lines of everything that still names the instance's folder. */
export function leftBehind(i: TestInstance): readonly string[] {
  return pids().filter((pid) => pid !== process.pid).map((pid) => text(pid, 'cmdline').replaceAll('\0', ' ')).filter((line) => line.includes(i.state))
}

export function killNow(pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid === undefined) return
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself.
  }
}

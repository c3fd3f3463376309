/** Which Host of the documents this machine is, and what that makes it carry. */
import { Fault } from '../base/fault.ts'
import { quote } from '../base/diagnostic.ts'
import { whyElsewhere } from '../intent/belongs.ts'
import { readState, writeState } from './state.ts'
import type { Platform, Workload } from '../model/platform.ts'

export const hostFile = 'host.json'

/** A machine stays the Host that it has become until it carries nothing any more. */
export function becomeHost(folder: string, name: string): void {
  const before = thisHost(folder)
  if (before !== undefined && before !== name) throw new Fault('already-running', `this machine is the host ${quote(before)}`, { help: 'end it with `bulkhead down`, then start it as another' })
  writeState(folder, hostFile, { host: name })
}

/** `undefined` where nobody has said: then it carries everything, unless the documents have Hosts. */
export function thisHost(folder: string): string | undefined {
  const { host } = (readState(folder, hostFile) ?? {}) as { readonly host?: unknown }
  return typeof host === 'string' ? host : undefined
}

/** Refuses a set of which nobody can say what belongs here. */
export function requireHost({ hosts }: Pick<Platform, 'hosts'>, name: string | undefined): void {
  if (name === undefined ? hosts.size === 0 : hosts.has(name)) return
  const message = name === undefined ? 'the documents name Hosts, and nobody has said which of them this machine is' : `no Host ${quote(name)} in the documents`
  throw new Fault('host-unknown', message, { help: hosts.size === 0 ? 'leave out `--host`, or add the Host' : `give one with \`bulkhead up DIR --host NAME\`: ${[...hosts.keys()].sort().map(quote).join(', ')}` })
}

/**
 * How many replicas of a workload this machine carries. What does not belong here is not attached, whoever assigned it: that
 * is asked once more here, although such a set is refused.
 */
export function replicasHere(platform: Platform, name: string | undefined): (workload: Workload) => number {
  if (name === undefined && platform.hosts.size === 0) return ({ replicas }) => replicas
  const host = name === undefined ? undefined : platform.hosts.get(name)
  if (host === undefined || host.drain) return () => 0
  const assigned = new Map(host.assigned.map(({ workload, replicas }) => [workload, replicas]))
  return (workload) => (whyElsewhere(platform, workload, host) === undefined ? Math.min(assigned.get(workload.id) ?? 0, workload.replicas) : 0)
}

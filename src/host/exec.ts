/**
 * Joining a running workload: all its namespaces, its environment, its user, no rights but its own. The workload may have
 * changed its first process (it can trace it), so little is believed of that: the network comes from the namespace's file,
 * the environment from what is recorded here, and the filter of system calls is loaded before anything is joined.
 */
import { quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { insidePath, insideUid, privilegedCapabilities } from './bwrap.ts'
import { placePrefix } from './host-mode.ts'
import { enter } from './instance.ts'
import { inNetns } from './ip.ts'
import { loadInventory } from './memory.ts'
import { placeNetns } from './plan.ts'
import { filtered } from './seccomp.ts'
import { readState } from './state.ts'
import { filterPath, innerPid } from './supervise.ts'
import type { Where } from './instance.ts'
import type { Instance } from './state.ts'

/** The command line to run where the agent lives; it needs no agent. `key` is `enclave/workload#replica`. */
export function execArguments(instance: Instance, where: Where, key: string, command: readonly string[]): readonly string[] {
  const inner = innerPid(instance.folder, key)
  const attachment = loadInventory(instance.folder)?.attachments.find((a) => !a.probe && `${a.workload}#${a.replica}` === key)
  if (inner === undefined || attachment === undefined) throw new Fault('workload-failed', `${quote(key)} has no process to join`, { help: 'see `bulkhead status` and `bulkhead logs`' })
  const argv = startedWith(instance, key)
  const privileged = !argv.includes('--unshare-user')
  const uid = privileged ? 0 : insideUid
  const bound = privileged ? privilegedCapabilities.map((c) => `,+${c.slice('CAP_'.length).toLowerCase()}`).join('') : ''
  const netns = placeNetns(where.kind === 'host' ? placePrefix(instance.name) : '', attachment.workload, attachment.replica)
  // On a machine the one who joins is root, and becomes the workload's user before any file inside is opened; in a sandbox it
  // has that user's id already.
  const credentials = where.kind === 'host' ? [`--setuid=${uid}`, `--setgid=${uid}`] : ['--preserve-credentials']
  const join = [
    'nsenter', `--target=${inner}`, '--user', '--mount', '--uts', '--ipc', '--pid', '--cgroup', ...credentials, '--',
    '/usr/bin/setpriv', '--no-new-privs', '--inh-caps=-all', `--bounding-set=-all${bound}`, '--',
    '/usr/bin/env', '-i', '-C', '/data', ...workloadEnvironment(argv), ...command,
  ]
  return filtered(process.arch, filterPath(instance.folder), enter(where, inNetns(netns, join)))
}

/** As the workload itself was started: its recorded command line, confinement included. */
function startedWith(instance: Instance, key: string): readonly string[] {
  const records = (readState(instance.folder, 'processes.json') ?? {}) as Record<string, { argv: readonly string[] }>
  return records[key]?.argv ?? []
}

function workloadEnvironment(argv: readonly string[]): readonly string[] {
  const pairs = argv.flatMap((word, i) => (word === '--setenv' ? [`${argv[i + 1] ?? ''}=${argv[i + 2] ?? ''}`] : []))
  return pairs.length > 0 ? pairs : [`PATH=${insidePath}`]
}

/** Joining a running workload: all its namespaces, its environment, its user, no rights. */
import { quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { insidePath } from './bwrap.ts'
import { dropTo } from './drop-root.ts'
import { enter } from './instance.ts'
import { readState } from './state.ts'
import { innerPid } from './supervise.ts'
import type { Where } from './instance.ts'
import type { Instance } from './state.ts'

/** The command line to run where the agent lives; it needs no agent. `key` is `enclave/workload#replica`. */
export async function execArguments(instance: Instance, where: Where, key: string, command: readonly string[]): Promise<readonly string[]> {
  const inner = innerPid(instance.folder, key)
  const children = inner === undefined ? undefined : await run(enter(where, ['cat', `/proc/${inner}/task/${inner}/children`]))
  if (inner === undefined || children?.code !== 0) throw new Fault('workload-failed', `${quote(key)} has no process to join`, { help: 'see `bulkhead status` and `bulkhead logs`' })
  // The confinement's first process holds all its namespaces; the command's own process may be in a nested user namespace.
  const child = children.stdout.trim().split(' ')[0] ?? ''
  const target = child === '' ? String(inner) : child
  const environment = workloadEnvironment(instance, key)
  const clean = ['/usr/bin/env', '-i', '-C', '/data', ...environment]
  if (where.kind === 'host') {
    // The process's own user, by its number on the machine; root may not enter the confinement's user namespace as nobody there.
    const { stdout } = await run(enter(where, ['stat', '-c', '%u', `/proc/${target}`]))
    return ['nsenter', `--target=${target}`, '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--', ...dropTo(Number(stdout)), ...clean, ...command]
  }
  return [
    'nsenter', `--target=${target}`, '--user', '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--preserve-credentials', '--',
    ...clean, '/usr/bin/setpriv', '--no-new-privs', ...command,
  ]
}

/** As the workload itself was started: read from its recorded command line. */
function workloadEnvironment(instance: Instance, key: string): readonly string[] {
  const records = (readState(instance.folder, 'processes.json') ?? {}) as Record<string, { argv: readonly string[] }>
  const argv = records[key]?.argv ?? []
  const pairs = argv.flatMap((word, i) => (word === '--setenv' ? [`${argv[i + 1] ?? ''}=${argv[i + 2] ?? ''}`] : []))
  return pairs.length > 0 ? pairs : [`PATH=${insidePath}`]
}

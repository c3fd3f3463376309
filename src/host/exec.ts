/** Joining a running workload: all its namespaces, its environment, its user, no rights. */
import { runOrFault } from '../base/process.ts'
import { insidePath } from './bwrap.ts'
import { enter } from './instance.ts'
import type { Instance, Where } from './instance.ts'
import { readState } from './state.ts'
import type { WorkloadStatus } from './report.ts'

/** The command line to run where the agent lives. `inner` is the first process inside, by its id there. */
export async function execArguments(instance: Instance, where: Where, inner: number, workload: WorkloadStatus, command: readonly string[]): Promise<readonly string[]> {
  // The confinement's first process holds all its namespaces; the command's own process may be in a nested user namespace.
  const child = (await runOrFault(enter(where, ['cat', `/proc/${inner}/task/${inner}/children`]))).trim().split(' ')[0] ?? ''
  const target = child === '' ? String(inner) : child
  const environment = workloadEnvironment(instance, workload)
  return [
    'nsenter', `--target=${target}`, '--user', '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--preserve-credentials', '--',
    '/usr/bin/env', '-i', '-C', '/data', ...environment, '/usr/bin/setpriv', '--no-new-privs', ...command,
  ]
}

/** As the workload itself was started: read from its recorded command line. */
function workloadEnvironment(instance: Instance, workload: WorkloadStatus): readonly string[] {
  const key = `${workload.workload}#${workload.replica}`
  const records = (readState(instance.folder, 'processes.json') ?? {}) as Record<string, { argv: readonly string[] }>
  const argv = records[key]?.argv ?? []
  const pairs = argv.flatMap((word, i) => (word === '--setenv' ? [`${argv[i + 1] ?? ''}=${argv[i + 2] ?? ''}`] : []))
  return pairs.length > 0 ? pairs : [`PATH=${insidePath}`]
}

/** Hosts and workloads that belong together: one Stack, one IsolationSegment (or none). No workload of one fits a host of another. */
import { compareText } from '../../base/location.ts'
import { quote } from '../../base/diagnostic.ts'
import { stackOf } from '../../intent/layers.ts'
import type { Environment, Host, IsolationSegment, Platform, Stack, Workload } from '../../model/platform.ts'

export interface Pool {
  readonly stack: string
  readonly segment: string | undefined
  /** How many replicas one host holds; Infinity where no segment says. */
  readonly capacity: number
  /** Whether workloads of two layers have to be on two hosts. */
  readonly separate: boolean
  /** Sorted by name; also those that are drained. */
  readonly hosts: readonly Host[]
  /** With at least one replica. Sorted by id. */
  readonly workloads: readonly Member[]
}

export interface Member {
  readonly workload: Workload
  /** Who answers for its environment; one without an owner is its own. */
  readonly owner: string
  /** It shares no host with what belongs to other owners. */
  readonly alone: boolean
}

export function poolsOf(platform: Platform): readonly Pool[] {
  const keys = new Map<string, { stack: string; segment: string | undefined; hosts: Host[]; workloads: Member[] }>()
  const poolAt = (stack: string, segment: string | undefined) => {
    const key = JSON.stringify([stack, segment])
    const known = keys.get(key) ?? { stack, segment, hosts: [], workloads: [] }
    keys.set(key, known)
    return known
  }
  for (const host of platform.hosts.values()) poolAt(host.stack, host.segment).hosts.push(host)
  for (const workload of platform.workloads.values()) {
    if (workload.replicas > 0) poolAt(stackOf(platform, workload), workload.segment).workloads.push(memberOf(platform, workload))
  }
  return [...keys.entries()].sort(([a], [b]) => compareText(a, b)).map(([, pool]) => {
    const stack: Stack | undefined = platform.stacks.get(pool.stack)
    const segment: IsolationSegment | undefined = pool.segment === undefined ? undefined : platform.segments.get(pool.segment)
    return { ...pool, capacity: segment?.replicasPerInstance ?? Infinity, separate: stack?.layerHosts === 'separate' }
  })
}

function memberOf(platform: Platform, workload: Workload): Member {
  const name = platform.enclaves.get(workload.enclave)?.environment ?? 'default'
  const environment: Environment | undefined = platform.environments.get(name)
  const alone = environment?.isolation === 'host' || environment?.isolation === 'dedicated'
  return { workload, owner: environment?.owner === undefined ? `environment ${name}` : `owner ${environment.owner}`, alone }
}

/** `segment `sealed` of stack `main``, as messages name it. */
export function poolText({ stack, segment }: Pick<Pool, 'stack' | 'segment'>): string {
  return segment === undefined ? `stack ${quote(stack)}, on no segment` : `segment ${quote(segment)} of stack ${quote(stack)}`
}

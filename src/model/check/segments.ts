/** What workloads are placed on: segments and layers that they were given, and as much as there is. */
import { quote } from '../../base/diagnostic.ts'
import { compareText } from '../../base/location.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { IsolationSegment, Platform, Workload } from '../platform.ts'

type Placement = Pick<Platform, 'enclaves' | 'workloads' | 'environments' | 'segments' | 'stacks'>

/** Segments that an environment may not use, each with whoever uses it, and layers that a stack does not have. */
export function placement(platform: Placement): readonly Diagnostic[] {
  const entitled = (segment: string | undefined, environment: string): boolean => {
    const allowed = segment === undefined ? undefined : platform.segments.get(segment)?.entitled
    return allowed === undefined || allowed.includes(environment)
  }
  const out: Diagnostic[] = []
  for (const { name, defaultSegment, at } of platform.environments.values()) {
    if (!entitled(defaultSegment, name)) out.push(notEntitled(`environment ${quote(name)} has the default segment`, name, defaultSegment, at))
  }
  for (const { name, environment, segment, at } of platform.enclaves.values()) {
    // What an environment gives its enclaves is told once, there.
    if (segment === platform.environments.get(environment)?.defaultSegment) continue
    if (!entitled(segment, environment)) out.push(notEntitled(`enclave ${quote(name)} uses segment`, environment, segment, at))
  }
  for (const workload of platform.workloads.values()) {
    const enclave = platform.enclaves.get(workload.enclave)
    if (enclave === undefined) continue
    if (workload.segment !== enclave.segment && !entitled(workload.segment, enclave.environment)) {
      out.push(notEntitled(`workload ${quote(workload.id)} uses segment`, enclave.environment, workload.segment, workload.at))
    }
    const stack = platform.stacks.get(platform.environments.get(enclave.environment)?.stack ?? '')
    if (workload.layer === undefined || stack === undefined || stack.layers.length === 0 || stack.layers.includes(workload.layer)) continue
    const message = `the stack ${quote(stack.name)} of workload ${quote(workload.id)} has no layer ${quote(workload.layer)}`
    out.push({ code: 'unknown-reference', severity: 'error', message, at: workload.at, given: workload.layer, help: didYouMean(workload.layer, stack.layers) ?? `allowed: ${stack.layers.join(', ')}` })
  }
  return out
}

function notEntitled(what: string, environment: string, segment: string | undefined, at: Diagnostic['at']): Diagnostic {
  const message = `${what} ${quote(segment ?? '')}, to which environment ${quote(environment)} is not entitled`
  return { code: 'not-entitled', severity: 'error', message, at, given: segment ?? '', help: `add ${quote(environment)} to \`entitled\` of the segment, or use another` }
}

/** Segments that are asked to hold more replicas than they have room for, with who takes how much of it. */
export function fullSegments({ segments, workloads }: Pick<Platform, 'segments' | 'workloads'>): readonly Diagnostic[] {
  return [...segments.values()].flatMap((segment) => {
    const users = [...workloads.values()].filter((w) => w.segment === segment.name)
    const wanted = replicasOf(users)
    return wanted <= capacityOf(segment) ? [] : [full(segment, users, wanted)]
  })
}

function capacityOf({ instances, replicasPerInstance }: IsolationSegment): number {
  return instances * replicasPerInstance
}

function replicasOf(workloads: readonly Workload[]): number {
  return workloads.reduce((sum, w) => sum + w.replicas, 0)
}

function full(segment: IsolationSegment, users: readonly Workload[], wanted: number): Diagnostic {
  const byEnclave = new Map<string, number>()
  for (const { enclave, replicas } of users) byEnclave.set(enclave, (byEnclave.get(enclave) ?? 0) + replicas)
  const shares = [...byEnclave].filter(([, n]) => n > 0).sort(([a, m], [b, n]) => n - m || compareText(a, b)).map(([name, n]) => `${n} of enclave ${quote(name)}`)
  const listed = shares.length > 5 ? `${shares.slice(0, 5).join(', ')} and ${shares.length - 5} more enclaves` : shares.join(', ')
  const room = `${segment.instances} ${segment.instances === 1 ? 'instance' : 'instances'} of ${segment.replicasPerInstance}`
  const message = `segment ${quote(segment.name)} holds ${capacityOf(segment)} replicas (${room}), and ${wanted} are to run there: ${listed}`
  const help = `${Math.ceil(wanted / segment.replicasPerInstance)} instances would hold them`
  return { code: 'segment-full', severity: 'error', message, at: segment.at, help }
}

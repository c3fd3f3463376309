/** The Host documents' assignment of workloads: what it breaks, what it leaves out, and whether there could be one at all. */
import { quote } from '../../base/diagnostic.ts'
import { whyElsewhere } from '../../intent/belongs.ts'
import { noPlacement } from './explain.ts'
import { feasibility } from './feasible.ts'
import { poolsOf } from './pools.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Host, Layer, Platform, Workload, WorkloadId } from '../../model/platform.ts'
import type { Pool } from './pools.ts'

/** Nothing is said where no Host is declared. That environments share a host against their will is told with their isolation. */
export function placementProblems(platform: Platform): readonly Diagnostic[] {
  if (platform.hosts.size === 0) return []
  const pools = poolsOf(platform)
  const impossible = pools.flatMap((pool) => {
    const found = pool.workloads.length === 0 ? undefined : feasibility(pool)
    return found?.kind === 'impossible' ? [noPlacement(pool, found)] : []
  })
  // Where nothing is assigned, somebody else places.
  const assigned = [...platform.hosts.values()].some((host) => host.assigned.length > 0)
  return [...impossible, ...(assigned ? [...misplaced(platform), ...pools.flatMap(perHost), ...perWorkload(platform)] : [])]
}

function misplaced(platform: Platform): readonly Diagnostic[] {
  const hosts = [...platform.hosts.values()]
  return hosts.flatMap((host) => host.assigned.flatMap(({ workload: id, at }) => {
    const workload = platform.workloads.get(id)
    if (workload === undefined) return []
    const fitting = (): string => {
      const names = hosts.filter((h) => !h.drain && whyElsewhere(platform, workload, h) === undefined).map((h) => quote(h.name))
      return names.length === 0 ? 'no host fits it' : `it fits ${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`
    }
    const why = whyElsewhere(platform, workload, host)
    if (why !== undefined) return [problem(`${quote(id)} is assigned to host ${quote(host.name)}, where it does not belong: ${why}`, at, fitting())]
    return host.drain ? [problem(`${quote(id)} is assigned to host ${quote(host.name)}, which is drained`, at, fitting())] : []
  }))
}

function perHost(pool: Pool): readonly Diagnostic[] {
  const members = new Map(pool.workloads.map((m) => [m.workload.id, m.workload]))
  return pool.hosts.flatMap((host) => {
    const here = host.assigned.flatMap(({ workload, replicas }) => {
      const member = members.get(workload)
      return member === undefined ? [] : [{ workload: member, replicas }]
    })
    const out: Diagnostic[] = []
    const sum = here.reduce((total, { replicas }) => total + replicas, 0)
    if (sum > pool.capacity) {
      out.push(problem(`host ${quote(host.name)} holds ${pool.capacity} replicas, and ${sum} are assigned to it: ${here.map((h) => `${h.replicas} of ${quote(h.workload.id)}`).join(', ')}`, host.at))
    }
    const [one, other] = pool.separate ? twoLayers(here.map((h) => h.workload)) : []
    if (one !== undefined && other !== undefined) {
      out.push(problem(`host ${quote(host.name)} has workloads of two layers, which stack ${quote(pool.stack)} keeps apart: ${layered(one)} and ${layered(other)}`, host.at))
    }
    return out
  })
}

function twoLayers(workloads: readonly Workload[]): readonly [Workload | undefined, Workload | undefined] | readonly [] {
  const [first] = workloads
  return first === undefined ? [] : [first, workloads.find((w) => w.layer !== first.layer)]
}

function layered({ id, layer }: { readonly id: WorkloadId; readonly layer: Layer | undefined }): string {
  return `${quote(id)} (${layer === undefined ? 'no layer' : quote(layer)})`
}

function perWorkload({ workloads, hosts }: Platform): readonly Diagnostic[] {
  const places = new Map<WorkloadId, { readonly hosts: Host[]; replicas: number }>()
  for (const host of hosts.values()) {
    for (const { workload, replicas } of host.assigned) {
      const known = places.get(workload) ?? { hosts: [], replicas: 0 }
      known.hosts.push(host)
      known.replicas += replicas
      places.set(workload, known)
    }
  }
  return [...workloads.values()].flatMap((workload): readonly Diagnostic[] => {
    const { hosts: on, replicas } = places.get(workload.id) ?? { hosts: [], replicas: 0 }
    if (replicas > workload.replicas) return [problem(`${quote(workload.id)} has ${workload.replicas} replicas, and ${replicas} are assigned to hosts`, workload.at)]
    if (replicas < workload.replicas) {
      const message = `${workload.replicas - replicas} of ${workload.replicas} replicas of ${quote(workload.id)} are assigned to no host`
      return [{ code: 'unassigned', severity: 'warning', message, at: workload.at }]
    }
    if (workload.replicas === 0 || on.length >= workload.spread) return []
    return [problem(`${quote(workload.id)} has to be on ${workload.spread} hosts, and is on ${on.length}: ${on.map((h) => quote(h.name)).join(', ')}`, workload.at)]
  })
}

function problem(message: string, at: Diagnostic['at'], help?: string): Diagnostic {
  return { code: 'misplaced', severity: 'error', message, at, ...(help === undefined ? {} : { help }) }
}

/** Why no assignment exists, in figures: the first of these that is so. */
import { quote } from '../../base/diagnostic.ts'
import { coloursOf, suits } from './feasible.ts'
import { poolText } from './pools.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Colour, Feasibility } from './feasible.ts'
import type { Pool } from './pools.ts'

export function noPlacement(pool: Pool, found: Extract<Feasibility, { readonly kind: 'impossible' }>): Diagnostic {
  const usable = pool.hosts.filter((h) => !h.drain)
  const drained = pool.hosts.length - usable.length
  const hosts = `${usable.length} ${usable.length === 1 ? 'host' : 'hosts'}${drained === 0 ? '' : ` (${drained} more ${drained === 1 ? 'is' : 'are'} drained)`}`
  const message = `no assignment to the ${hosts} of ${poolText(pool)} carries its workloads: ${reason(pool, found)}`
  return { code: 'no-placement', severity: 'error', message, at: pool.workloads[0]?.workload.at ?? { file: 'built-in', line: 1, column: 1 } }
}

function reason(pool: Pool, { placed, wanted }: { readonly placed: number; readonly wanted: number }): string {
  const usable = pool.hosts.filter((h) => !h.drain)
  for (const { workload } of pool.workloads) {
    const fitting = usable.filter((h) => h.layer === undefined || h.layer === workload.layer).length
    const layer = workload.layer === undefined ? 'no layer' : `layer ${quote(workload.layer)}`
    if (fitting === 0) return `none of them is for ${quote(workload.id)} (${layer})`
    if (workload.spread > fitting) return `${quote(workload.id)} has to be on ${workload.spread} hosts, and ${fitting} ${fitting === 1 ? 'is' : 'are'} for it (${layer})`
  }
  const room = usable.length * pool.capacity
  if (wanted > room) return `they hold ${room} replicas (${pool.capacity} each), and ${wanted} are to run`
  const colours = coloursOf(pool)
  const needs = colours.map((colour) => ({ colour, hosts: leastHosts(pool, colour, colours.filter((c) => c !== colour)) })).filter(({ hosts }) => hosts > 0)
  const sum = needs.reduce((total, { hosts }) => total + hosts, 0)
  if (needs.length > 1 && sum > usable.length) return `${needs.map(({ colour, hosts }) => `${colourText(colour)} needs ${hosts}`).join(', ')}, and they share none`
  return `at most ${placed} of ${wanted} replicas find a place`
}

/** What only hosts of this colour can carry needs at least so many of them. */
function leastHosts(pool: Pool, colour: Colour, others: readonly Colour[]): number {
  const bound = pool.workloads.filter((m) => suits(m, colour) && !others.some((c) => suits(m, c)))
  const replicas = bound.reduce((sum, { workload }) => sum + workload.replicas, 0)
  return Math.max(Math.ceil(replicas / pool.capacity), ...bound.map(({ workload }) => workload.spread), replicas > 0 ? 1 : 0)
}

function colourText({ layer, owner }: Colour): string {
  const whose = owner === undefined ? '' : ` of ${owner.slice(owner.indexOf(' ') + 1)}`
  if (layer === 'any') return owner === undefined ? 'whoever shares' : `whoever belongs to${whose.slice(3)} alone`
  return `${layer === undefined ? 'no layer' : `layer \`${layer}\``}${whose}`
}

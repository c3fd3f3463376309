/**
 * Whether any assignment of a pool's workloads to its hosts honours everything asked of it. Exact: hosts that are alike are
 * counted and not told apart, every way of giving them to layers and owners is tried, and for each a flow decides.
 */
import { network } from './flow.ts'
import type { Layer } from '../../model/platform.ts'
import type { Member, Pool } from './pools.ts'

export type Feasibility =
  | { readonly kind: 'possible' }
  /** `placed` of `wanted` replicas is the most that some division of the hosts carries. */
  | { readonly kind: 'impossible'; readonly placed: number; readonly wanted: number }
  /** There are more divisions of the hosts than are tried. */
  | { readonly kind: 'undecided' }

/** How many divisions of the hosts are tried. */
export const mostDivisions = 20_000

/** Hosts of one kind that are given to one layer and one owner; `undefined` stands for whichever. */
interface Share {
  readonly hostLayer: Layer | undefined
  readonly colour: Colour
  readonly hosts: number
}

/** `layer: 'any'` where layers may share hosts; `owner: undefined` for all who do not mind others. */
export interface Colour {
  readonly layer: Layer | undefined | 'any'
  readonly owner: string | undefined
}

export function feasibility(pool: Pool): Feasibility {
  const wanted = pool.workloads.reduce((sum, { workload }) => sum + workload.replicas, 0)
  const colours = coloursOf(pool)
  const kinds = new Map<Layer | undefined, number>()
  for (const host of pool.hosts) if (!host.drain) kinds.set(host.layer, (kinds.get(host.layer) ?? 0) + 1)
  let placed = 0
  let tried = 0
  for (const shares of divisions([...kinds], colours)) {
    if (++tried > mostDivisions) return { kind: 'undecided' }
    placed = Math.max(placed, carried(pool, shares, wanted))
    if (placed === wanted) return { kind: 'possible' }
  }
  return placed === wanted ? { kind: 'possible' } : { kind: 'impossible', placed, wanted }
}

export function coloursOf({ workloads, separate }: Pool): readonly Colour[] {
  const layers = separate ? [...new Set(workloads.map(({ workload }) => workload.layer))] : (['any'] as const)
  const owners = [...new Set([...workloads.filter((m) => !m.alone).map(() => undefined), ...workloads.filter((m) => m.alone).map((m) => m.owner)])]
  return layers.flatMap((layer) => owners.map((owner) => ({ layer, owner })))
}

/** Whether the workload may be on hosts that were given to this layer and owner. */
export function suits({ workload, owner, alone }: Member, colour: Colour): boolean {
  if (colour.layer !== 'any' && colour.layer !== workload.layer) return false
  return colour.owner === undefined ? !alone : colour.owner === owner
}

/** Every way of giving all hosts of each kind to colours that the kind can take; more hosts never hurt, so none is left over. */
function* divisions(kinds: readonly (readonly [Layer | undefined, number])[], colours: readonly Colour[]): Generator<readonly Share[]> {
  const [first, ...rest] = kinds
  if (first === undefined) {
    yield []
    return
  }
  const [hostLayer, count] = first
  const open = colours.filter(({ layer }) => hostLayer === undefined || layer === 'any' || layer === hostLayer)
  for (const mine of split(hostLayer, count, open)) for (const others of divisions(rest, colours)) yield [...mine, ...others]
}

function* split(hostLayer: Layer | undefined, count: number, colours: readonly Colour[]): Generator<readonly Share[]> {
  const [first, ...rest] = colours
  if (first === undefined) {
    yield []
    return
  }
  for (let hosts = rest.length === 0 ? count : 0; hosts <= count; hosts++) {
    for (const others of split(hostLayer, count - hosts, rest)) yield [{ hostLayer, colour: first, hosts }, ...others]
  }
}

/**
 * How many replicas these hosts carry at most. `spread` of each workload's replicas go one to a host and the others anywhere:
 * within hosts that are alike, turning from one to the next keeps the ones apart and every host within its capacity.
 */
function carried({ workloads, capacity }: Pool, shares: readonly Share[], wanted: number): number {
  const spread = (i: number): number => 1 + 2 * i
  const place = (i: number): number => 1 + 2 * workloads.length + i
  const sink = place(shares.length)
  const net = network(sink + 1)
  workloads.forEach((member, i) => {
    const { workload } = member
    const apart = Math.min(workload.spread, workload.replicas)
    net.add(0, spread(i), apart)
    net.add(0, spread(i) + 1, workload.replicas - apart)
    shares.forEach((share, j) => {
      if (!suits(member, share.colour) || (share.hostLayer !== undefined && share.hostLayer !== workload.layer)) return
      net.add(spread(i), place(j), share.hosts)
      if (share.hosts > 0) net.add(spread(i) + 1, place(j), Infinity)
    })
  })
  shares.forEach(({ hosts }, j) => net.add(place(j), sink, hosts === 0 ? 0 : hosts * capacity))
  return net.flow(0, sink, wanted)
}

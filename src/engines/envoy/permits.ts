/** What one source may ask outside for, by name: its paths grouped by port, so that each port leads to one decision. */
import { formatDomainPattern } from '../../net/domain.ts'
import { isAllPorts } from '../../net/ports.ts'
import type { DomainPattern } from '../../net/domain.ts'
import type { PortSet } from '../../net/ports.ts'
import type { HttpMatch } from '../../model/platform.ts'

export interface Permit {
  readonly pattern: DomainPattern
  /** Undefined: TLS by its name, and plain HTTP of any kind. Otherwise these requests, of plain HTTP alone. */
  readonly http: HttpMatch | undefined
  /** `EgressPolicy research/pypi`. */
  readonly document: string
}

export interface PortClass {
  /** Undefined: every port that no other class of the source names. */
  readonly ports: readonly number[] | undefined
  readonly permits: readonly Permit[]
}

/** Ports are looked up one by one, so a path may name this many, or all. */
const mostPorts = 1024

export function tooManyPorts(ports: PortSet): boolean {
  return !isAllPorts(ports) && countPorts(ports) > mostPorts
}

export function countPorts(ports: PortSet): number {
  return ports.reduce((sum, { from, to }) => sum + to - from + 1, 0)
}

export function eachPort(ports: PortSet): readonly number[] {
  return ports.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
}

/** Ports that allow the same are one class. Sorted; `ports` as `tooManyPorts` accepts them. */
export function portClasses(paths: readonly { readonly ports: PortSet; readonly permits: readonly Permit[] }[]): readonly PortClass[] {
  const everywhere = paths.filter(({ ports }) => isAllPorts(ports)).flatMap(({ permits }) => permits)
  const at = new Map<number, Permit[]>()
  for (const { ports, permits } of paths) {
    if (isAllPorts(ports)) continue
    for (const port of eachPort(ports)) at.set(port, [...(at.get(port) ?? everywhere), ...permits])
  }
  const classes = new Map<string, { ports: number[]; permits: readonly Permit[] }>()
  for (const [port, permits] of [...at].sort(([a], [b]) => a - b)) {
    const key = permits.map(permitKey).sort().join('\n')
    const known = classes.get(key)
    if (known === undefined) classes.set(key, { ports: [port], permits })
    else known.ports.push(port)
  }
  return [...classes.values(), ...(everywhere.length === 0 ? [] : [{ ports: undefined, permits: everywhere }])]
}

function permitKey({ pattern, http, document }: Permit): string {
  return JSON.stringify([formatDomainPattern(pattern), http, document])
}

/** True when every name that `inner` holds is held by `outer`. */
export function covers(outer: DomainPattern, inner: DomainPattern): boolean {
  if (!outer.below) return !inner.below && outer.name === inner.name
  return inner.name.endsWith(`.${outer.name}`) || (inner.below && inner.name === outer.name)
}

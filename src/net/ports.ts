/** A set of ports, as sorted disjoint ranges that do not touch: one value has one form. */

export interface PortRange {
  readonly from: number
  readonly to: number
}

export type PortSet = readonly PortRange[]

export const allPorts: PortSet = Object.freeze([Object.freeze({ from: 1, to: 65_535 })])
export const noPorts: PortSet = Object.freeze([])

export function portSet(ranges: Iterable<PortRange>): PortSet {
  const sorted = [...ranges].filter((r) => r.from <= r.to).sort((a, b) => a.from - b.from || a.to - b.to)
  const out: PortRange[] = []
  for (const range of sorted) {
    const before = out.at(-1)
    if (before !== undefined && range.from <= before.to + 1) {
      if (range.to > before.to) out[out.length - 1] = { from: before.from, to: range.to }
    } else out.push({ from: range.from, to: range.to })
  }
  return Object.freeze(out.map((r) => Object.freeze(r)))
}

export function hasPort(set: PortSet, port: number): boolean {
  for (const range of set) if (port >= range.from && port <= range.to) return true
  return false
}

export function unionPorts(...sets: readonly PortSet[]): PortSet {
  return portSet(sets.flat())
}

export function intersectPorts(a: PortSet, b: PortSet): PortSet {
  return portSet(a.flatMap((x) => b.map((y) => ({ from: Math.max(x.from, y.from), to: Math.min(x.to, y.to) }))))
}

export function subtractPorts(from: PortSet, what: PortSet): PortSet {
  let left: PortRange[] = [...from]
  for (const cut of what) {
    left = left.flatMap((r) =>
      cut.to < r.from || cut.from > r.to
        ? [r]
        : [{ from: r.from, to: cut.from - 1 }, { from: cut.to + 1, to: r.to }].filter((rest) => rest.from <= rest.to),
    )
  }
  return portSet(left)
}

export function isAllPorts(set: PortSet): boolean {
  return set.length === 1 && set[0]?.from === 1 && set[0].to === 65_535
}

/** `any`, or ports and ranges joined by commas: `80,8000-8100`. */
export function formatPorts(set: PortSet): string {
  if (isAllPorts(set)) return 'any'
  return set.map((r) => (r.from === r.to ? String(r.from) : `${r.from}-${r.to}`)).join(',')
}

/**
 * Sets of unsigned integers as sorted, disjoint, non-touching inclusive ranges, kept flat: `[first, last, first, last]`.
 * They are what a symbolic packet may hold in one field.
 */

export type Values = readonly bigint[]

export const nothing: Values = Object.freeze([])

export function one(value: bigint): Values {
  return [value, value]
}

export function span(first: bigint, last: bigint): Values {
  return first <= last ? [first, last] : nothing
}

/** Every value of a field of `width` bits. */
export function everything(width: number): Values {
  let set = whole.get(width)
  if (set === undefined) whole.set(width, (set = Object.freeze([0n, (1n << BigInt(width)) - 1n])))
  return set
}

/** One object for each width, so that a free field is recognised at a glance. */
const whole = new Map<number, Values>()

export function isNothing(set: Values): boolean {
  return set.length === 0
}

/** The value of a set that holds exactly one. */
export function single(set: Values | undefined): bigint | undefined {
  return set !== undefined && set.length === 2 && set[0] === set[1] ? set[0] : undefined
}

export function holds(set: Values, value: bigint): boolean {
  let low = 0
  let high = set.length / 2 - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    if (value < at(set, 2 * middle)) high = middle - 1
    else if (value > at(set, 2 * middle + 1)) low = middle + 1
    else return true
  }
  return false
}

export function intersect(a: Values, b: Values): Values {
  if (a === b) return a
  const only = single(b)
  if (only !== undefined) return holds(a, only) ? b : nothing
  const other = single(a)
  if (other !== undefined) return holds(b, other) ? a : nothing
  // A small set within a large one is found by halving; two large ones are walked together.
  if (a.length * 8 < b.length) return intersectSmall(a, b)
  if (b.length * 8 < a.length) return intersectSmall(b, a)
  const out: bigint[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    const first = larger(at(a, i), at(b, j))
    const last = smaller(at(a, i + 1), at(b, j + 1))
    if (first <= last) out.push(first, last)
    if (at(a, i + 1) < at(b, j + 1)) i += 2
    else j += 2
  }
  return out
}

function intersectSmall(small: Values, large: Values): Values {
  const out: bigint[] = []
  for (let i = 0; i < small.length; i += 2) {
    const first = at(small, i)
    const last = at(small, i + 1)
    let j = firstReaching(large, first)
    if (first === 0n && j === 0 && small.length === 2 && last >= at(large, large.length - 1)) return large
    for (; j < large.length && at(large, j) <= last; j += 2) out.push(larger(first, at(large, j)), smaller(last, at(large, j + 1)))
  }
  return out
}

/** The index of the first range that ends at or after `value`. */
function firstReaching(set: Values, value: bigint): number {
  let low = 0
  let high = set.length / 2
  while (low < high) {
    const middle = (low + high) >> 1
    if (at(set, 2 * middle + 1) < value) low = middle + 1
    else high = middle
  }
  return 2 * low
}

export function subtract(from: Values, what: Values): Values {
  const out: bigint[] = []
  let j = 0
  for (let i = 0; i < from.length; i += 2) {
    let first = at(from, i)
    const last = at(from, i + 1)
    while (j > 0 && at(what, j - 1) >= first) j -= 2
    while (j < what.length && at(what, j + 1) < first) j += 2
    while (j < what.length && at(what, j) <= last && first <= last) {
      if (at(what, j) > first) out.push(first, at(what, j) - 1n)
      first = larger(first, at(what, j + 1) + 1n)
      j += 2
    }
    if (first <= last) out.push(first, last)
  }
  return out
}

/** One set from ranges in any order. */
export function union(sets: readonly Values[]): Values {
  if (sets.length === 1) return sets[0] ?? nothing
  const ranges: [bigint, bigint][] = []
  for (const set of sets) for (let i = 0; i < set.length; i += 2) ranges.push([at(set, i), at(set, i + 1)])
  ranges.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
  const out: bigint[] = []
  for (const [first, last] of ranges) {
    const end = out.at(-1)
    if (end !== undefined && first <= end + 1n) {
      if (last > end) out[out.length - 1] = last
    } else out.push(first, last)
  }
  return out
}

export function overlaps(a: Values, b: Values): boolean {
  return !isNothing(intersect(a, b))
}

export function isWithin(inner: Values, outer: Values): boolean {
  if (inner === outer) return true
  const only = single(inner)
  if (only !== undefined) return holds(outer, only)
  // One value cannot hold more than one.
  return single(outer) === undefined ? isNothing(subtract(inner, outer)) : isNothing(inner)
}

export function sameValues(a: Values | undefined, b: Values | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined || a.length !== b.length) return false
  return a.every((value, i) => value === b[i])
}

export function at(set: Values, index: number): bigint {
  const value = set[index]
  if (value === undefined) throw new RangeError('a set of ranges is cut off')
  return value
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

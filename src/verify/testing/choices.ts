/**
 * A tape of random bytes that a generator reads its choices from. The first alternative is always the simplest and an
 * ended tape reads as zeros, so that shortening or lowering a tape, which fast-check does, makes the simpler case.
 */
import fc from 'fast-check'

export type Tape = Uint8Array

/** All lengths are equally likely: short tapes are simple cases, long ones are rich. */
export function tapes(minLength: number, maxLength: number): fc.Arbitrary<Tape> {
  return fc.noBias(fc.uint8Array({ minLength, maxLength, size: 'max' }))
}

export interface Choices {
  /** 0 to `count` - 1; `count` is at most 256. */
  readonly below: (count: number) => number
  readonly between: (min: number, max: number) => number
  /** True for about that many of a hundred; false once the tape has ended. */
  readonly chance: (percent: number) => boolean
  readonly pick: <T>(from: readonly T[]) => T
  /** `min` to `max` of the values, each at most once, in their own order. */
  readonly some: <T>(from: readonly T[], min: number, max: number) => T[]
}

export function choicesFrom(tape: Tape): Choices {
  let at = 0
  const byte = (): number => tape[at++] ?? 0
  const below = (count: number): number => byte() % count
  const between = (min: number, max: number): number => min + below(max - min + 1)
  const chance = (percent: number): boolean => byte() * 100 >= 256 * (100 - percent)
  function pick<T>(from: readonly T[]): T {
    const picked = from[below(from.length)]
    if (picked === undefined) throw new RangeError('nothing to pick from')
    return picked
  }
  function some<T>(from: readonly T[], min: number, max: number): T[] {
    const left = [...from.keys()]
    const wanted = Math.min(between(min, max), left.length)
    const taken = new Set<number>()
    while (taken.size < wanted) taken.add(left.splice(below(left.length), 1)[0] ?? 0)
    return from.filter((_, i) => taken.has(i))
  }
  return { below, between, chance, pick, some }
}

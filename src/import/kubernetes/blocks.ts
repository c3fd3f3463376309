/** The outside, cut wherever some policy's block begins or ends: within one piece all addresses are alike. */
import { familyWidth, formatAddress, addressFromBits } from '../../net/address.ts'
import type { AddressRange, AddressSet } from '../../net/address-set.ts'
import type { Family } from '../../net/address.ts'
import type { Direction, Policy } from './policy.ts'
import type { Pod } from './workloads.ts'

export interface Pieces {
  /** In order of family and address; together they are the whole of each family that is there. */
  readonly ranges: readonly AddressRange[]
  /** Positions of the pieces in the set, ascending. The set must be made of pieces. */
  readonly within: (set: AddressSet) => readonly number[]
}

/** Every block that is written in rules of this direction. */
export function blocksOf(policies: readonly Policy[], direction: Direction): readonly AddressSet[] {
  return policies.flatMap((policy) => (policy[direction] ?? []).flatMap(({ peers = [] }) => peers.flatMap((peer) => (peer.kind === 'addresses' ? [peer.addresses] : []))))
}

/** IPv6 is there when some block is IPv6. */
export function cut(blocks: readonly AddressSet[]): Pieces {
  const starts: Record<Family, Set<bigint>> = { 4: new Set([0n]), 6: new Set() }
  for (const { family, first, last } of blocks.flat()) {
    starts[family].add(0n)
    starts[family].add(first)
    if (last < endOf(family)) starts[family].add(last + 1n)
  }
  const ranges = ([4, 6] as const).flatMap((family) => {
    const sorted = [...starts[family]].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    return sorted.map((first, i): AddressRange => Object.freeze({ family, first, last: (sorted[i + 1] ?? endOf(family) + 1n) - 1n }))
  })
  const positions = new Map(ranges.map(({ family, first }, i) => [`${family} ${first}`, i]))
  return {
    ranges,
    within: (set) =>
      set.flatMap(({ family, first, last }) => {
        const out: number[] = []
        for (let i = positions.get(`${family} ${first}`) ?? ranges.length; i < ranges.length; i++) {
          const range = ranges[i]
          if (range === undefined || range.family !== family || range.first > last) break
          out.push(i)
        }
        return out
      }),
  }
}

export function formatRange({ family, first, last }: AddressRange): string {
  return `${formatAddress(addressFromBits(family, first))}-${formatAddress(addressFromBits(family, last))}[External]`
}

/** The positions of the pods whose address of this family is in a set. */
export function addressIndex(pods: readonly Pod[], family: Family): (set: AddressSet) => readonly number[] {
  const sorted = pods
    .flatMap(({ addresses }, pod) => addresses.filter((address) => address.family === family).map(({ bits }) => ({ bits, pod })))
    .sort((a, b) => (a.bits < b.bits ? -1 : a.bits > b.bits ? 1 : 0))
  const from = (bits: bigint): number => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sorted[middle]?.bits ?? 0n) < bits) low = middle + 1
      else high = middle
    }
    return low
  }
  return (set) => set.filter((range) => range.family === family).flatMap(({ first, last }) => sorted.slice(from(first), from(last + 1n)).map(({ pod }) => pod))
}

function endOf(family: Family): bigint {
  return (1n << BigInt(familyWidth(family))) - 1n
}

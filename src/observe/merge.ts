/** Under load, refusals that differ in time and source port alone become one record that says how many it stands for. */
import type { RawDenied, RawTime } from './parse.ts'

export interface Refusals {
  readonly first: RawDenied
  readonly last: RawTime
  readonly count: number
}

/** Batches up to this size are kept packet by packet. */
export const mergeAbove = 200

/** In the order in which each kind of refusal came first. The counts add up to the length of `batch`. */
export function mergeRefusals(batch: readonly RawDenied[]): readonly Refusals[] {
  if (batch.length <= mergeAbove) return batch.map((raw) => ({ first: raw, last: raw.time, count: 1 }))
  const found = new Map<string, { readonly first: RawDenied; last: RawTime; count: number }>()
  for (const raw of batch) {
    const key = keyOf(raw)
    const before = found.get(key)
    if (before === undefined) found.set(key, { first: raw, last: raw.time, count: 1 })
    else {
      before.count++
      before.last = raw.time
    }
  }
  return [...found.values()]
}

function keyOf(raw: RawDenied): string {
  return [
    raw.reason, raw.interfaceIn, raw.interfaceOut, raw.source, raw.destination, raw.protocol, raw.destinationPort,
    raw.icmpType, raw.icmpCode, raw.midstream,
  ].join(' ')
}

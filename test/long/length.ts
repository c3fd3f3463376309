/**
 * How long the long suites are: `BULKHEAD_LONG=0.1` is a tenth of what is written in them, 5 is five times as much. At 1 they
 * took 28 minutes of processor time; at low priority on two cores for which ten to thirty other processes competed, an hour.
 */
const factor = Number(process.env['BULKHEAD_LONG'] ?? 1)
if (!(factor > 0)) throw new RangeError(`BULKHEAD_LONG is \`${process.env['BULKHEAD_LONG'] ?? ''}\`, not a number above 0`)

/** That many, times the factor; at least one. */
export function times(count: number): number {
  return Math.max(1, Math.round(count * factor))
}

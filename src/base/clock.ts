/** Time as milliseconds since the epoch. Functions that judge by time take `now`; only edges ask a clock. */

export type Clock = () => number

export const systemClock: Clock = () => Date.now()

/** A clock for tests that stands still until it is moved. */
export function manualClock(start: number): { readonly now: Clock; readonly advance: (ms: number) => void } {
  let at = start
  return {
    now: () => at,
    advance: (ms) => {
      at += ms
    },
  }
}

/** `2027-03-31T18:00:00.000Z`. */
export function formatInstant(ms: number): string {
  return new Date(ms).toISOString()
}

/** Clocks of two machines, or one before and after it was corrected, differ by less. */
const clocksApartMs = 300_000

/** Whether no clock that is right can have told this instant yet. Both in milliseconds since the epoch. */
export function isToCome(instant: number, now: number): boolean {
  return instant > now + clocksApartMs
}

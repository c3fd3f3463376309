/**
 * Counts what was refused but not recorded, from two independent witnesses: the kernel numbers every message it logs,
 * and a counter in the ruleset counts every packet that a log rule saw.
 */

export interface LossState {
  /** Refused packets that became records. */
  readonly recorded: number
  /** Gaps in the kernel's numbers: lost between kernel and file. */
  readonly bySequence: number
  /** Missing by the counter beyond those, seen when nothing was under way; such as while ulogd did not run. */
  readonly unexplained: number
  /** The number the next message should have; absent before the first. */
  readonly expected?: number
  /** All packets counted since recording began, across resets of the counter. */
  readonly counted: number
  /** The counter's last value; absent before the first reading. */
  readonly lastCounter?: number
}

export const noLoss: LossState = Object.freeze({ recorded: 0, bySequence: 0, unexplained: 0, counted: 0 })

export function lost(state: LossState): number {
  return state.bySequence + state.unexplained
}

const numbers = 2 ** 32

/** Numbers are of 32 bits and begin at 0 whenever ulogd starts; a step backwards is such a start. */
export function sawSequence(state: LossState, sequence: number | undefined): LossState {
  const recorded = state.recorded + 1
  if (sequence === undefined) return { ...state, recorded }
  const expected = (sequence + 1) % numbers
  if (state.expected === undefined) return { ...state, recorded, expected }
  const step = (sequence - state.expected + numbers) % numbers
  const missed = step < numbers / 2 ? step : sequence
  return { ...state, recorded, expected, bySequence: state.bySequence + missed }
}

/** A counter below its last value was made anew. The first reading is where counting begins. */
export function sawCounter(state: LossState, value: number): LossState {
  if (state.lastCounter === undefined) return { ...state, lastCounter: value }
  const more = value >= state.lastCounter ? value - state.lastCounter : value
  return { ...state, counted: state.counted + more, lastCounter: value }
}

/** To be called only when no packet was counted and no record read for a while: then what is missing is lost. */
export function settle(state: LossState): LossState {
  const unexplained = Math.max(0, state.counted - state.recorded - state.bySequence)
  return unexplained === state.unexplained ? state : { ...state, unexplained }
}

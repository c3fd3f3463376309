/**
 * The number that chooses what tests leave to chance: the cases of properties, the moments of kills. The runner hands one on to
 * every file, always the same unless BULKHEAD_SEED says otherwise; a file that is started without the runner takes a fresh one.
 */
import { randomInt } from 'node:crypto'

const least = -(2 ** 31)
const most = 2 ** 31 - 1

/** A seed as it is written in BULKHEAD_SEED; nothing and `random` mean a fresh one. */
export function seedOf(text: string | undefined): number {
  if (text === undefined || text === 'random') return randomInt(0, most)
  const seed = Number(text)
  if (!/^-?\d+$/.test(text) || seed < least || seed > most) {
    throw new RangeError(`BULKHEAD_SEED is \`${text}\`, not \`random\` or a whole number from ${least} to ${most}`)
  }
  return seed
}

export const seed = seedOf(process.env['BULKHEAD_SEED'])

/** fast-check with the run's seed in every property, and BULKHEAD_RUNS times as many cases as a property asks for. */
import fc from 'fast-check'
import { seed } from './seed.ts'

export * from 'fast-check'

const factor = Number(process.env['BULKHEAD_RUNS'] ?? 1)
if (!(factor > 0)) throw new RangeError(`BULKHEAD_RUNS is \`${process.env['BULKHEAD_RUNS'] ?? ''}\`, not a number above 0`)

/** What fast-check does when a property does not say. */
const unsaid = 100

fc.configureGlobal({ seed })

function times<T>(parameters: fc.Parameters<T> = {}): fc.Parameters<T> {
  return { ...parameters, numRuns: Math.ceil((parameters.numRuns ?? unsaid) * factor) }
}

export const assert = (<T>(property: fc.IRawProperty<T>, parameters?: fc.Parameters<T>) => fc.assert(property, times(parameters))) as typeof fc.assert
export const check = (<T>(property: fc.IRawProperty<T>, parameters?: fc.Parameters<T>) => fc.check(property, times(parameters))) as typeof fc.check
export const sample = (<T>(generator: fc.Arbitrary<T>, parameters?: fc.Parameters<T> | number) =>
  fc.sample(generator, times(typeof parameters === 'number' ? { numRuns: parameters } : parameters))) as typeof fc.sample

export default { ...fc, assert, check, sample }

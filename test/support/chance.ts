/**
 * Loaded before each file that the runner starts: whoever imports fast-check gets the one that has the run's seed. A hook, so
 * that the files without properties do not load the library.
 */
import { registerHooks } from 'node:module'

const seeded = new URL('./seeded.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'fast-check' && context.parentURL !== seeded ? { url: seeded, shortCircuit: true } : next(specifier, context),
})

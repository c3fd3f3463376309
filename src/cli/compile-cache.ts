/**
 * Loaded before any other module of a program: what was compiled once is not compiled again. The cache lies beside the code and not in a
 * shared folder, because whoever may write there decides what runs.
 */
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/bulkhead', import.meta.url)))

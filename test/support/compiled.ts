/** Loaded before each file that the runner starts: what one file has compiled, the next need not compile again. */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

enableCompileCache(join(import.meta.dirname, '../../node_modules/.cache/bulkhead-tests'))

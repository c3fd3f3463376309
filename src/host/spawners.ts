/** Small processes that wait to start others: what ends connections is not to wait for a large agent to fork. */
import { createWorkers } from '../base/workers.ts'

/** A revocation asks for two lists and the sockets of two places at once. */
const atOnce = 6

/** One for the process: they wait for nobody in particular, and end with it. */
export const spawners = createWorkers(atOnce)

/** A new agent takes over what an earlier one left: the set in force, or the one that was being put in force when it was killed. */
import { Fault, messageOf } from '../base/fault.ts'
import { checkDocuments } from './documents.ts'
import { commitPending, loadApplied, loadPending } from './memory.ts'
import type { Reconciler } from './reconciler.ts'
import type { Applied } from './memory.ts'

/** Puts the last set in force again, if there is one; what runs is adopted. The caller has the turn. */
export async function adoptLast(folder: string, reconciler: Reconciler, log: (text: string) => void): Promise<void> {
  const applied = loadApplied(folder)
  if (await adoptPending(folder, reconciler, log)) return
  if (applied !== undefined) await adopt(applied, reconciler, log, () => undefined)
}

/** What fails after the table has been taken is gone on with by the regular look. */
async function adopt(applied: Applied, reconciler: Reconciler, log: (text: string) => void, commit: () => void): Promise<void> {
  // As it was judged then: a set in force does not fall because a date in it has passed.
  const { set } = checkDocuments(applied, Date.parse(applied.at))
  if (set === undefined) throw new Fault('invalid-set', 'the set in force no longer loads', { help: 'the rules stay as they are; `bulkhead down` ends them' })
  const next = reconciler.designed(set)
  try {
    await reconciler.enforce(next, true, commit)
  } catch (error) {
    if (reconciler.current() !== next) throw error
    log(`error: ${messageOf(error)}`)
  }
  log(`adopted ${applied.directory} ${applied.sha256}`)
}

/** An agent that was killed while it changed the set may have closed paths already: they are not opened again. */
async function adoptPending(folder: string, reconciler: Reconciler, log: (text: string) => void): Promise<boolean> {
  try {
    const interrupted = loadPending(folder)
    if (interrupted === undefined) return false
    await adopt(interrupted, reconciler, log, () => commitPending(folder))
    return true
  } catch (error) {
    log(`error: ${messageOf(error)}`)
    reconciler.takeBack(undefined)
    return false
  }
}

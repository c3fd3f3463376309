/** A new agent takes over what an earlier one left: the set in force, or the one that was being put in force when it was killed. */
import { Fault, messageOf } from '../base/fault.ts'
import { checkDocuments } from './documents.ts'
import { commitPending, loadApplied, loadPending } from './memory.ts'
import type { Holding } from './holding.ts'
import type { Applied } from './memory.ts'

/** Puts the last set in force again, if there is one; what runs is adopted. The caller has the turn. */
export async function adoptLast(folder: string, holding: Holding, log: (text: string) => void): Promise<void> {
  const applied = loadApplied(folder)
  if (await adoptPending(folder, holding, log)) return
  if (applied !== undefined) await adopt(applied, holding, log, () => undefined)
}

/** What fails after the table has been taken is gone on with by the regular look. */
async function adopt(applied: Applied, holding: Holding, log: (text: string) => void, commit: () => void): Promise<void> {
  // As it was judged then: a set in force does not fall because a date in it has passed.
  const { set } = checkDocuments(applied, Date.parse(applied.at))
  if (set === undefined) throw new Fault('invalid-set', 'the set in force no longer loads', { help: 'the rules stay as they are; `bulkhead down` ends them' })
  const next = holding.designed(set)
  try {
    await holding.enforce(next, true, commit)
  } catch (error) {
    if (holding.current() !== next) throw error
    log(`error: ${messageOf(error)}`)
  }
  log(`adopted ${applied.directory} ${applied.sha256}`)
}

/** An agent that was killed while it changed the set may have closed paths already: they are not opened again. */
async function adoptPending(folder: string, holding: Holding, log: (text: string) => void): Promise<boolean> {
  try {
    const interrupted = loadPending(folder)
    if (interrupted === undefined) return false
    await adopt(interrupted, holding, log, () => commitPending(folder))
    return true
  } catch (error) {
    log(`error: ${messageOf(error)}`)
    holding.takeBack(undefined)
    return false
  }
}

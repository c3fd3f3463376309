/**
 * Keeps the table: small changes go to one `nft` that stays and whose transactions are known to be ours, everything else
 * replaces the table whole. A table that somebody else may have changed is looked at before it is changed by elements.
 */
import { messageOf } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { applyRuleset, releaseHold } from '../engines/nftables/apply.ts'
import { holdTable } from '../engines/nftables/parts.ts'
import { admissionsOf, admit, revokeAdmissions } from '../engines/nftables/admission.ts'
import { delta } from '../engines/nftables/delta.ts'
import { intervalSets } from '../engines/nftables/elements.ts'
import { ledBy } from '../engines/nftables/lead-chains.ts'
import { render, tableFamily, tableName } from '../engines/nftables/render.ts'
import { createAdmissionMemory } from './admission-memory.ts'
import { createQueue } from './queue.ts'
import { elementsHold, expectedElements, readTableState } from './table-state.ts'
import { createTableWriter } from './table-writer.ts'
import type { Admission } from '../engines/nftables/admission.ts'
import type { TableState } from '../engines/nftables/delta.ts'
import type { Address } from '../net/address.ts'
import type { InForce } from './enforce.ts'
import type { Watch } from './watch.ts'

export interface TableKeeper {
  /**
   * Puts a table in force, atomically. Gives what was in force when it was changed by elements, `undefined` when it was
   * replaced, which `whole` asks for.
   */
  readonly put: (next: InForce, now: number, whole: boolean) => Promise<InForce | undefined>
  /** Learns how a table that was just loaded is listed; does nothing when that is known. */
  readonly settle: () => Promise<void>
  /** What is wrong with the table in the kernel. */
  readonly look: (now: number) => Promise<readonly string[]>
  /** Somebody else changed a table. */
  readonly doubt: () => void
  /** Other tables of the namespace, as `family name`, when it was last looked at. */
  readonly foreign: () => readonly string[]
  /** How often it may be looked at without a reason, so that looking stays a small part of what the machine does: milliseconds. */
  readonly lookEveryMs: () => number
  /** Changes what the table has learnt and no document says: who is admitted to which outside address. Rejects when it is not in force. */
  readonly admit: (group: number, addresses: readonly Address[], seconds: number) => Promise<void>
  readonly revokeAdmissions: (admissions: readonly Pick<Admission, 'group' | 'address'>[]) => Promise<void>
  /** From here on our own changes are told from others'. */
  readonly attach: (watch: Watch) => void
  readonly close: () => void
}

const leastLookMs = 10_000
const lookShare = 30

export function createTableKeeper(log: (text: string) => void): TableKeeper {
  let live: InForce | undefined
  let rules: string | undefined
  let doubted = false
  let foreign: readonly string[] = []
  let lookMs = 0
  const writer = createTableWriter()
  const learnt = createAdmissionMemory()
  /** What is learnt while the table is replaced would go with the old one: it waits for the new one. */
  const inTurn = createQueue().run

  const read = async (): ReturnType<typeof readTableState> => {
    const began = performance.now()
    const state = await readTableState()
    lookMs = performance.now() - began
    foreign = state.foreign
    return state
  }

  const look = async (now: number): Promise<readonly string[]> => {
    const state = await read()
    if (live === undefined) return []
    if (state.rules === undefined) return ['the table was deleted']
    if (state.rules !== rules || !elementsHold(state, expectedElements(live.atoms, live.plan.inventory, now))) return ['the table was changed']
    doubted = false
    return []
  }

  const byElements = async (before: InForce, next: InForce, now: number): Promise<boolean> => {
    const text = delta(tableOf(before), tableOf(next), { now })
    if (text === undefined) return false
    try {
      await writer.change(text)
    } catch (error) {
      log(`the table is replaced, because it was not changed: ${messageOf(error)}`)
      return false
    }
    if (Array.from(intervalSets, (name) => `bulkhead ${name}\n`).some((words) => text.includes(words))) rules = undefined
    return true
  }

  /** Who is admitted where, for a table that takes the place of this one: what lapses meanwhile asks for its name again. */
  const admitted = async (next: InForce): Promise<readonly Admission[]> => {
    if (!ledBy(next.atoms).names) {
      learnt.forgetAll()
      return []
    }
    const listed = await Promise.all([4, 6].map((family) => run(['nft', '--json', 'list', 'set', tableFamily, tableName, `admitted${family}`])))
    return [...listed.flatMap(({ code, stdout }) => (code === 0 ? admissionsOf(JSON.parse(stdout)) : [])), ...learnt.standing()]
  }

  return {
    admit: (group, addresses, seconds) => inTurn(async () => {
      await writer.change(admit(group, addresses, seconds))
      learnt.keep(group, addresses, seconds)
    }),
    revokeAdmissions: (admissions) => inTurn(async () => {
      learnt.forget(admissions)
      await writer.change(revokeAdmissions(admissions))
    }),
    put: async (next, now, whole) => {
      const known = !whole && rules !== undefined && (!doubted || (await look(now)).length === 0)
      const before = known ? live : undefined
      if (before !== undefined && (await byElements(before, next, now))) {
        live = next
        return before
      }
      doubted = true
      await inTurn(async () => applyRuleset(render(next.atoms, next.plan.inventory, { now, admitted: await admitted(next) })))
      // An agent that was killed between two parts has left everything closed.
      if (whole || foreign.some((table) => table.endsWith(` ${holdTable}`))) await releaseHold()
      live = next
      rules = undefined
      doubted = false
      return undefined
    },
    settle: async () => {
      if (rules === undefined) rules = (await read()).rules
    },
    look,
    doubt: () => void (doubted = true),
    foreign: () => foreign,
    lookEveryMs: () => Math.max(leastLookMs, lookMs * lookShare),
    attach: writer.attach,
    close: writer.close,
  }
}

function tableOf({ atoms, plan }: InForce): TableState {
  return { atoms, inventory: plan.inventory }
}

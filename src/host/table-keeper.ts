/**
 * Keeps the table: small changes go to one `nft` that stays and whose transactions are known to be ours, everything else
 * replaces the table whole. A table that somebody else may have changed is looked at before it is changed by elements.
 */
import { randomBytes } from 'node:crypto'
import { messageOf } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { applyRuleset, releaseHold } from '../engines/nftables/apply.ts'
import { holdTable } from '../engines/nftables/parts.ts'
import { admissionsOf, admit, revokeAdmissions } from '../engines/nftables/admission.ts'
import { delta } from '../engines/nftables/delta.ts'
import { intervalSets } from '../engines/nftables/elements.ts'
import { admittedIdle, ledBy } from '../engines/nftables/lead-chains.ts'
import { render, tableFamily, tableName } from '../engines/nftables/render.ts'
import { longestChange, openSession } from '../engines/nftables/session.ts'
import { formatAddress } from '../net/address.ts'
import { elementsHold, expectedElements, readTableState, writerTablePrefix } from './table-state.ts'
import type { Admission } from '../engines/nftables/admission.ts'
import type { NftSession } from '../engines/nftables/session.ts'
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
const heardMs = 300
const announcements = 20
/** Of admissions; who has more asks for the name again after somebody has deleted the table. */
const mostLearnt = 100_000

export function createTableKeeper(log: (text: string) => void): TableKeeper {
  let live: InForce | undefined
  let rules: string | undefined
  let doubted = false
  let foreign: readonly string[] = []
  let lookMs = 0
  let watch: Watch | undefined
  let session: NftSession | undefined
  let opening: Promise<NftSession | undefined> | undefined
  let closed = false

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

  /** A session that has ended is replaced when it is needed again, and what it did is ours no more. */
  const open = (): Promise<NftSession | undefined> => {
    if (session?.alive() === true || closed) return Promise.resolve(session)
    watch?.ignore(undefined)
    opening ??= openSession().then((opened) => {
      opening = undefined
      session = opened
      if (closed) opened?.close()
      else if (opened !== undefined) void announce(opened)
      return opened
    })
    return opening
  }

  /** The kernel names processes by their number in the machine, which we cannot see: it is heard from what they do. */
  const announce = async (to: NftSession): Promise<void> => {
    for (let i = 0; i < announcements && watch !== undefined && to.alive(); i++) {
      const table = `${writerTablePrefix}${randomBytes(6).toString('hex')}`
      const maker = watch.makerOf(table, heardMs)
      await to.change(`add table inet ${table}`).catch(() => undefined)
      await to.change(`delete table inet ${table}`).catch(() => undefined)
      const process = await maker
      if (process !== undefined) return watch.ignore(process)
    }
  }

  const changeElements = async (text: string): Promise<void> => {
    const writer = text.length > longestChange ? undefined : await open()
    if (writer === undefined) await applyRuleset(text)
    else await writer.change(text)
  }

  const byElements = async (before: InForce, next: InForce, now: number): Promise<boolean> => {
    const text = delta(sided(before), sided(next), { now })
    if (text === undefined) return false
    try {
      if (text !== '') await changeElements(text)
    } catch (error) {
      log(`the table is replaced, because it was not changed: ${messageOf(error)}`)
      return false
    }
    if (Array.from(intervalSets, (name) => `bulkhead ${name}\n`).some((words) => text.includes(words))) rules = undefined
    return true
  }

  /** What is learnt while the table is replaced would go with the old one: it waits for the new one. */
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = turn.then(work)
    turn = done.catch(() => undefined)
    return done
  }

  /** What this agent has admitted, for a table that somebody else has emptied or deleted. */
  const learnt = new Map<string, { readonly group: number; readonly address: Address; readonly until: number }>()
  const keyOf = ({ group, address }: Pick<Admission, 'group' | 'address'>): string => `${group} ${formatAddress(address)}`
  const learn = (group: number, address: Address, seconds: number): void => {
    const key = keyOf({ group, address })
    if (learnt.size < mostLearnt || learnt.has(key)) learnt.set(key, { group, address, until: performance.now() + Math.max(seconds, admittedIdle) * 1_000 })
  }
  const remembered = (): readonly Admission[] => {
    const now = performance.now()
    for (const [key, { until }] of learnt) if (until <= now) learnt.delete(key)
    return [...learnt.values()].map(({ group, address, until }) => ({ group, address, seconds: (until - now) / 1_000 }))
  }

  /** Who is admitted where, for a table that takes the place of this one: what lapses meanwhile asks for its name again. */
  const admitted = async (next: InForce): Promise<readonly Admission[]> => {
    if (!ledBy(next.atoms).names) {
      learnt.clear()
      return []
    }
    const listed = await Promise.all([4, 6].map((family) => run(['nft', '--json', 'list', 'set', tableFamily, tableName, `admitted${family}`])))
    return [...listed.flatMap(({ code, stdout }) => (code === 0 ? admissionsOf(JSON.parse(stdout)) : [])), ...remembered()]
  }

  const amend = (text: string): Promise<void> => (text === '' ? Promise.resolve() : changeElements(text))

  return {
    admit: (group, addresses, seconds) => inTurn(async () => {
      await amend(admit(group, addresses, seconds))
      for (const address of addresses) learn(group, address, seconds)
    }),
    revokeAdmissions: (admissions) => inTurn(async () => {
      for (const each of admissions) learnt.delete(keyOf(each))
      await amend(revokeAdmissions(admissions))
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
    attach: (to) => {
      watch = to
      void open()
    },
    close: () => {
      closed = true
      session?.close()
    },
  }
}

function sided(f: InForce): { readonly atoms: InForce['atoms']; readonly inventory: InForce['plan']['inventory'] } {
  return { atoms: f.atoms, inventory: f.plan.inventory }
}

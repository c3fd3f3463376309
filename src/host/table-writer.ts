/**
 * Changes of the standing table, by one `nft` that stays while it can: the watch is told which process that is, so that its changes
 * are known to be ours. A change that is too long for it, or comes when there is none, goes to an `nft` of its own.
 */
import { randomBytes } from 'node:crypto'
import { applyRuleset } from '../engines/nftables/apply.ts'
import { longestChange, openSession } from '../engines/nftables/session.ts'
import { writerTablePrefix } from './table-state.ts'
import type { NftSession } from '../engines/nftables/session.ts'
import type { Watch } from './watch.ts'

export interface TableWriter {
  /** One transaction, or nothing for an empty text. Rejects when the kernel refuses it: then nothing has changed. */
  readonly change: (text: string) => Promise<void>
  /** From here on our own changes are told from others'. */
  readonly attach: (watch: Watch) => void
  readonly close: () => void
}

const heardMs = 300
const announcements = 20

export function createTableWriter(): TableWriter {
  let watch: Watch | undefined
  let session: NftSession | undefined
  let opening: Promise<NftSession | undefined> | undefined
  let closed = false

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

  return {
    change: async (text) => {
      if (text === '') return
      const writer = text.length > longestChange ? undefined : await open()
      if (writer === undefined) await applyRuleset(text)
      else await writer.change(text)
    },
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

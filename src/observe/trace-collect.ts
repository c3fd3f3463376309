/** Events of many packets, as they come, to the story of each; and the one sentence that answers the question. */
import { tellPacket } from './trace-story.ts'
import type { TraceEvent } from './trace-events.ts'
import type { PacketStory, TraceWords } from './trace-story.ts'

/** Packets that are held at once; older ones are complete by then. */
const mostHeld = 1_000
/** Milliseconds of silence after which a packet that met no end has been lost. Reports come late on a busy machine. */
export const lostMs = 2_000

export interface Collector {
  readonly add: (event: TraceEvent) => void
  /** The stories of all packets that have met their end and of which nothing more was heard for `quietMs`, in the order in which they came; each is told once. */
  readonly take: (words: TraceWords, quietMs: number) => readonly PacketStory[]
  /** No other packets from now on, only what is still to come of those that are there. */
  readonly close: () => void
  readonly isEmpty: () => boolean
}

interface Held {
  readonly events: TraceEvent[]
  heard: number
}

/**
 * Every packet meets the chain `first` of the table `table` before all others, which decides nothing: the kernel's number
 * for a packet may be another's a moment later. `elapsed` is a clock that never steps, in milliseconds.
 */
export function collector(table: string, first: string, elapsed: () => number): Collector {
  let held: Held[] = []
  let closed = false
  const current = new Map<string, Held>()
  return {
    add: (event) => {
      const begins = event.kind === 'packet' && event.table === table && event.chain === first
      const known = begins ? undefined : current.get(event.packet)
      if (known !== undefined) {
        known.events.push(event)
        known.heard = elapsed()
      } else if (!closed && held.length < mostHeld) {
        const packet = { events: [event], heard: elapsed() }
        held.push(packet)
        current.set(event.packet, packet)
      }
    },
    take: (words, quietMs) => {
      const now = elapsed()
      const stories: PacketStory[] = []
      const done = new Set<Held>()
      for (const packet of held) {
        const silence = now - packet.heard
        if (silence < quietMs) continue
        const story = tellPacket(packet.events, words, (name) => name === table)
        if (story?.end === 'lost' && silence < lostMs) continue
        done.add(packet)
        if (story !== undefined) stories.push(story)
      }
      held = held.filter((packet) => !done.has(packet))
      for (const [number, packet] of current) if (done.has(packet)) current.delete(number)
      return stories
    },
    close: () => void (closed = true),
    isEmpty: () => held.length === 0,
  }
}

/** Events of many packets, as they come, to the story of each; and the one sentence that answers the question. */
import { tellPacket } from './trace-story.ts'
import type { TraceEvent } from './trace-events.ts'
import type { PacketStory, TraceWords } from './trace-story.ts'

/** Packets that are held at once; older ones are complete by then. */
const mostHeld = 1_000

export interface Collector {
  readonly add: (event: TraceEvent) => void
  /** The stories of all packets of which nothing more was heard for `quietMs`, in the order in which they came; each is told once. */
  readonly take: (words: TraceWords, quietMs: number) => readonly PacketStory[]
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
  const current = new Map<string, Held>()
  return {
    add: (event) => {
      const begins = event.kind === 'packet' && event.table === table && event.chain === first
      const known = begins ? undefined : current.get(event.packet)
      if (known !== undefined) {
        known.events.push(event)
        known.heard = elapsed()
      } else if (held.length < mostHeld) {
        const packet = { events: [event], heard: elapsed() }
        held.push(packet)
        current.set(event.packet, packet)
      }
    },
    take: (words, quietMs) => {
      const now = elapsed()
      const done = held.filter((packet) => now - packet.heard >= quietMs)
      held = held.filter((packet) => now - packet.heard < quietMs)
      for (const [number, packet] of current) if (done.includes(packet)) current.delete(number)
      return done.flatMap(({ events }) => tellPacket(events, words, (name) => name === table) ?? [])
    },
  }
}

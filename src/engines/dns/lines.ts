/** What the agent tells the resolver's process, one JSON object a line. What the resolver says is the types of its parts. */
import { z } from 'zod'
import { parseZones } from './zones.ts'
import { parseServer } from './upstream.ts'
import type { Server } from './upstream.ts'
import type { Zones } from './zones.ts'

export type Told =
  /** The complete desired state. */
  | { readonly kind: 'state'; readonly serial: number; readonly zones: Zones; readonly upstream: readonly Server[] }
  | { readonly kind: 'admitted'; readonly id: number; readonly admitted: boolean }
  | { readonly kind: 'flush' }
  /** Not understood: nothing of it is taken. */
  | { readonly kind: 'rejected'; readonly serial: number | undefined; readonly reason: string }

const line = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('state'), serial: z.number(), zones: z.unknown(), upstream: z.array(z.string()) }),
  z.strictObject({ kind: z.literal('admitted'), id: z.number() }),
  z.strictObject({ kind: z.literal('not-admitted'), id: z.number(), reason: z.string().optional() }),
  z.strictObject({ kind: z.literal('flush') }),
])

export function readLine(text: string): Told {
  let serial: number | undefined
  try {
    const said = line.parse(JSON.parse(text))
    switch (said.kind) {
      case 'state': {
        serial = said.serial
        const upstream = said.upstream.map((server) => {
          const parsed = parseServer(server)
          if (parsed === undefined) throw new TypeError(`\`${server}\` is not the address of a server`)
          return parsed
        })
        return { kind: 'state', serial, zones: parseZones(said.zones), upstream }
      }
      case 'admitted':
        return { kind: 'admitted', id: said.id, admitted: true }
      case 'not-admitted':
        return { kind: 'admitted', id: said.id, admitted: false }
      case 'flush':
        return { kind: 'flush' }
    }
  } catch (thrown) {
    const reason = thrown instanceof z.ZodError ? (thrown.issues[0]?.message ?? 'not understood') : thrown instanceof Error ? thrown.message : String(thrown)
    return { kind: 'rejected', serial, reason }
  }
}

/** Follows the access logs of both Envoys, across agents, and keeps them small. */
import { readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accessLogFile } from '../engines/envoy/access-log.ts'
import { openTail } from './tail.ts'
import type { Tail, TailPosition } from './tail.ts'

export interface AccessLogs {
  /** Whole lines that were written since the last call. */
  readonly read: () => readonly { readonly gateway: 'outbound' | 'inbound'; readonly lines: readonly string[] }[]
  readonly close: () => void
}

const gateways = ['outbound', 'inbound'] as const
const largest = 32 * 1024 * 1024
const file = 'access-positions.json'

/** `folder` holds a folder for each gateway; how far they were read is kept in `keep`. */
export function followAccessLogs(folder: string, keep: string): AccessLogs {
  const before = positions(join(keep, file))
  const tails = new Map<(typeof gateways)[number], Tail>()
  const tailOf = (gateway: (typeof gateways)[number]): Tail => {
    const known = tails.get(gateway) ?? openTail(join(folder, gateway), accessLogFile, before[gateway])
    tails.set(gateway, known)
    return known
  }
  return {
    read: () => {
      const found = gateways.map((gateway) => {
        const tail = tailOf(gateway)
        const { lines, more } = tail.read()
        // Envoy appends: it goes on at the start. What it writes between our look and this is lost, once in a hundred thousand lines.
        if (!more && tail.size() > largest) truncateSync(join(folder, gateway, accessLogFile))
        return { gateway, lines }
      })
      if (found.some(({ lines }) => lines.length > 0)) {
        const path = join(keep, file)
        writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(gateways.map((gateway) => [gateway, tailOf(gateway).position()]))), { mode: 0o600 })
        renameSync(`${path}.new`, path)
      }
      return found
    },
    close: () => {
      for (const tail of tails.values()) tail.close()
    },
  }
}

function positions(path: string): Partial<Record<(typeof gateways)[number], TailPosition>> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Partial<Record<(typeof gateways)[number], TailPosition>>
  } catch {
    return {}
  }
}

/** The kernel's connection table: read as text from `conntrack -L`, and entries removed by their tuple. */
import { Fault } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { parseAddress } from '../net/address.ts'
import type { Address } from '../net/address.ts'

/** One connection, in the words of its initiator (`original`) and as the answers see it (`reply`). */
export interface Connection {
  readonly protocol: string
  readonly original: Tuple
  readonly reply: Tuple
  /** The path id it was permitted by, with the engine's flag bits. */
  readonly mark: number
}

export interface Tuple {
  readonly source: Address
  readonly destination: Address
  /** 0 where the protocol has no ports. */
  readonly sourcePort: number
  readonly destinationPort: number
}

export async function listConnections(): Promise<readonly Connection[]> {
  const answers = await Promise.all(
    ['ipv4', 'ipv6'].map((family) => run(['conntrack', '-L', '-f', family, '-o', 'extended'], { maxBytes: 512 * 1024 * 1024 })),
  )
  return answers.flatMap(({ code, stdout, stderr }) => {
    if (code !== 0) throw new Fault('network-failed', `the connection table cannot be read: ${stderr.trim()}`)
    return stdout.split('\n').flatMap((line) => parseConnection(line) ?? [])
  })
}

/** `undefined` for a line that is not a connection. */
export function parseConnection(line: string): Connection | undefined {
  const protocol = /^ipv[46]\s+\d+\s+(\S+)/.exec(line)?.[1]
  if (protocol === undefined) return undefined
  const values = (name: string): readonly string[] => [...line.matchAll(new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'g'))].map((m) => m[1] ?? '')
  const [sources, destinations, sports, dports] = [values('src'), values('dst'), values('sport'), values('dport')]
  const tuple = (i: number): Tuple | undefined => {
    const source = parseAddress(sources[i] ?? '')
    const destination = parseAddress(destinations[i] ?? '')
    if (source === undefined || destination === undefined) return undefined
    return { source, destination, sourcePort: Number(sports[i] ?? 0), destinationPort: Number(dports[i] ?? 0) }
  }
  const original = tuple(0)
  const reply = tuple(1)
  if (original === undefined || reply === undefined) return undefined
  return { protocol: protocol === 'ipv6-icmp' || protocol === 'icmpv6' ? 'icmp' : protocol, original, reply, mark: Number(values('mark')[0] ?? 0) }
}

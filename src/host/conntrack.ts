/** The kernel's connection table: read as text from `conntrack -L`, and entries removed by their tuple. */
import { Fault } from '../base/fault.ts'
import { parseAddress } from '../net/address.ts'
import { spawners } from './spawners.ts'
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

/** All of them, or those with one mark: these the kernel picks out, which costs a small part of telling them all. */
export async function listConnections(mark?: number): Promise<readonly Connection[]> {
  const only = mark === undefined ? [] : ['-m', String(mark)]
  const answers = await Promise.all(
    ['ipv4', 'ipv6'].map((family) => spawners.run(['conntrack', '-L', '-f', family, ...only, '-o', 'extended'], { maxBytes: 512 * 1024 * 1024 })),
  )
  return answers.flatMap(({ code, stdout, stderr }) => {
    if (code !== 0) throw new Fault('network-failed', `the connection table cannot be read: ${`${stdout}${stderr}`.trim().split('\n').at(-1) ?? ''}`)
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
    const [sourcePort, destinationPort] = [number(sports[i], 0xffff), number(dports[i], 0xffff)]
    if (source === undefined || destination === undefined || sourcePort === undefined || destinationPort === undefined) return undefined
    return { source, destination, sourcePort, destinationPort }
  }
  const original = tuple(0)
  const reply = tuple(1)
  const mark = number(values('mark')[0], 0xffff_ffff)
  if (original === undefined || reply === undefined || mark === undefined) return undefined
  return { protocol: protocol === 'ipv6-icmp' || protocol === 'icmpv6' ? 'icmp' : protocol, original, reply, mark }
}

/** 0 when unsaid; `undefined` for what is not a number of that size. */
function number(text: string | undefined, most: number): number | undefined {
  if (text === undefined) return 0
  return /^\d{1,10}$/.test(text) && Number(text) <= most ? Number(text) : undefined
}

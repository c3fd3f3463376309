/** One line of `nft monitor trace` as a typed event. Rules of other tables may hold any text, so what is kept is only what has its form. */

export type TraceEvent = {
  /** The kernel's number for one packet on its way through one namespace. */
  readonly packet: string
  /** `inet bulkhead`. */
  readonly table: string
  readonly chain: string
} & (
  | { readonly kind: 'packet'; readonly seen: SeenPacket }
  /** A rule that matched. `verdict` is its first word and perhaps a chain: `accept`, `goto permit`, `continue`. */
  | { readonly kind: 'rule'; readonly rule: string; readonly verdict: string }
  /** What a base chain does with what no rule decided. */
  | { readonly kind: 'policy'; readonly verdict: string }
)

/** A packet as a chain meets it: after translation, for instance, it has another destination. */
export interface SeenPacket {
  readonly interfaceIn: string | undefined
  readonly interfaceOut: string | undefined
  readonly source: string
  readonly destination: string
  /** `tcp`, `udp`, `sctp`, `icmp`; or as nft names it. */
  readonly protocol: string
  readonly sourcePort: number | undefined
  readonly destinationPort: number | undefined
}

const line = /^trace id ([0-9a-f]+) (\S+ \S+) (\S+) (packet:|rule|policy|verdict) (.*)$/

/** `undefined` for anything that is not an event of a packet. */
export function parseTraceEvent(text: string): TraceEvent | undefined {
  const [, packet, table, chain, kind, rest = ''] = line.exec(text) ?? []
  if (packet === undefined || table === undefined || chain === undefined) return undefined
  const at = { packet, table, chain }
  if (kind === 'packet:') {
    const seen = parsePacket(rest)
    return seen === undefined ? undefined : { ...at, kind: 'packet', seen }
  }
  if (kind === 'rule') {
    const [, rule, verdict] = /^(.*) \(verdict ([a-z]+(?: \S+)?)\)$/.exec(rest.trim()) ?? []
    return rule === undefined || verdict === undefined ? undefined : { ...at, kind: 'rule', rule, verdict }
  }
  return { ...at, kind: 'policy', verdict: /^[a-z]+/.exec(rest)?.[0] ?? '' }
}

function parsePacket(text: string): SeenPacket | undefined {
  const word = (pattern: RegExp): string | undefined => pattern.exec(text)?.[1]
  const source = word(/\bip6? saddr (\S+)/)
  const destination = word(/\bip6? daddr (\S+)/)
  if (source === undefined || destination === undefined) return undefined
  const number = (pattern: RegExp): number | undefined => {
    const found = word(pattern)
    return found === undefined ? undefined : Number(found)
  }
  return {
    interfaceIn: word(/(?:^|\s)iif "([^"]+)"/),
    interfaceOut: word(/(?:^|\s)oif "([^"]+)"/),
    source,
    destination,
    protocol: protocolOf(word(/\bip6 nexthdr (\S+)/) ?? word(/\bip protocol (\S+)/) ?? ''),
    sourcePort: number(/\b(?:tcp|udp|sctp|th) sport (\d+)/),
    destinationPort: number(/\b(?:tcp|udp|sctp|th) dport (\d+)/),
  }
}

function protocolOf(word: string): string {
  return word === 'ipv6-icmp' || word === 'icmpv6' ? 'icmp' : word
}

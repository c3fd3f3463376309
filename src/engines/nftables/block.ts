/** Parts of the table's text. */

export const portProtocols = ['tcp', 'udp', 'sctp'] as const

/** The digit in names of sets, and nft's words for the family. */
export const families = [{ n: '4', ip: 'ip', nf: 'ipv4' }, { n: '6', ip: 'ip6', nf: 'ipv6' }] as const

/** `head` is `chain NAME` or `set NAME`; `says` becomes a comment above it. */
export function block(head: string, says: string | undefined, lines: readonly string[]): readonly string[] {
  return [...(says === undefined ? [] : [`  # ${says}`]), `  ${head} {`, ...lines.map((line) => `    ${line}`), '  }']
}

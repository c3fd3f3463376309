/** What a NATS server carries, and the words in which this engine refuses the rest. */
import type { Path } from '../../intent/intent.ts'
import type { Capability, Refusal as RefusalOf } from '../../intent/refusal.ts'

export type RefusalCode = 'no-broker' | 'below-star'

/** A path of messages, or one pattern of it. */
export interface Refusal extends RefusalOf<RefusalCode> {
  /** The pattern that cannot be subscribed to; absent when the whole path stays closed. */
  readonly subject?: string
}

export const capabilities: readonly Capability[] = Object.freeze([
  { what: 'publishing and subscribing by subject, with wildcards', carried: true, how: 'permissions of one user for each identity' },
  { what: 'identities', carried: true, how: 'mutual TLS; the SPIFFE ID of the certificate is the name of the user' },
  { what: 'requests and replies', carried: true, how: 'an inbox for each identity that publishes, open to those who may hear it' },
  { what: 'expires', carried: true, how: 'left out when it is rendered again' },
  { what: '`a.*` together with patterns below it (`a.b.c`), for one subscriber', carried: false, how: 'what keeps a subscription to `a.*` from growing closes all below' },
  { what: 'identities of other platforms', carried: false, how: 'the server takes each authority that it trusts at its word about everybody' },
  { what: 'streams, accounts, clusters', carried: false, how: 'no policy speaks of them' },
].map((row) => Object.freeze(row)))

export function refuseBroker(path: Path): Refusal {
  return Object.freeze({ kind: 'refusal', code: 'no-broker', path, reason: 'nothing on this host configures the broker' })
}

export function refuseBelow(path: Path, subject: string, star: string): Refusal {
  const reason = `\`nats\` cannot express a subscription to \`${subject}\` beside \`${star}\`: what holds the one to a single part closes all below it`
  return Object.freeze({ kind: 'refusal', code: 'below-star', path, subject, reason })
}

/** Who may publish or receive what at a broker: decided for one subject at a time, straight from the documents. */
import { anySelects, hasExpired, selectsPair } from './select.ts'
import { nobody } from './rules.ts'
import type { LocalRef, PeerRef, Platform, TrafficSpec, Workload, WorkloadId } from '../../model/platform.ts'

export type MessageAction = 'publish' | 'subscribe'

/** `subject` has no wildcards: it is that of one message. */
export interface MessageQuestion {
  readonly source: WorkloadId
  readonly broker: WorkloadId
  readonly action: MessageAction
  readonly subject: string
}

/** Patterns that a subject has to match all of. */
type Grant = readonly string[]

export function messageAllowed(platform: Platform, { source: from, broker: at, action, subject }: MessageQuestion, now: number): boolean {
  const source = platform.workloads.get(from)
  const broker = platform.workloads.get(at)
  if (source === undefined || broker === undefined || broker.broker === undefined) return false
  const [first, enclave, name, ...rest] = subject.split('.')
  if (first !== '_INBOX') return grants(platform, source, broker, action, now).some((grant) => grant.every((pattern) => matches(pattern, subject)))
  const owner = platform.workloads.get(`${enclave ?? ''}/${name ?? ''}`)
  if (owner === undefined || rest.length === 0) return false
  const asked = grants(platform, owner, broker, 'publish', now)
  if (action === 'subscribe') return owner.id === source.id && asked.length > 0
  return asked.some((question) => grants(platform, source, broker, 'subscribe', now).some((heard) => canMeet([...question, ...heard])))
}

function grants(platform: Platform, source: Workload, broker: Workload, action: MessageAction, now: number): readonly Grant[] {
  const out: Grant[] = []
  for (const policy of platform.servicePolicies) {
    if (policy.enclave !== source.enclave || policy.enclave !== broker.enclave || hasExpired(policy, now, nobody)) continue
    if (!selectsPair(platform, policy.source, policy.destination, source, broker, nobody)) continue
    for (const pattern of policy.traffic.messages?.[action] ?? []) out.push([pattern])
  }
  if (source.enclave === broker.enclave) return out
  const wanted: string[] = []
  const offered: string[] = []
  for (const policy of platform.federationPolicies) {
    if (hasExpired(policy, now, nobody)) continue
    if (policy.enclave === source.enclave) for (const half of policy.imports) wanted.push(...written(platform, half, source, broker, action))
    if (policy.enclave === broker.enclave) for (const half of policy.exports) offered.push(...written(platform, half, source, broker, action))
  }
  for (const wish of wanted) for (const offer of offered) if (canMeet([wish, offer])) out.push([wish, offer])
  return out
}

interface Half {
  readonly source: readonly (LocalRef | PeerRef)[]
  readonly destination: readonly (LocalRef | PeerRef)[]
  readonly traffic: TrafficSpec
}

function written(platform: Platform, half: Half, source: Workload, broker: Workload, action: MessageAction): readonly string[] {
  if (!anySelects(platform, half.source, source) || !anySelects(platform, half.destination, broker)) return []
  return half.traffic.messages?.[action] ?? []
}

function matches(pattern: string, subject: string): boolean {
  const literal = pattern.split('.').map((part) => (part === '*' ? '[^.]+' : part === '>' ? '.+' : part.replace(/[^A-Za-z0-9]/g, '\\$&')))
  return new RegExp(`^${literal.join('\\.')}$`).test(subject)
}

/** Whether one subject matches all of these. Where each two of them have one in common, all of them have. */
function canMeet(patterns: readonly string[]): boolean {
  return patterns.every((a) => patterns.every((b) => twoMeet(a.split('.'), b.split('.'))))
}

function twoMeet([a, ...moreA]: readonly string[], [b, ...moreB]: readonly string[]): boolean {
  if (a === undefined || b === undefined) return a === b
  if (a === '>' || b === '>') return true
  return (a === '*' || b === '*' || a === b) && twoMeet(moreA, moreB)
}

/** What the resolver carries, and the words in which it refuses the rest. */
import type { Path } from '../../intent/intent.ts'
import type { Capability, Refusal } from '../../intent/refusal.ts'

export type DnsRefusalCode = 'peer-wildcard' | 'peer-unaddressed' | 'name-taken'

/** A path whose name nobody is told: closed for whoever needs the name. */
export type DnsRefusal = Refusal<DnsRefusalCode>

export const capabilities: readonly Capability[] = Object.freeze([
  { what: 'names of workloads that the asker may reach', carried: true, how: 'A, AAAA and PTR, from the addresses of their replicas' },
  { what: 'names of workloads of other platforms', carried: true, how: 'addresses that stand for them, behind the outbound gateway' },
  { what: 'egress to domain names, exact and `*.`', carried: true, how: 'A and AAAA asked upstream, never under another name' },
  { what: 'phases and `expires`', carried: true, how: 'an asker for each phase; a grant ends at its instant' },
  { what: 'every workload of another platform at once', carried: false, how: 'their names are not known here' },
  { what: 'other types of records from outside', carried: false, how: 'they carry text, names, ports and keys that no policy has judged' },
].map((row) => Object.freeze(row)))

const reasons: Readonly<Record<DnsRefusalCode, string>> = {
  'peer-wildcard': '`dns` cannot name every workload of another platform: name each of them in the policy',
  'peer-unaddressed': 'the workload of the other platform has no address here',
  'name-taken': 'the name of the other platform\'s workload is the name of a workload of this one',
}

export function refuse(code: DnsRefusalCode, path: Path): DnsRefusal {
  return Object.freeze({ kind: 'refusal', code, path, reason: reasons[code] })
}

/** What this agent has admitted, for a table that somebody else has emptied or deleted. */
import { admittedIdle } from '../engines/nftables/lead-chains.ts'
import { formatAddress } from '../net/address.ts'
import type { Admission } from '../engines/nftables/admission.ts'
import type { Address } from '../net/address.ts'

export interface AdmissionMemory {
  /** As long as the table keeps them: `seconds`, and `admittedIdle` at least. */
  readonly keep: (group: number, addresses: readonly Address[], seconds: number) => void
  readonly forget: (admissions: readonly Pick<Admission, 'group' | 'address'>[]) => void
  readonly forgetAll: () => void
  /** Those that have not lapsed, each with the time that it has left. */
  readonly standing: () => readonly Admission[]
}

/** Who has more asks for the name again after somebody has deleted the table. */
const most = 100_000

export function createAdmissionMemory(): AdmissionMemory {
  const kept = new Map<string, { readonly group: number; readonly address: Address; readonly until: number }>()
  const keyOf = ({ group, address }: Pick<Admission, 'group' | 'address'>): string => `${group} ${formatAddress(address)}`
  return {
    keep: (group, addresses, seconds) => {
      const until = performance.now() + Math.max(seconds, admittedIdle) * 1_000
      for (const address of addresses) {
        const key = keyOf({ group, address })
        if (kept.size < most || kept.has(key)) kept.set(key, { group, address, until })
      }
    },
    forget: (admissions) => {
      for (const each of admissions) kept.delete(keyOf(each))
    },
    forgetAll: () => kept.clear(),
    standing: () => {
      const now = performance.now()
      for (const [key, { until }] of kept) if (until <= now) kept.delete(key)
      return [...kept.values()].map(({ group, address, until }) => ({ group, address, seconds: (until - now) / 1_000 }))
    },
  }
}

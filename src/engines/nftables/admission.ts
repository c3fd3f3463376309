/**
 * Addresses outside that an identity was told of by the resolver, as changes for a table that stands. They decide what is led
 * to the outbound gateway, which asks for the name all the same: an admission alone opens nothing.
 */
import { formatAddress, parseAddress } from '../../net/address.ts'
import { admittedIdle } from './lead-chains.ts'
import { tableFamily, tableName } from './names.ts'
import type { Address, Family } from '../../net/address.ts'

export interface Admission {
  /** Interface group of the identity. */
  readonly group: number
  readonly address: Address
  /** Seconds that are left of it. */
  readonly seconds: number
}

/**
 * Text for `nft`: from now on and for `timeoutSeconds` (at least `admittedIdle`, which is also what every packet to the address
 * renews) these addresses are admitted to the identity of `group`. Empty when there are none. It fails where nothing is led
 * by name, and where the set is full.
 */
export function admit(group: number, addresses: readonly Address[], timeoutSeconds: number): string {
  const seconds = lasting(timeoutSeconds)
  // The kernel keeps the time that an element has; one that is new and takes its place in the same change has the new time.
  return change(addresses.map((address) => ({ group, address })), (key) => `${key} timeout ${admittedIdle}s`, (key) => `${key} timeout ${seconds}s`)
}

/** Text for `nft`: none of these is admitted any more, whether it was or not. Empty for none. */
export function revokeAdmissions(admissions: readonly Pick<Admission, 'group' | 'address'>[]): string {
  return change(admissions, (key) => `${key} timeout ${admittedIdle}s`, undefined)
}

/** Who is admitted what, from `nft --json list set` or `list ruleset`. What is not understood is left out. */
export function admissionsOf(listing: unknown): readonly Admission[] {
  const objects = list((listing as { readonly nftables?: unknown } | null)?.nftables)
  return objects.flatMap((object): readonly Admission[] => {
    const set = (object as { readonly set?: { readonly family?: unknown; readonly table?: unknown; readonly name?: unknown; readonly elem?: unknown } }).set
    if (set?.family !== tableFamily || set.table !== tableName || (set.name !== 'admitted4' && set.name !== 'admitted6')) return []
    return list(set.elem).flatMap((element) => {
      const { val, expires, timeout } = (element as { readonly elem?: { readonly val?: unknown; readonly expires?: unknown; readonly timeout?: unknown } }).elem ?? {}
      const [group, text] = list((val as { readonly concat?: unknown } | undefined)?.concat)
      const address = typeof text === 'string' ? parseAddress(text) : undefined
      const seconds = typeof expires === 'number' ? expires : timeout
      return typeof group === 'number' && address !== undefined && typeof seconds === 'number' ? [{ group, address, seconds }] : []
    })
  })
}

/** As elements for `render`. */
export function admittedElements(admitted: readonly Admission[]): Readonly<Record<'4' | '6', readonly string[]>> {
  const longest = new Map<string, { readonly family: Family; readonly seconds: number }>()
  for (const { group, address, seconds } of admitted) {
    const key = `${group} . ${formatAddress(address)}`
    longest.set(key, { family: address.family, seconds: Math.max(seconds, longest.get(key)?.seconds ?? 1) })
  }
  const of = (wanted: Family): readonly string[] =>
    [...longest].flatMap(([key, { family, seconds }]) => (family === wanted ? [`${key} timeout ${Math.ceil(seconds)}s`] : [])).sort()
  return { 4: of(4), 6: of(6) }
}

const families = [4, 6] as const

/** As much as a year: more than the kernel takes is no time at all. */
function lasting(seconds: number): number {
  return Math.min(31_536_000, Math.max(admittedIdle, Math.ceil(seconds)))
}

/** Adding what is there changes nothing, and only what is there can be deleted: hence both, in one transaction. */
function change(of: readonly Pick<Admission, 'group' | 'address'>[], passing: (key: string) => string, lasting: ((key: string) => string) | undefined): string {
  return families.flatMap((family) => {
    const keys = [...new Set(of.flatMap(({ group, address }) => (address.family === family ? [`${group} . ${formatAddress(address)}`] : [])))].sort()
    if (keys.length === 0) return []
    const command = (verb: string, elements: readonly string[]): string => `${verb} element ${tableFamily} ${tableName} admitted${family} { ${elements.join(', ')} }\n`
    return [command('add', keys.map(passing)), command('delete', keys), ...(lasting === undefined ? [] : [command('add', keys.map(lasting))])]
  }).join('')
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}

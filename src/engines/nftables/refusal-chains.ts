/** What becomes of packets that nothing permits. */
import { block } from './block.ts'
import { tableFamily, tableName } from './names.ts'

/** Why a packet was refused: the word after `bh:` in its log prefix, and the name of its counter after `logged-`. */
export const reasons = ['policy', 'spoof', 'invalid', 'icmp-error', 'gate', 'input', 'published', 'limit'] as const
export type Reason = (typeof reasons)[number]

export type Log = (reason: Reason) => string

/**
 * What one identity may have logged: more only counts, as refused and not recorded. Who floods would otherwise fill the one
 * queue to the records, which takes some 50,000 a second, and everybody's would be lost. A scan of all ports still fits.
 */
const loudest = 'limit rate over 10000/second burst 65536 packets'

/**
 * Whether what is not in the maps is really not there. When another table takes the place of this one, the kernel finds nothing any
 * more in maps of which a packet on its way still asks; and in a new table it finds ranges last of all. This one is like a range,
 * and loaded after all others.
 */
export const standing = block('map standing', 'empty until everything is there', ['typeof meta nfproto . meta l4proto : meta mark', 'flags interval'])
export const standingElements = [`add element ${tableFamily} ${tableName} standing {`, '  ipv4 . 0-255 : 0x00000000,\n  ipv6 . 0-255 : 0x00000000', '}']

/** A packet that is dropped is sent again; a refusal would end a connection that has its path. */
function whileStanding(chain: string): string {
  return `meta mark set meta nfproto . meta l4proto map @standing meta nfproto vmap { ipv4 : goto ${chain}, ipv6 : goto ${chain} }`
}

/** Refusing tells the sender; dropping does not, because the sender is not who it says it is. */
export function refusals(count: Log, log: Log): readonly string[] {
  // Who is too loud is not answered either: answers are half of what a refusal costs.
  const told = (reason: Reason, verdict: string): readonly string[] => [count(reason), `add @loud { iifgroup ${loudest} } drop`, `${log(reason)} ${verdict}`]
  return [
    ...block('chain refuse', undefined, ['meta l4proto tcp reject with tcp reset', 'reject with icmpx admin-prohibited']),
    ...(['policy', 'input', 'published', 'limit'] as const).flatMap((reason) => [
      ...block(`chain tell-${reason}`, undefined, told(reason, 'goto refuse')),
      ...block(`chain refuse-${reason}`, undefined, [whileStanding(`tell-${reason}`), 'drop']),
    ]),
    ...(['policy', 'spoof', 'invalid', 'icmp-error', 'published', 'limit'] as const).flatMap((reason) => block(`chain drop-${reason}`, undefined, told(reason, 'drop'))),
  ]
}

/**
 * Identities that are held inside their stack: judged before any map of paths is asked, so that nothing in one of them opens
 * more. Whoever initiates is held; what others open to it is not.
 */
import { block, families } from './block.ts'

/** The first rule of a chain for packets of this direction; none where no identity here is held. */
export function stays(direction: 'original' | 'reply', held: boolean): readonly string[] {
  return held ? [`${direction === 'original' ? 'iifgroup' : 'oifgroup'} @held jump held-${direction}`] : []
}

/** The same for an ICMP error: what counts is where the connection that it is about led to. */
export function staysInError(initiator: 'iifgroup' | 'oifgroup', held: boolean): readonly string[] {
  return held ? [`${initiator} @held jump held-error-${initiator}`] : []
}

export function heldChains(): readonly string[] {
  const inside = (group: string, end: string): readonly string[] => families.map(({ n, ip }) => `${group} . ${ip} ${end} @inside${n} return`)
  return [
    ...block('chain held-original', 'back to the paths only for what is inside', [...inside('iifgroup', 'daddr'), 'goto refuse-policy']),
    ...block('chain held-reply', undefined, [...inside('oifgroup', 'saddr'), 'goto drop-policy']),
    ...(['iifgroup', 'oifgroup'] as const).flatMap((initiator) =>
      block(`chain held-error-${initiator}`, undefined, [...families.map(({ n, ip }) => `${initiator} . ct original ${ip} daddr @inside${n} return`), 'goto drop-icmp-error'])),
  ]
}

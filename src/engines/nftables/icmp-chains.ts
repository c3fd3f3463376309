/**
 * ICMP. Echo is a path like others. An error belongs to a connection: it passes only when that connection would still be
 * permitted and the sender is one of its two ends (or, from outside, any router on the way). Anything more would be a
 * channel: an error carries what its sender likes, and conntrack calls it related however it was made.
 */
import { block, families, portProtocols } from './block.ts'
import { stays, staysInError } from './held-chains.ts'
import { uplinkGroup } from './inventory.ts'
import { formatMark, routeBit } from './marks.ts'

export const errors4 = ['destination-unreachable', 'time-exceeded', 'parameter-problem'] as const
export const errors6 = ['destination-unreachable', 'packet-too-big', 'time-exceeded', 'parameter-problem'] as const

type Way = 'original' | 'reply'

/** `held`: whether some identity of this host is held inside its stack. */
export function icmp(held: boolean): readonly string[] {
  return [...kinds('original', 'echo-request'), ...kinds('reply', 'echo-reply'), ...echo(held), ...(['original', 'reply'] as const).flatMap((way) => errors(way, held))]
}

function kinds(way: Way, echoType: string): readonly string[] {
  const types = (list: readonly string[]): string =>
    `type vmap { ${[`${echoType} : goto echo-${way}`, ...list.map((type) => `${type} : goto error-${way}`)].join(', ')} }`
  return block(`chain icmp-${way}`, undefined, [`icmp ${types(errors4)}`, `icmpv6 ${types(errors6)}`, 'goto refuse-policy'])
}

function echo(held: boolean): readonly string[] {
  return [
    ...block('chain echo-original', undefined, [
      ...stays('original', held),
      'meta mark set iifgroup . oifgroup map @echo goto permit',
      ...families.map(({ n, ip }) => `oifgroup ${uplinkGroup} meta mark set ${ip} daddr map @class${n}`),
      `oifgroup ${uplinkGroup} meta mark set iifgroup . meta mark map @egress-echo goto permit`,
      'goto refuse-policy',
    ]),
    ...block('chain echo-reply', undefined, [
      ...stays('reply', held),
      'meta mark set oifgroup . iifgroup map @echo goto pass',
      `iifgroup ${uplinkGroup} meta mark set oifgroup . meta mark map @egress-echo goto pass`,
      'goto drop-policy',
    ]),
  ]
}

/** `way` is that of the error: in `original` the initiator complains about an answer, in `reply` the responder about a request. */
function errors(way: Way, held: boolean): readonly string[] {
  const [initiator, responder] = way === 'original' ? (['iifgroup', 'oifgroup'] as const) : (['oifgroup', 'iifgroup'] as const)
  const outsideClass = (end: 'saddr' | 'daddr'): readonly string[] => [
    // The mark may still hold the class of the error's sender, who is anybody.
    `meta mark set ${formatMark(routeBit)}`,
    ...families.map(({ n, ip }) => `meta mark set ct original ${ip} ${end} map @class${n}`),
  ]
  return [
    ...block(`chain error-${way}`, undefined, [
      `iifgroup ${uplinkGroup} goto error-${way}-path`,
      ...families.map(({ n, ip }) => `iifname . ct ${way} ${ip} saddr @source${n} goto error-${way}-path`),
      'goto drop-icmp-error',
    ]),
    ...block(`chain error-${way}-path`, 'the connection looked up once more', [
      ...staysInError(initiator, held),
      ...lookups(`${initiator} . ${responder}`, ''),
      `${responder} ${uplinkGroup} goto error-${way}-egress`,
      `${initiator} ${uplinkGroup} goto error-${way}-publish`,
      'goto drop-icmp-error',
    ]),
    ...block(`chain error-${way}-egress`, undefined, [...outsideClass('daddr'), ...lookups(`${initiator} . meta mark`, 'egress-'), 'goto drop-icmp-error']),
    ...block(`chain error-${way}-publish`, undefined, [
      ...outsideClass('saddr'),
      ...families.flatMap(({ n, ip, nf }) => portProtocols.map((p) => {
        const end = `ct original ${ip} daddr . ct original protocol . ct original proto-dst`
        const translated = `${end} . ct reply ${ip} saddr . ct reply proto-src @translated${n}`
        return `meta nfproto ${nf} ct original protocol ${p} ${translated} meta mark set meta mark . ${end} . ${responder} map @publish${n} goto pass`
      })),
      'goto drop-icmp-error',
    ]),
  ]
}

/** nft knows the type of a connection's port only below a family and a protocol, hence a rule for each. */
function lookups(ends: string, prefix: '' | 'egress-'): readonly string[] {
  const connection = `${ends} . ct original protocol`
  return [
    ...['port', 'range'].flatMap((map) => families.flatMap(({ nf }) => portProtocols.map((p) =>
      `meta nfproto ${nf} ct original protocol ${p} meta mark set ${connection} . ct original proto-dst map @${prefix}${map} goto pass`))),
    `meta mark set ${connection} map @${prefix}protocol goto pass`,
    `ct original protocol { icmp, ipv6-icmp } meta mark set ${ends} map @${prefix}echo goto pass`,
  ]
}

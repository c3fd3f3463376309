/** A small ruleset of the shape that hosts have, written by hand for these tests; its parts can be exchanged. */

export interface Parts {
  readonly elements?: string
  readonly ranges?: string
  readonly before?: string
  readonly original?: string
  readonly reply?: string
  readonly forward?: string
  readonly policy?: 'accept' | 'drop'
  readonly spoof?: string
  readonly beside?: string
}

const spoof = `
    iifname . ip saddr @source4 meta mark set 1 accept
    iifname . ip6 saddr @source6 meta mark set 1 accept
    iifname "up" meta mark set 1 accept`

/** Only 16 -> 17 on tcp 5432 is open, unless a part says otherwise. */
export function guarded(parts: Parts = {}): string {
  return `
table inet t {
  map port { typeof iifgroup . oifgroup . meta l4proto . th dport : meta mark; flags timeout; elements = { ${parts.elements ?? '16 . 17 . tcp . 5432 : 0x10'} } }
  map range { typeof iifgroup . oifgroup . meta l4proto . th dport : meta mark; flags interval; elements = { ${parts.ranges ?? '18 . 18 . tcp . 1-2 : 0x99'} } }
  set source4 { typeof iifname . ip saddr; elements = { "wa" . 10.1.0.2, "wb" . 10.1.0.3, "wc" . 10.1.0.4 } }
  set source6 { typeof iifname . ip6 saddr; elements = { "wa" . fd00::2, "wb" . fd00::3, "wc" . fd00::4 } }
  ${parts.before ?? ''}
  chain prerouting { type filter hook prerouting priority raw; policy drop; ${parts.spoof ?? spoof}
  }
  chain permit { ct mark set meta mark
    accept
  }
  chain original {
    ${parts.original ?? ''}
    meta mark set iifgroup . oifgroup . meta l4proto . th dport map @port goto permit
    meta mark set iifgroup . oifgroup . meta l4proto . th dport map @range goto permit
    counter reject with icmpx admin-prohibited
  }
  chain reply {
    ${parts.reply ?? ''}
    meta mark set oifgroup . iifgroup . meta l4proto . th sport map @port accept
    meta mark set oifgroup . iifgroup . meta l4proto . th sport map @range accept
    drop
  }
  chain forward { type filter hook forward priority filter; policy ${parts.policy ?? 'drop'};
    ${parts.forward ?? ''}
    ct state invalid drop
    ct direction vmap { original : goto original, reply : goto reply }
  }
}
${parts.beside ?? ''}`
}

export const open = ['16 -> 17 tcp 5432', '18 -> 18 tcp 1-2']

/** Holds what happened against what was asked for (pure), and says what a mismatch probably means. */
import type { Expectation } from './plan.ts'
import type { Outcome, ProbeResult } from './probe.ts'

export interface Mismatch extends Expectation {
  readonly outcome: Outcome | 'not tried'
  readonly detail: string
  readonly likelyCause: string
}

export interface Verdict {
  readonly probes: number
  readonly allowed: number
  readonly denied: number
  readonly mismatches: readonly Mismatch[]
}

/** A probe without a result is a mismatch: nothing that was not seen is reported as proven. */
export function judge(expectations: readonly Expectation[], results: ReadonlyMap<number, ProbeResult>): Verdict {
  const mismatches: Mismatch[] = []
  let allowed = 0
  for (const e of expectations) {
    const result = results.get(e.id)
    const outcome = result?.outcome ?? 'not tried'
    if (outcome === 'open') allowed++
    const good = e.expect === 'allow' ? outcome === 'open' : outcome === 'refused' || outcome === 'silent'
    if (!good) mismatches.push({ ...e, outcome, detail: result?.detail ?? '', likelyCause: '' })
  }
  const named = mismatches.map((m) => ({ ...m, likelyCause: likelyCause(m, mismatches) }))
  return { probes: expectations.length, allowed, denied: expectations.length - allowed, mismatches: named }
}

function likelyCause(m: Mismatch, all: readonly Mismatch[]): string {
  if (m.outcome === 'not tried') return 'the prober of this identity ended early'
  if (m.expect === 'allow') {
    if (all.filter((o) => o.from === m.from && o.expect === 'allow').length > 1 && !all.some((o) => o.from !== m.from)) return `\`${m.from}\` reaches nothing: its interface, group or route is wrong`
    return m.outcome === 'silent' ? 'packets are lost: a route, an interface or an address is wrong' : 'the table lacks this path: it was changed, or the path was not carried'
  }
  const others = all.filter((o) => o.expect === 'deny' && o.from === m.from && o.to === m.to)
  if (others.every((o) => o.family === 6) && !all.some((o) => o.family === 4)) return 'open for IPv6 alone: a rule that looks at IPv4 only'
  if (!all.some((o) => o.from !== m.from) && new Set(all.map((o) => o.to)).size > 1) return `\`${m.from}\` is treated as another identity: its interface group is wrong`
  return 'the table lets this through: a rule was added, changed or removed behind the agent'
}

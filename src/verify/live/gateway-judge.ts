/** Holds what came of trials at gateways and resolver against what the documents say (pure). What could not be tried is told, never taken for good. */
import type { GatewayTrial } from './gateway-trial.ts'
import type { ProbeResult } from './probe.ts'

export interface TrialMismatch {
  readonly from: string
  readonly what: string
  readonly expect: 'allow' | 'deny'
  readonly found: string
}

export interface GatewayVerdict {
  readonly tried: number
  /** Found open as they should be. */
  readonly open: number
  readonly closed: number
  readonly mismatches: readonly TrialMismatch[]
  readonly notTried: readonly { readonly from: string; readonly what: string; readonly why: string }[]
}

export function judgeGateways(trials: readonly GatewayTrial[], results: ReadonlyMap<number, ProbeResult>): GatewayVerdict {
  const mismatches: TrialMismatch[] = []
  const notTried: { readonly from: string; readonly what: string; readonly why: string }[] = []
  let [open, closed] = [0, 0]
  for (const trial of trials) {
    const { from, what, expect } = trial
    const result = results.get(trial.id)
    const judged = judge(trial, result)
    if (judged === 'open') open++
    else if (judged === 'closed') closed++
    else if (judged === 'not tried') notTried.push({ from, what, why: result?.detail ?? '' })
    else mismatches.push({ from, what, expect, found: judged.found })
  }
  return { tried: open + closed + mismatches.length, open, closed, mismatches, notTried }
}

function judge({ kind, expect, addresses, statuses }: GatewayTrial, result: ProbeResult | undefined): 'open' | 'closed' | 'not tried' | { readonly found: string } {
  // Nothing that was not seen is reported as proven.
  if (result === undefined) return { found: 'nothing: the prober ended early' }
  const { outcome, detail } = result
  const found = { found: `${outcome}${detail === '' ? '' : ` (${detail})`}` }
  switch (kind) {
    case 'name inside':
      if (expect === 'deny') return outcome === 'refused' || outcome === 'silent' ? 'closed' : found
      return outcome === 'open' && detail === [...addresses].sort().join(' ') ? 'open' : found
    case 'name outside':
      if (expect === 'deny') return outcome === 'refused' || outcome === 'silent' ? 'closed' : found
      if (outcome === 'open' && detail !== '') return 'open'
      // Whether the servers outside know the name is not the resolver's affair.
      return outcome === 'refused' || outcome === 'silent' ? found : 'not tried'
    case 'server':
      if (outcome === 'other') return 'not tried'
      if (expect === 'deny') return outcome === 'open' ? found : 'closed'
      return outcome === 'open' ? 'open' : found
    case 'door':
      if (expect === 'allow') return outcome === 'open' && detail === addresses.join() ? 'open' : found
      return outcome === 'refused' ? 'closed' : found
    case 'reach':
      if (expect === 'allow') return outcome === 'open' ? 'open' : found
      return outcome === 'open' ? found : 'closed'
    case 'peer':
      if (outcome === 'open') return detail === addresses.join() ? 'open' : found
      return outcome === 'other' ? 'not tried' : found
    case 'handshake': return outcome === 'open' ? 'open' : found
    case 'request':
      // Each client address has its share of requests: who asks too often is refused as well.
      return outcome !== 'open' || [...statuses, '429'].includes(detail) ? 'closed' : found
  }
}

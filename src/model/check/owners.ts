/** Who may do what: halves of two owners in one file, telemetry nobody accepted. */
import { quote } from '../../base/diagnostic.ts'
import { formatInstant } from '../../base/clock.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { FederationPolicy, Platform } from '../platform.ts'

/** A file that speaks for two enclaves could agree with itself. */
export function mixedHalves(policies: readonly FederationPolicy[]): readonly Diagnostic[] {
  const owner = new Map<string, string>()
  return policies.flatMap(({ enclave, at, name }) => {
    const first = owner.get(at.file) ?? enclave
    owner.set(at.file, first)
    if (first === enclave) return []
    const message = `FederationPolicy ${quote(name)} of enclave ${quote(enclave)} is in a file with one of enclave ${quote(first)}`
    return [{ code: 'mixed-halves', severity: 'error', message, at, help: 'give each enclave a file of its own' } as const]
  })
}

type Telemetry = Pick<Platform, 'egressPolicies' | 'externals' | 'riskRecords'>

/** A way out to software that phones home needs somebody who has accepted that, and still does. */
export function telemetryRisks({ egressPolicies, externals, riskRecords }: Telemetry, now: number): readonly Diagnostic[] {
  const until = new Map<string, number>()
  for (const risk of riskRecords) until.set(risk.external, Math.max(risk.until, until.get(risk.external) ?? -Infinity))
  return egressPolicies.flatMap((policy) =>
    policy.destination.flatMap(({ external, at }) => {
      const end = until.get(external)
      if (externals.get(external)?.telemetry !== true || (end !== undefined && end > now)) return []
      const why = end === undefined ? 'has no RiskRecord' : `has a RiskRecord that ended at ${formatInstant(end)}`
      const help = 'write a RiskRecord for it: who accepts the risk, with which mitigations, until when'
      return [{ code: 'telemetry-without-risk', severity: 'error', message: `\`external:${external}\` is telemetry and ${why}`, at, help } as const]
    }),
  )
}

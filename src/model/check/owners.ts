/** Who may do what: halves of two owners in one file, segments and layers that were not given, telemetry nobody accepted. */
import { quote } from '../../base/diagnostic.ts'
import { formatInstant } from '../../base/clock.ts'
import { didYouMean } from '../../base/suggest.ts'
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

type Placement = Pick<Platform, 'enclaves' | 'workloads' | 'environments' | 'segments' | 'stacks'>

/** Segments that the enclave's environment may not use, and layers that its stack does not have. */
export function placement(platform: Placement): readonly Diagnostic[] {
  const entitled = (segment: string | undefined, environment: string): boolean => {
    const allowed = segment === undefined ? undefined : platform.segments.get(segment)?.entitled
    return allowed === undefined || allowed.includes(environment)
  }
  const out: Diagnostic[] = []
  for (const { name, environment, segment, at } of platform.enclaves.values()) {
    if (!entitled(segment, environment)) out.push(notEntitled(`enclave ${quote(name)}`, environment, segment, at))
  }
  for (const workload of platform.workloads.values()) {
    const enclave = platform.enclaves.get(workload.enclave)
    if (enclave === undefined) continue
    if (workload.segment !== enclave.segment && !entitled(workload.segment, enclave.environment)) {
      out.push(notEntitled(`workload ${quote(workload.id)}`, enclave.environment, workload.segment, workload.at))
    }
    const stack = platform.stacks.get(platform.environments.get(enclave.environment)?.stack ?? '')
    if (workload.layer === undefined || stack === undefined || stack.layers.length === 0 || stack.layers.includes(workload.layer)) continue
    const message = `the stack ${quote(stack.name)} of workload ${quote(workload.id)} has no layer ${quote(workload.layer)}`
    out.push({ code: 'unknown-reference', severity: 'error', message, at: workload.at, given: workload.layer, help: didYouMean(workload.layer, stack.layers) ?? `allowed: ${stack.layers.join(', ')}` })
  }
  return out
}

function notEntitled(what: string, environment: string, segment: string | undefined, at: Diagnostic['at']): Diagnostic {
  const message = `${what} uses segment ${quote(segment ?? '')}, to which its environment ${quote(environment)} is not entitled`
  return { code: 'not-entitled', severity: 'error', message, at, given: segment ?? '', help: `add ${quote(environment)} to \`entitled\` of the segment, or use another` }
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

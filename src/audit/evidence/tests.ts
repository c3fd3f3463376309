/** What proves the segmentation that the documents ask for: their PolicyTests and Guardrails, judged anew (pure). */
import { formatChain } from '../../analysis/chain.ts'
import { judgeGuardrails } from '../../analysis/guardrails.ts'
import { runPolicyTests } from '../../analysis/policy-tests.ts'
import { decider } from '../../intent/decide.ts'
import { formatFlowEnd } from '../../intent/format.ts'
import type { Location } from '../../base/location.ts'
import type { Intent } from '../../intent/intent.ts'
import type { Platform } from '../../model/platform.ts'

export interface SegmentationTests {
  readonly cases: readonly { readonly test: string; readonly source: string; readonly destination: string; readonly traffic: string; readonly expect: string; readonly found: string; readonly at: Location }[]
  readonly guardrails: readonly { readonly name: string; readonly assert: string; readonly holds: boolean; readonly brokenBy?: string; readonly at: Location }[]
}

export function segmentationTests(platform: Platform, intent: Intent, now: number): SegmentationTests {
  return {
    cases: runPolicyTests(platform, decider(platform, intent), now).map(({ test, case: { flow, expect, at }, decision }) => ({
      test: test.name, source: formatFlowEnd(flow.source), destination: formatFlowEnd(flow.destination), traffic: flow.port === undefined ? flow.protocol : `${flow.protocol} ${flow.port}`, expect, found: decision.verdict, at,
    })),
    guardrails: judgeGuardrails(platform, intent).map(({ guardrail, broken }) => ({
      name: guardrail.name, assert: guardrail.assert, holds: broken === undefined, ...(broken === undefined ? {} : { brokenBy: formatChain(broken) }), at: guardrail.at,
    })),
  }
}

/** PolicyTests: examples that must be allowed or denied. */
import { formatFlowEnd } from '../intent/format.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Decider, Decision } from '../intent/decide.ts'
import type { Flow, Platform, PolicyTest, PolicyTestCase } from '../model/platform.ts'

export interface PolicyTestResult {
  readonly test: PolicyTest
  readonly case: PolicyTestCase
  readonly decision: Decision
  readonly passed: boolean
}

/** Every case of every test, in the order of the documents, at the instant `now`. */
export function runPolicyTests(platform: Platform, decider: Decider, now: number): readonly PolicyTestResult[] {
  return platform.policyTests.flatMap((test) =>
    test.cases.map((example) => {
      const decision = decider.decide(example.flow, now)
      return { test, case: example, decision, passed: decision.verdict === example.expect }
    }),
  )
}

export function policyTestDiagnostics(results: readonly PolicyTestResult[]): readonly Diagnostic[] {
  return results.flatMap(({ test, case: example, decision, passed }) => {
    if (passed) return []
    const expected = example.expect === 'allow' ? 'allowed' : 'denied'
    const actual = decision.verdict === 'allow' ? decision.reason : `denied: ${decision.reason}`
    const message = `policy test \`${test.name}\` expects ${formatFlow(example.flow)} to be ${expected}, but it is ${actual}`
    return [{ code: 'policy-test-failed', severity: 'error', message, at: example.at } as const]
  })
}

/** `` `a/api` to `a/db` on tcp 5432 in task ``. */
function formatFlow({ source, destination, protocol, port, phase }: Flow): string {
  const traffic = port === undefined ? protocol : `${protocol} ${port}`
  return `\`${formatFlowEnd(source)}\` to \`${formatFlowEnd(destination)}\` on ${traffic}${phase === undefined ? '' : ` in ${phase}`}`
}

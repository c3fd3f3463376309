/** What a set has to satisfy beyond being well-formed: its own Guardrails and PolicyTests, the separation that its environments ask for, and places for its workloads. */
import { sortDiagnostics } from '../base/diagnostic.ts'
import { decider } from '../intent/decide.ts'
import { leastSeparation } from './isolation/least.ts'
import { guardrailDiagnostics, judgeGuardrails } from './guardrails.ts'
import { placementProblems } from './placement/assignment.ts'
import { policyTestDiagnostics, runPolicyTests } from './policy-tests.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Intent } from '../intent/intent.ts'
import type { Platform } from '../model/platform.ts'

/** Every Guardrail that does not hold, every test case that fails, every environment that is less separate than it asks for, and what is wrong with the assignment to hosts; `now` matters to the tests alone. */
export function checkSet(platform: Platform, intent: Intent, now: number): readonly Diagnostic[] {
  const tests = platform.policyTests.length === 0 ? [] : runPolicyTests(platform, decider(platform, intent), now)
  return sortDiagnostics([...guardrailDiagnostics(judgeGuardrails(platform, intent)), ...policyTestDiagnostics(tests), ...leastSeparation(platform, intent).filter((d) => d.severity === 'error'), ...placementProblems(platform)])
}

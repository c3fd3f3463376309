/** Two policies of one tier and one priority that judge the same pods: Kubernetes leaves open which of them decides. */
import { quote } from '../../base/diagnostic.ts'
import { podIndex } from './selection.ts'
import { policyTitle } from './policy.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Policy } from './policy.ts'
import type { Namespace, Pod } from './workloads.ts'

export function equalPriorities(policies: readonly Policy[], pods: readonly Pod[], namespaces: readonly Namespace[]): readonly Diagnostic[] {
  const ranked = policies.filter(({ tier }) => tier !== 'namespaced')
  if (ranked.length < 2) return []
  const index = podIndex(pods, namespaces)
  const out: Diagnostic[] = []
  for (const group of Map.groupBy(ranked, ({ tier, priority }) => `${tier} ${priority}`).values()) {
    group.forEach((policy, i) => {
      const other = group.slice(0, i).find((earlier) => sameDirection(policy, earlier) && overlap(index.select(policy.subject), index.select(earlier.subject)))
      if (other === undefined) return
      out.push({
        code: 'equal-priorities',
        severity: 'error',
        message: `${policyTitle(policy)} and ${policyTitle(other)} have the same priority and judge the same pods`,
        at: policy.at,
        given: quote(policy.name),
      })
    })
  }
  return out
}

function sameDirection(a: Policy, b: Policy): boolean {
  return (a.ingress !== undefined && b.ingress !== undefined) || (a.egress !== undefined && b.egress !== undefined)
}

/** Both ascending. */
function overlap(a: readonly number[], b: readonly number[]): boolean {
  let [i, j] = [0, 0]
  while (i < a.length && j < b.length) {
    const [x, y] = [a[i] ?? 0, b[j] ?? 0]
    if (x === y) return true
    if (x < y) i++
    else j++
  }
  return false
}

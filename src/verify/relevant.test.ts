import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { referenceDecide } from './reference.ts'
import { relevantTo } from './relevant.ts'
import { agreement } from './testing/agreement.ts'
import { platformOf } from './testing/load.ts'

test('with the relevant documents alone the reference decides as with all of them', () => {
  let [allowed, nothing] = [0, 0]
  const property = agreement(60, (set) => {
    const platform = platformOf(set)
    if (platform === undefined) return undefined
    const relevant = relevantTo(platform)
    return {
      platform,
      one: (flow) => {
        const whole = referenceDecide(platform, flow, set.now)
        if (flow.source.kind !== 'workload' || flow.destination.kind !== 'workload') return whole
        if (relevant.nothing(flow.source.workload, flow.destination.workload)) {
          nothing++
          return 'deny'
        }
        return referenceDecide(relevant.from(flow.source.workload), flow, set.now)
      },
      other: (flow) => {
        const verdict = referenceDecide(platform, flow, set.now)
        if (verdict === 'allow' && flow.source.kind === 'workload' && flow.destination.kind === 'workload') allowed++
        return verdict
      },
    }
  })
  fc.assert(property, { numRuns: 250 })
  assert.ok(allowed > 300 && nothing > 300, `${allowed} allowed, ${nothing} without any document`)
})

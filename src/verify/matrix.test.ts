/** The matrix against the reference: a flow between named ends is allowed exactly when a row says so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matrix } from '../analysis/matrix.ts'
import { filterMatrix } from '../analysis/matrix-filter.ts'
import { compile } from '../intent/compile.ts'
import { formatFlowEnd } from '../intent/format.ts'
import { referenceDecide } from './reference.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { flowsFrom, flowTapes } from './testing/arbitrary-flow.ts'
import { formatFlow } from './testing/flow-text.ts'
import { platformOf } from './testing/load.ts'
import type { MatrixRow } from '../analysis/matrix.ts'
import type { Flow, FlowEnd, Platform } from '../model/platform.ts'

const flowsEach = 100

test('a flow between workloads, Externals and peers is allowed exactly when a row of the matrix says so', () => {
  const seen = { allow: 0, deny: 0 }
  const property = fc.property(documentSets(), flowTapes(flowsEach), (set, tape) => {
    const platform = platformOf(set)
    if (platform === undefined) return
    const rows = matrix(compile(platform).intent, set.now)
    for (const flow of flowsFrom(platform, tape, flowsEach).filter(isNamed)) {
      const verdict = referenceDecide(platform, flow, set.now)
      const some = rows.some((row) => says(platform, row, flow))
      assert.equal(some ? 'allow' : 'deny', verdict, formatFlow(flow))
      seen[verdict]++
      if (flow.source.kind === 'peer' || flow.destination.kind === 'peer') continue
      const part = filterMatrix(platform, rows, { from: flow.source, to: flow.destination })
      assert.equal(part.some((row) => says(platform, row, flow)) ? 'allow' : 'deny', verdict)
    }
  })
  fc.assert(property, { numRuns: 200, endOnFailure: true })
  assert.ok(seen.allow > 800 && seen.deny > 800, JSON.stringify(seen))
})

function isNamed({ source, destination }: Flow): boolean {
  return [source, destination].every(({ kind }) => kind === 'workload' || kind === 'external' || kind === 'peer')
}

function says(platform: Platform, row: MatrixRow, flow: Flow): boolean {
  const phase = flow.source.kind === 'workload' ? (flow.phase ?? platform.workloads.get(flow.source.workload)?.phase) : undefined
  return (
    isEnd(row.source, flow.source) && isEnd(row.destination, flow.destination) && row.protocol === flow.protocol &&
    (phase === undefined || row.phases.includes(phase)) && holdsPort(row.ports, flow.port)
  )
}

function isEnd(text: string, end: FlowEnd): boolean {
  return text === formatFlowEnd(end) || (end.kind === 'peer' && text === `peer:${end.peer}/${end.enclave}/*`)
}

function holdsPort(ports: string, port: number | undefined): boolean {
  if (ports === '') return port === undefined
  if (port === undefined || port < 1 || port > 65_535) return false
  return ports === 'any' || ports.split(',').some((part) => {
    const [from = '', to = from] = part.split('-')
    return port >= Number(from) && port <= Number(to)
  })
}

/** A part of the matrix: by one end, by enclave, by External. */
import { externalHolds } from '../intent/path-index.ts'
import { formatFlowEnd } from '../intent/format.ts'
import type { FlowEnd, Platform } from '../model/platform.ts'
import type { MatrixRow } from './matrix.ts'

/** All that are given have to fit. `enclave` and `external` fit either end. */
export interface MatrixFilter {
  readonly from?: FlowEnd
  readonly to?: FlowEnd
  readonly enclave?: string
  readonly external?: string
}

export function filterMatrix(platform: Platform, rows: readonly MatrixRow[], filter: MatrixFilter): readonly MatrixRow[] {
  const from = filter.from === undefined ? undefined : endTest(platform, filter.from)
  const to = filter.to === undefined ? undefined : endTest(platform, filter.to)
  const { enclave, external } = filter
  return rows.filter(
    ({ source, destination }) =>
      (from === undefined || from(source)) && (to === undefined || to(destination)) &&
      (enclave === undefined || source.startsWith(`${enclave}/`) || destination.startsWith(`${enclave}/`)) &&
      (external === undefined || source === `external:${external}` || destination === `external:${external}`),
  )
}

/** An address or a name means every External that holds it; a peer's workload also what is open for its whole enclave. */
function endTest(platform: Platform, end: FlowEnd): (text: string) => boolean {
  if (end.kind === 'address' || end.kind === 'name') {
    const holds = externalHolds(platform)
    const names = new Set([...platform.externals.keys()].filter((name) => holds(name, end)).map((name) => `external:${name}`))
    return (text) => names.has(text)
  }
  const wanted = formatFlowEnd(end)
  const wild = end.kind === 'peer' ? `peer:${end.peer}/${end.enclave}/*` : wanted
  return (text) => text === wanted || text === wild
}

/** A recommendation as files that can be committed, with what was seen as comments. */
import { formatInstant } from '../base/clock.ts'
import { escapeText } from '../base/diagnostic.ts'
import { compareText } from '../base/location.ts'
import { formatAddress } from '../net/address.ts'
import { documentYaml, plainDocument } from './write-documents.ts'
import type { PolicyUse, Recommendation, Recommended, SeenEnd, SeenFlow } from './seen.ts'

/** Text by file name: one file for each enclave, because halves of two owners may not stand in one, and one for Externals. */
export function recommendedFiles({ documents }: Recommendation): ReadonlyMap<string, string> {
  const files = Map.groupBy(documents, ({ document }) => (document.kind === 'External' ? 'externals.yaml' : `${document.enclave}.yaml`))
  return new Map([...files].sort(([a], [b]) => compareText(a, b)).map(([name, here]) => [name, here.map(recommendedYaml).join('---\n')]))
}

function recommendedYaml({ document, evidence }: Recommended): string {
  return `${evidenceLines(evidence).map((line) => `# ${line}\n`).join('')}${documentYaml(document)}`
}

const mostFlows = 5

/** When and how often, then the flows that were seen most. */
function evidenceLines(flows: readonly SeenFlow[]): readonly string[] {
  const times = flows.reduce((sum, flow) => sum + flow.times, 0)
  const first = flows.reduce((least, flow) => Math.min(least, flow.first), Infinity)
  const last = flows.reduce((most, flow) => Math.max(most, flow.last), 0)
  const sorted = [...flows].sort((a, b) => b.times - a.times || compareText(flowText(a), flowText(b)))
  const refused = flows.some(({ verdict }) => verdict === 'deny') ? ', some of them refused' : ''
  return [
    `seen ${times === 1 ? 'once' : `${times} times`} from ${formatInstant(first)} to ${formatInstant(last)}${refused}`,
    ...sorted.slice(0, mostFlows).map((flow) => `  ${flow.times} x ${flowText(flow)}`),
    ...(sorted.length > mostFlows ? [`  and ${sorted.length - mostFlows} other flows`] : []),
  ]
}

export function flowText({ source, destination, protocol, port, phase }: SeenFlow): string {
  return `${endText(source)} -> ${endText(destination)} ${protocol}${port === undefined ? '' : ` ${port}`}${phase === undefined ? '' : ` in ${phase}`}`
}

function endText(end: SeenEnd): string {
  return end.kind === 'workload' ? escapeText(end.workload) : formatAddress(end.address)
}

/** One line for each policy that exists, those that nobody used first. */
export function useLines({ uses, span }: Recommendation): readonly string[] {
  if (span === undefined) return []
  const since = `since ${formatInstant(span.from)}, when the records begin`
  return uses.map((use) => `${nameText(use)}: ${use.last === undefined ? `not used ${since}` : `used ${use.times === 1 ? 'once' : `${use.times} times`}, last ${formatInstant(use.last)}`}`)
}

function nameText({ policy }: PolicyUse): string {
  return `${policy.kind} ${policy.name} (${escapeText(policy.file)}:${policy.line})`
}

export function recommendJson(found: Recommendation): unknown {
  return {
    documents: found.documents.map(({ document, evidence }) => ({
      document: plainDocument(document),
      evidence: evidence.map((flow) => ({ flow: flowText(flow), times: flow.times, first: formatInstant(flow.first), last: formatInstant(flow.last), verdict: flow.verdict })),
    })),
    left: found.left.map(({ flow, why }) => ({ flow: flowText(flow), why })),
    uses: found.uses.map(({ policy, times, last }) => ({ ...policy, times, ...(last === undefined ? {} : { last: formatInstant(last) }) })),
    ...(found.span === undefined ? {} : { span: { from: formatInstant(found.span.from), to: formatInstant(found.span.to) } }),
  }
}

/** Reach, proofs and test results as lines for eyes and as plain data for machines. */
import { escapeText } from '../base/diagnostic.ts'
import { formatFlowEnd, formatTraffic } from '../intent/format.ts'
import { documentRefs } from './document-ref.ts'
import { chainLines } from './chain.ts'
import { brokenText } from './guardrails.ts'
import { textTable } from './table.ts'
import type { Flow } from '../model/platform.ts'
import type { Hop } from './chain.ts'
import type { GuardrailResult } from './guardrails.ts'
import type { PolicyTestResult } from './policy-tests.ts'
import type { Reach } from './reach.ts'

export function reachText({ direction, asked, reached }: Reach): string {
  const who = asked.join(' and ')
  const head = direction === 'from' ? `${who} ${asked.length > 1 ? 'together reach' : 'reaches'}` : 'is reached by'
  const count = reached.length === 0 ? 'nothing' : reached.length === 1 ? '1 end' : `${reached.length} ends`
  const lines = reached.flatMap(({ end, chain }) => [`${end}  ${chain.length === 1 ? 'directly' : `over ${chain.length} paths`}`, ...chainLines(chain).map((line) => `  ${line}`)])
  const first = direction === 'from' ? `${head} ${count}` : `${who} ${head} ${count}`
  return [first, ...lines].map((line) => `${line}\n`).join('')
}

export function reachJson({ direction, asked, reached }: Reach): object {
  return { direction, asked, reached: reached.map(({ end, chain }) => ({ end, length: chain.length, chain: hopsJson(chain) })) }
}

function hopsJson(chain: readonly Hop[]): readonly unknown[] {
  return chain.map(({ path, forward }) => ({
    source: formatFlowEnd(path.source), destination: formatFlowEnd(path.destination), forward, traffic: formatTraffic(path), policies: documentRefs(path.origin),
  }))
}

/** One line for each Guardrail; under a broken one what is wrong and the chain. */
export function proofText(results: readonly GuardrailResult[], paint: (holds: boolean, text: string) => string): string {
  const width = Math.max(0, ...results.map(({ guardrail }) => guardrail.assert.length))
  const lines = results.flatMap(({ guardrail, broken }) => {
    const place = `(${escapeText(guardrail.at.file)}:${guardrail.at.line})`
    const head = `${paint(broken === undefined, broken === undefined ? 'holds ' : 'broken')}  ${guardrail.assert.padEnd(width)}  ${guardrail.name} ${place}`
    return broken === undefined ? [head] : [head, `  ${brokenText(guardrail, broken)}`, ...chainLines(broken).map((line) => `    ${line}`)]
  })
  const bad = results.filter(({ broken }) => broken !== undefined).length
  const total = results.length === 1 ? '1 guardrail' : `${results.length} guardrails`
  const last = results.length === 0 ? 'no guardrails: nothing to prove' : bad === 0 ? `${total}: ${results.length === 1 ? 'it holds' : 'all hold'}` : `${total}: ${bad} broken`
  return [...lines, last].map((line) => `${line}\n`).join('')
}

export function proofJson(results: readonly GuardrailResult[]): object {
  return {
    holds: results.every(({ broken }) => broken === undefined),
    guardrails: results.map(({ guardrail, broken }) => ({
      name: guardrail.name, form: guardrail.assert, file: guardrail.at.file, line: guardrail.at.line, holds: broken === undefined,
      ...(broken === undefined ? {} : { why: brokenText(guardrail, broken), chain: hopsJson(broken) }),
    })),
  }
}

/** A table of every case with what was expected and what is; then the reasons of those that fail. */
export function testsText(results: readonly PolicyTestResult[], paint: (passed: boolean, text: string) => string): string {
  if (results.length === 0) return 'no policy tests: nothing was asked\n'
  const head = ['', 'TEST', 'FLOW', 'EXPECTED', 'ACTUAL']
  const rows = results.map(({ test, case: example, decision, passed }) => [passed ? 'ok' : 'FAIL', test.name, flowText(example.flow), example.expect, decision.verdict])
  const [heading = '', ...lines] = textTable([head, ...rows]).trimEnd().split('\n')
  const table = [heading, ...lines.map((line, i) => line.replace(/^\S+/, (word) => paint(results[i]?.passed === true, word)))]
  const failed = results.filter(({ passed }) => !passed)
  const reasons = failed.map(({ test, case: { flow, at }, decision }) => `${escapeText(at.file)}:${at.line}: ${test.name}: ${flowText(flow)}: ${decision.reason}`)
  const last = failed.length === 0 ? `${cases(results.length)}: all as expected` : `${cases(results.length)}: ${failed.length} not as expected`
  return [...table, ...reasons, last].map((text) => `${text}\n`).join('')
}

export function testsJson(results: readonly PolicyTestResult[]): object {
  return {
    passed: results.every(({ passed }) => passed),
    cases: results.map(({ test, case: example, decision, passed }) => ({
      test: test.name, file: example.at.file, line: example.at.line, source: formatFlowEnd(example.flow.source), destination: formatFlowEnd(example.flow.destination),
      protocol: example.flow.protocol, ...(example.flow.port === undefined ? {} : { port: example.flow.port }),
      ...(example.flow.phase === undefined ? {} : { phase: example.flow.phase }), expected: example.expect, actual: decision.verdict, passed, reason: decision.reason,
    })),
  }
}

function cases(n: number): string {
  return n === 1 ? '1 case' : `${n} cases`
}

function flowText({ source, destination, protocol, port, phase }: Flow): string {
  return `${formatFlowEnd(source)} -> ${formatFlowEnd(destination)} ${protocol}${port === undefined ? '' : ` ${port}`}${phase === undefined ? '' : ` in ${phase}`}`
}

/** `bulkhead explain`: is this allowed, by which document, and if not, what would have to be added. */
import { quote } from '../base/diagnostic.ts'
import { readEnd, readTraffic } from '../analysis/ends.ts'
import { changeLine, diffJson } from '../analysis/diff-text.ts'
import { explain } from '../analysis/explain.ts'
import { propose, proposedYaml } from '../analysis/proposal.ts'
import { normalPath } from '../net/http-path.ts'
import { phases } from '../model/platform.ts'
import { usage } from './arguments.ts'
import { callerOptions, explainFromOutside } from './explain-request.ts'
import { instantOption } from './instant.ts'
import { kubernetesExplain } from './kubernetes-explain.ts'
import { kubernetesOptions } from './kubernetes-load.ts'
import { askedSet, brokenJson } from './load.ts'
import type { Request } from '../analysis/additions.ts'
import type { DocumentRef } from '../analysis/document-ref.ts'
import type { Reading } from '../analysis/ends.ts'
import type { Explanation } from '../analysis/explain.ts'
import type { Proposed } from '../analysis/proposal.ts'
import type { Phase } from '../model/platform.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'
import type { Output } from './output.ts'

export const command: Command = {
  name: 'explain',
  summary: 'say whether a flow is allowed, by which document, or what would open it',
  usage: 'explain DIR SOURCE DESTINATION [PORT/PROTO [METHOD PATH]] [--phase PHASE] [--at INSTANT] [--claim NAME=VALUE]... [--identity NAME]...',
  example:
    'bulkhead explain examples/tre workspace-a/api-service workspace-a/postgres-db 5432/tcp    one flow\n' +
    'bulkhead explain examples/tre workspace-a/notebook pypi.org --at 2030-01-01    anything at all, on that day\n' +
    'bulkhead explain examples/tre platform/package-mirror pypi.org 443/tcp GET /simple/six/    one HTTP request\n' +
    'bulkhead explain --kubernetes manifests/ frontend backend 9090/tcp    which Kubernetes policies decide\n' +
    'An end is enclave/workload, a workload\'s name, external:NAME, peer:NAME/enclave/workload, an address or a domain name.\n' +
    'A refused flow comes with the documents that would open it, ready to paste, and what else these would open.\n' +
    'Exit status 0 for either answer.',
  positionals: [3, 6],
  options: {
    phase: { type: 'string', value: 'PHASE', help: `the source's phase (${phases.join(', ')}); its declared one when left out` },
    at: { type: 'string', value: 'INSTANT', help: 'answer for this date or instant; now when left out' },
    ...callerOptions,
    ...kubernetesOptions,
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  if (context.options['kubernetes'] === true) return kubernetesExplain(command, context)
  const [directory = '', from = '', to = '', what, method, path] = context.args
  const traffic = what === undefined ? { protocol: undefined, port: undefined } : read(readTraffic(what))
  const request = requestOf(method, path)
  const phase = phaseOption(context.options['phase'])
  const now = instantOption(command, context)
  const set = askedSet(context, directory)
  if (set === undefined) return 1
  const source = read(readEnd(set.platform, from))
  const destination = read(readEnd(set.platform, to))
  if (phase !== undefined && source.kind !== 'workload') throw usage(command, `${quote(from)} is not a workload, so it has no phase`)
  if (request !== undefined && source.kind !== 'workload' && source.kind !== 'peer') {
    explainFromOutside(command, context, set, source, destination, { traffic, request, now })
    return 0
  }
  if (request !== undefined && (/[?#*]/.test(request.path) || normalPath(request.path) !== request.path)) {
    throw usage(command, `${quote(request.path)} is not a path as policies compare it`, `write ${quote(normalPath(request.path.replace(/[?#*].*/, '')) ?? '/')}`)
  }
  for (const name of ['claim', 'identity']) {
    if (context.options[name] !== undefined) throw usage(command, `\`--${name}\` is about a request from outside`, 'ask from an outside address or External, for a host name, as in `443/tcp GET /`')
  }
  const asked = { source, destination, ...traffic, phase }
  const answer = explain(set.platform, set.intent, asked, now, request)
  const proposed = answer.verdict === 'allow' ? undefined : propose(set.platform, set.intent, asked, request, now)
  if (context.json) context.out.json({ ...answer, ...brokenJson(set), ...(proposed === undefined ? {} : { toOpen: proposedJson(proposed) }) })
  else {
    print(context.out, answer)
    if (proposed !== undefined) printProposed(context.out, proposed)
  }
  return 0
}

function requestOf(method: string | undefined, path: string | undefined): Request | undefined {
  if (method === undefined) return undefined
  if (path === undefined) throw usage(command, 'a request is a method and a path', 'write `GET /simple/`')
  if (!/^[A-Z]{1,32}$/.test(method)) throw usage(command, `${quote(method)} is not an HTTP method`, 'write it in capitals, as in `GET`')
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw usage(command, `${quote(path)} is not a path`, 'start with `/`')
  return { method, path }
}

function read<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value
  throw usage(command, reading.message, reading.help)
}

function phaseOption(text: unknown): Phase | undefined {
  if (text === undefined) return undefined
  const phase = phases.find((known) => known === text)
  if (phase === undefined) throw usage(command, `${quote(String(text))} is not a phase`, `allowed: ${phases.join(', ')}`)
  return phase
}

function print(out: Output, answer: Explanation): void {
  const what = answer.protocol === undefined ? 'anything' : answer.port === undefined ? answer.protocol : `${answer.protocol} ${answer.port}`
  const verdict = answer.verdict === 'allow' ? out.paint('green', 'allow') : out.paint('red', 'deny')
  const request = answer.request === undefined ? '' : ` ${answer.request.method} ${answer.request.path}`
  out.line(`${verdict} ${answer.source} -> ${answer.destination} ${what}${request}${answer.phase === undefined ? '' : ` in ${answer.phase}`}`)
  if (answer.verdict === 'deny') out.line(`  ${answer.reason}`)
  // Where only one boundary is crossed, the reason and the paths have said it all.
  if (answer.boundaries.length > 1) {
    for (const { where, verdict: here, policies, why } of answer.boundaries) {
      const by = policies.length === 0 ? '' : ` ${here === 'allow' ? 'by' : 'at'} ${policies.map(documentText).join(' with ')}`
      out.line(`  ${where}: ${here}${by}${why === undefined ? '' : `: ${why}`}`)
    }
  }
  for (const path of answer.paths) {
    out.line(`  ${path.source} -> ${path.destination} ${path.traffic}${path.via === 'direct' ? '' : `, ${path.via}`} by ${path.policies.map(documentText).join(' with ')}`)
  }
}

function documentText({ kind, name, file, line, column }: DocumentRef): string {
  return `${kind} ${name} (${file}:${line}:${column})`
}

function printProposed(out: Output, proposed: Proposed): void {
  if (proposed.kind === 'impossible') {
    out.line(`  cannot be opened by adding documents: ${proposed.why}`)
    return
  }
  out.line('  these would open it:')
  out.line()
  out.write(proposedYaml(proposed))
  out.line()
  out.line('  and with them, in all:')
  for (const change of proposed.opens) out.line(`    ${changeLine(change)}`)
  for (const message of proposed.breaks) out.line(`  ${out.paint('red', 'but')} ${message}`)
}

function proposedJson(proposed: Proposed): unknown {
  if (proposed.kind === 'impossible') return { possible: false, why: proposed.why }
  const { documents, edits, opens, breaks } = proposed
  return { possible: true, documents: documents.map(({ document }) => document), edits, yaml: proposedYaml(proposed), opens: diffJson({ changes: opens }).changes, breaks }
}

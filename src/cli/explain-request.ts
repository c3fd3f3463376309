/** `bulkhead explain` of a request from outside: the host is asked for, not the workload behind it. */
import { quote } from '../base/diagnostic.ts'
import { explainRequest } from '../analysis/explain-request.ts'
import { usage } from './arguments.ts'
import { brokenJson } from './load.ts'
import type { AskedRequest, DescribedCaller, RequestExplanation } from '../analysis/explain-request.ts'
import type { FlowEnd } from '../model/platform.ts'
import type { Command, CommandContext } from './command.ts'
import type { AskedSet } from './load.ts'

export const callerOptions = {
  claim: { type: 'string', value: 'NAME=VALUE', multiple: true, help: 'a request from outside: its token claims this; may be repeated' },
  identity: { type: 'string', value: 'NAME', multiple: true, help: 'a request from outside: its certificate holds this SPIFFE ID or DNS name' },
} as const

/** Prints the answer. `traffic` is the gateway's port. */
export function explainFromOutside(
  command: Command, context: CommandContext, set: AskedSet, source: FlowEnd, destination: FlowEnd,
  { traffic, request, now }: { readonly traffic: { readonly protocol: string | undefined; readonly port: number | undefined }; readonly request: Pick<AskedRequest, 'method' | 'path'>; readonly now: number },
): void {
  if (destination.kind !== 'name') throw usage(command, 'a request from outside asks for a host name', 'write a name under which a gateway serves, as in `www.example.org 443/tcp GET /`')
  if (traffic.protocol !== 'tcp' || traffic.port === undefined) throw usage(command, 'a request travels by tcp', 'write the gateway\'s port, as in `443/tcp`')
  const answer = explainRequest(set.platform, set.intent, { source, host: destination.name, port: traffic.port, ...request, caller: callerOf(command, context) }, now)
  if (context.json) context.out.json({ ...answer, ...brokenJson(set) })
  else print(context, answer)
}

function callerOf(command: Command, { options }: CommandContext): DescribedCaller {
  const written = listOf(options['claim'])
  const claims: Record<string, unknown> = {}
  for (const text of written) {
    const equals = text.indexOf('=')
    if (equals < 1) throw usage(command, `${quote(text)} is not a claim`, 'write `NAME=VALUE`')
    const name = text.slice(0, equals)
    put(claims, name.includes(':') ? [name] : name.split('.'), text.slice(equals + 1))
  }
  const identities = listOf(options['identity'])
  if (written.length > 0 && identities.length > 0) throw usage(command, 'a caller shows a token or a certificate', 'write `--claim` or `--identity`')
  return { claims: written.length === 0 ? undefined : claims, identities }
}

/** A claim that is named twice is a list. */
function put(into: Record<string, unknown>, [step = '', ...rest]: readonly string[], value: string): void {
  const there = Object.hasOwn(into, step) ? into[step] : undefined
  if (rest.length > 0) {
    const inner = typeof there === 'object' && there !== null && !Array.isArray(there) ? (there as Record<string, unknown>) : {}
    Object.defineProperty(into, step, { value: inner, enumerable: true, configurable: true, writable: true })
    put(inner, rest, value)
  } else {
    const values = there === undefined ? value : [there, value].flat()
    Object.defineProperty(into, step, { value: values, enumerable: true, configurable: true, writable: true })
  }
}

function listOf(option: unknown): readonly string[] {
  return Array.isArray(option) ? option.map(String) : []
}

function print({ out }: CommandContext, answer: RequestExplanation): void {
  const verdict = answer.verdict === 'allow' ? out.paint('green', 'allow') : out.paint('red', 'deny')
  out.line(`${verdict} ${answer.source} -> ${answer.host}:${answer.port} ${answer.request.method} ${answer.request.path}`)
  if (answer.request.compared !== undefined && answer.request.compared !== answer.request.path) out.line(`  the path is judged as ${answer.request.compared}`)
  if (answer.verdict === 'deny') out.line(`  ${answer.reason}`)
  for (const to of answer.to) out.line(`  led to ${to}`)
  for (const { kind, name, file, line, column } of answer.policies) out.line(`  by ${kind} ${name} (${file}:${line}:${column})`)
}

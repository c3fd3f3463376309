/** The second opinion on one request at a gateway, straight from the Platform; shares nothing with `intent`. */
import { referenceDecide } from './reference.ts'
import { holdsName } from './reference/external.ts'
import { judgeInbound } from './reference/request.ts'
import { pathAsJudged } from './reference/request-path.ts'
import { nobody } from './reference/rules.ts'
import type { EgressPolicy, HttpMatch, Platform } from '../model/platform.ts'
import type { GatewayRequest } from '../model/request.ts'
import type { Judged } from './reference/request.ts'

/** `led` is empty for a request that may leave. `now` is in milliseconds since the epoch. */
export function referenceRequest(platform: Platform, request: GatewayRequest, now: number): Judged {
  return request.source.kind === 'workload' ? judgeOutbound(platform, request, now) : judgeInbound(platform, request, now)
}

/** Each policy is asked alone, as if there were no other. */
function judgeOutbound(platform: Platform, request: GatewayRequest, now: number): Judged {
  const { source, host, port } = request
  if (host === undefined || !isName(host)) return { refused: 'host' }
  const flow = { source, destination: { kind: 'name', name: host }, protocol: 'tcp', port, phase: undefined } as const
  if (referenceDecide(platform, flow, now) === 'deny') return { refused: 'policy' }
  const path = request.path === undefined ? undefined : pathAsJudged(request.path)
  for (const policy of platform.egressPolicies) {
    if (referenceDecide({ ...platform, egressPolicies: [policy] }, flow, now) === 'deny') continue
    if (takes(policy, request.method, path)) return { led: [] }
  }
  return { refused: path === undefined ? 'path' : 'policy' }
}

function isName(host: string): boolean {
  const any = { kind: 'External', name: '', domains: [{ kind: 'domain', name: host.toLowerCase().replace(/\.$/, ''), below: false }], cidrs: [], infrastructure: false, telemetry: false, at: { file: '', line: 1, column: 1 } } as const
  return holdsName(any, host, nobody)
}

function takes({ http }: EgressPolicy, method: string | undefined, path: string | undefined): boolean {
  if (http === undefined) return true
  if (path === undefined) return false
  return (http.methods.length === 0 || (method !== undefined && http.methods.includes(method))) && takesPath(http, path)
}

function takesPath({ paths }: HttpMatch, path: string): boolean {
  for (const pattern of paths) {
    if (pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, pattern.length - 1)))) return true
  }
  return paths.length === 0
}

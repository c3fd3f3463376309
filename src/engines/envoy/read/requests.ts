/** What becomes of a request: virtual host, the first route that fits, and the filters as that route sets them. */
import { leadsTo, requestLeads } from './leads.ts'
import { list, object, text, typeOf } from './values.ts'
import { normalPath } from '../../../net/http-path.ts'
import { policyAllows } from './policy.ts'
import { textMatches } from './text-match.ts'
import type { Attempt, Outcome, Reading } from './attempt.ts'
import type { Unknown } from './values.ts'

export function requestFilters(manager: Unknown, attempt: Attempt, reading: Reading): Outcome {
  const { request } = attempt
  if (request === undefined) return { kind: 'closed' }
  const path = normalPath(request.path)
  if (path === undefined) return { kind: 'answered', status: 400 }
  const port = attempt.sni === undefined ? attempt.port : attempt.arrives
  const host = request.host.toLowerCase().replace(new RegExp(`:${port}$`), '').replace(/\.$/, '')
  const found = virtualHost(list(object(manager['route_config'])['virtual_hosts']).map(object), host)
  const route = list(found?.['routes']).map(object).find((each) => routeFits(object(each['match']), path, request.method))
  const settings = object(route?.['typed_per_filter_config'])
  for (const filter of list(manager['http_filters']).map(object)) {
    const refused = filterRefuses(filter, object(settings[text(filter['name'])]), { ...attempt, request: { ...request, host } })
    if (refused !== undefined) return { kind: 'answered', status: refused }
  }
  if (route === undefined) return { kind: 'answered', status: 404 }
  const direct = object(route['direct_response'])['status']
  if (direct !== undefined) return { kind: 'answered', status: Number(direct) }
  if (route['redirect'] !== undefined) return { kind: 'answered', status: 301 }
  const action = object(route['route'])
  return requestLeads(action, { ...attempt, request: { ...request, host } }, reading) ?? leadsTo(action['cluster'], { ...attempt, sni: undefined }, reading)
}

/** The name itself, else the longest suffix. */
function virtualHost(hosts: readonly Unknown[], name: string): Unknown | undefined {
  let best: Unknown | undefined
  let length = -1
  for (const host of hosts) {
    for (const domain of list(host['domains']).map((each) => text(each).toLowerCase())) {
      const fit = domain === name ? 10_000 : domain.startsWith('*') && name.length >= domain.length && name.endsWith(domain.slice(1)) ? domain.length : -1
      if (fit > length) [best, length] = [host, fit]
    }
  }
  return best
}

/** A request of gRPC is led like any other here: its route differs in the protocol towards the workload alone. */
function routeFits(match: Unknown, path: string, method: string): boolean {
  if (match['grpc'] !== undefined) return false
  const fits = typeof match['path'] === 'string' ? path === match['path'] : typeof match['prefix'] === 'string' ? path.startsWith(match['prefix']) : textMatches(match, path)
  return fits && list(match['headers']).map(object).every((header) => header['name'] === ':method' && textMatches(object(header['string_match']), method))
}

/** The status with which a filter answers instead of letting the request pass. */
function filterRefuses(filter: Unknown, own: Unknown, attempt: Attempt): number | undefined {
  const config = object(filter['typed_config'])
  switch (typeOf(config)) {
    case 'JwtAuthentication': {
      if (own['disabled'] === true || own['requirement_name'] === undefined) return undefined
      const wanted = object(object(config['requirement_map'])[text(own['requirement_name'])])['provider_name']
      const provider = object(object(config['providers'])[text(wanted)])
      const { caller } = attempt
      if (caller.kind !== 'token' || caller.issuer !== provider['issuer']) return 401
      return list(provider['audiences']).some((audience) => caller.audiences.includes(text(audience))) ? undefined : 403
    }
    case 'RBAC': {
      // What a route says takes the place of the filter's own rules. Without rules everything passes; with rules that hold no policy, nothing.
      const rules = typeOf(own) === 'RBACPerRoute' ? object(own['rbac'])['rules'] : config['rules']
      return rules === undefined || policyAllows(object(rules), attempt) ? undefined : 403
    }
    default:
      return undefined
  }
}

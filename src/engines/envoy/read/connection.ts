/** What becomes of a connection in its chain: TLS first, then the filters in order until one leads it on. */
import { list, object, text, typeOf } from './values.ts'
import { leadsTo, tunnelLeads } from './leads.ts'
import { requestFilters } from './requests.ts'
import { textMatches } from './text-match.ts'
import type { Attempt, Outcome, Reading } from './attempt.ts'
import type { Unknown } from './values.ts'

/** They neither lead on nor refuse for what a connection says. */
const harmless = ['ConnectionLimit', 'LocalRateLimit', 'Config', 'FilterConfig']

export function connectionFilters(chain: Unknown, attempt: Attempt, reading: Reading): Outcome {
  const socket = object(object(chain['transport_socket'])['typed_config'])
  if (typeOf(socket) === 'DownstreamTlsContext' && !handshake(socket, attempt, reading)) return { kind: 'closed' }
  for (const filter of list(chain['filters']).map((each) => object(object(each)['typed_config']))) {
    const type = typeOf(filter)
    if (harmless.includes(type)) continue
    if (type === 'TcpProxy') return filter['tunneling_config'] === undefined ? leadsTo(filter['cluster'], attempt, reading) : tunnelLeads(filter, attempt, reading)
    if (type === 'HttpConnectionManager') return requestFilters(filter, attempt, reading)
    return { kind: 'not understood', what: type }
  }
  return { kind: 'closed' }
}

/** A certificate that is shown has to be good, even where none would do. */
function handshake(context: Unknown, { sni, caller }: Attempt, { authorities }: Reading): boolean {
  if (sni === undefined) return false
  const common = object(context['common_tls_context'])
  const validation = object(common['combined_validation_context'])
  const asked = Object.keys(validation).length > 0
  if (caller.kind !== 'certificate') return context['require_client_certificate'] !== true
  if (!asked) return true
  const trusted = authorities.get(text(object(validation['validation_context_sds_secret_config'])['name']))
  if (trusted === undefined) return false
  const vouched = 'file' in trusted
    ? trusted.file === caller.authority
    : trusted.trustDomains.includes(caller.authority) && caller.names.some((name) => name.startsWith(`spiffe://${caller.authority}/`))
  const subjects = list(object(validation['default_validation_context'])['match_typed_subject_alt_names']).map(object)
  return vouched && (subjects.length === 0 || caller.names.some((name) => subjects.some(({ matcher }) => textMatches(object(matcher), name))))
}

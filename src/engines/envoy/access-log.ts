/** One JSON line for each request, and for each connection that is led on whole, with what a verdict record needs. */
import { extension } from './json.ts'
import type { JsonObject } from './json.ts'

/** As Envoy sees it; the host reads it. */
export const accessLogFile = 'access.jsonl'

/** No more than is read: every field of a request's record costs a third of a percent of what the request costs. */
const both: JsonObject = {
  time: '%START_TIME%',
  source: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%',
  destination: '%DOWNSTREAM_LOCAL_ADDRESS%',
  sni: '%REQUESTED_SERVER_NAME%',
  identity: '%DOWNSTREAM_PEER_URI_SAN%',
  upstream: '%UPSTREAM_REMOTE_ADDRESS%',
  received: '%BYTES_RECEIVED%',
  sent: '%BYTES_SENT%',
  flags: '%RESPONSE_FLAGS%',
  details: '%RESPONSE_CODE_DETAILS%',
  closed: '%CONNECTION_TERMINATION_DETAILS%',
  upstreamFailure: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  chain: '%FILTER_CHAIN_NAME%',
}

/** Who makes a request has come through the handshake. */
const connection: JsonObject = { ...both, failure: '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%' }

const request: JsonObject = {
  host: '%REQ(:AUTHORITY)%',
  method: '%REQ(:METHOD)%',
  // Without the query, which may hold what must not be logged.
  path: '%PATH(NQ)%',
  status: '%RESPONSE_CODE%',
  route: '%ROUTE_NAME%',
}

function log(folder: string, kind: string, fields: JsonObject): JsonObject {
  const format = { kind, ...fields }
  return extension('envoy.access_loggers.file', 'envoy.extensions.access_loggers.file.v3.FileAccessLog', {
    path: `${folder}/${accessLogFile}`,
    log_format: { json_format: format },
  })
}

export function requestLog(folder: string): readonly JsonObject[] {
  return [log(folder, 'request', { ...both, ...request })]
}

export function connectionLog(folder: string): readonly JsonObject[] {
  return [log(folder, 'connection', connection)]
}

/** What no chain took: refused before anything else was known of it. */
export function refusedLog(folder: string): readonly JsonObject[] {
  const [entry] = [log(folder, 'refused', connection)]
  return [{ ...entry, filter: { response_flag_filter: { flags: ['NR'] } } }]
}

/**
 * Connections that chains of these names led on, written by their listener: a format in every chain is a third of the work by which
 * Envoy reads a configuration of many.
 */
export function ledLog(folder: string, prefix: string): readonly JsonObject[] {
  const [entry] = connectionLog(folder)
  const expression = `xds.filter_chain_name.startsWith('${prefix}')`
  return [{ ...entry, filter: { extension_filter: extension('envoy.access_loggers.extension_filters.cel', 'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter', { expression }) } }]
}

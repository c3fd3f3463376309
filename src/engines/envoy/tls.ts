/** TLS contexts: what the gateways show, and whom they believe. */
import { duration, extension } from './json.ts'
import { secretFrom } from './secrets.ts'
import type { Json, JsonObject } from './json.ts'
import type { SecretNeed } from './secrets.ts'

const context = 'envoy.extensions.transport_sockets.tls.v3'

/** A name that a certificate has to bear. */
export interface Subject {
  readonly type: 'URI' | 'DNS'
  readonly match: { readonly exact: string } | { readonly prefix: string }
}

export function subjectOf(text: string): Subject {
  return { type: text.startsWith('spiffe:') ? 'URI' : 'DNS', match: { exact: text } }
}

interface Trust {
  readonly roots: SecretNeed
  /** Empty: every name that the roots vouch for. */
  readonly subjects: readonly Subject[]
}

function validation(folder: string, { roots, subjects }: Trust): JsonObject {
  const names: readonly Json[] = subjects.map(({ type, match }) => ({ san_type: type, matcher: { ...match } }))
  return {
    combined_validation_context: {
      default_validation_context: names.length === 0 ? {} : { match_typed_subject_alt_names: names },
      validation_context_sds_secret_config: secretFrom(folder, roots),
    },
  }
}

const modern: JsonObject = { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' }

/** A connection to another gateway: TLS 1.3, the caller's own certificate, and the one destination. */
export function meshClient(folder: string, own: SecretNeed, name: string, server: Trust): JsonObject {
  return extension('envoy.transport_sockets.tls', `${context}.UpstreamTlsContext`, {
    sni: name,
    max_session_keys: 0,
    common_tls_context: { tls_params: modern, tls_certificate_sds_secret_configs: [secretFrom(folder, own)], ...validation(folder, server) },
  })
}

/** A connection from another gateway. A resumed session would skip the check of the certificate. */
export function meshServer(folder: string, own: SecretNeed, client: Trust): JsonObject {
  return extension('envoy.transport_sockets.tls', `${context}.DownstreamTlsContext`, {
    require_client_certificate: true,
    disable_stateless_session_resumption: true,
    disable_stateful_session_resumption: true,
    common_tls_context: { tls_params: modern, tls_certificate_sds_secret_configs: [secretFrom(folder, own)], ...validation(folder, client) },
  })
}

export interface Front {
  readonly certificate: SecretNeed
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** Protocols offered, best first; empty: none is spoken of. */
  readonly alpn: readonly string[]
  /** Whether callers are asked for a certificate, and whether none at all will do. */
  readonly clients: { readonly trust: Trust; readonly required: boolean } | undefined
}

/** What outside clients meet. Only cipher suites with forward secrecy and authenticated encryption, also for TLS 1.2. */
export function frontServer(folder: string, { certificate, minVersion, alpn, clients }: Front): JsonObject {
  return extension('envoy.transport_sockets.tls', `${context}.DownstreamTlsContext`, {
    require_client_certificate: clients?.required ?? false,
    disable_stateless_session_resumption: true,
    disable_stateful_session_resumption: true,
    common_tls_context: {
      ...(alpn.length === 0 ? {} : { alpn_protocols: alpn }),
      tls_params: {
        tls_minimum_protocol_version: minVersion === 'TLSv1.3' ? 'TLSv1_3' : 'TLSv1_2',
        tls_maximum_protocol_version: 'TLSv1_3',
        cipher_suites: ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
      },
      tls_certificate_sds_secret_configs: [secretFrom(folder, certificate)],
      ...(clients === undefined ? {} : validation(folder, clients.trust)),
    },
  })
}

/** A connection to an outside https server, judged by the machine's authorities, also by those that it learns of later. */
export function webClient(folder: string, roots: SecretNeed, host: string): JsonObject {
  return extension('envoy.transport_sockets.tls', `${context}.UpstreamTlsContext`, {
    sni: host,
    auto_host_sni: false,
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
      ...validation(folder, { roots, subjects: [{ type: 'DNS', match: { exact: host } }] }),
    },
  })
}

/** How long a peer may take over its handshake. */
export const handshakeTimeout = duration(10_000)

/** A proxy of connections would otherwise be with the workload before the caller has shown a certificate. */
export const afterHandshake: JsonObject = { upstream_connect_mode: 'ON_DOWNSTREAM_TLS_HANDSHAKE', max_early_data_bytes: 0 }

/** What a TLS context shows and whom it believes; and why it is weaker than what goes between gateways has to be. */
import { list, object, text, typeOf } from './values.ts'
import type { Unknown } from './values.ts'

/** A name that the other side's certificate has to bear: one, or all that begin so. */
export type NameMatcher = { readonly exact: string } | { readonly prefix: string }

export interface TlsReading {
  /** Names of the secrets' files; undefined when there is none, or it is taken from elsewhere. */
  readonly shows: string | undefined
  readonly trusts: string | undefined
  /** Empty: every name that the authorities vouch for. */
  readonly names: readonly NameMatcher[]
  readonly sni: string | undefined
  /** What lets in, or leads to, others than these; each in words. */
  readonly weak: readonly string[]
}

/** `socket`: of a filter chain, or of a cluster. */
export function readTls(socket: unknown, side: 'client' | 'server'): TlsReading {
  const context = object(object(socket)['typed_config'])
  if (typeOf(context) !== (side === 'client' ? 'UpstreamTlsContext' : 'DownstreamTlsContext')) return { shows: undefined, trusts: undefined, names: [], sni: undefined, weak: ['goes in the clear'] }
  const common = object(context['common_tls_context'])
  const combined = object(common['combined_validation_context'])
  const rules = object(combined['default_validation_context'])
  const weak: string[] = []
  if (text(object(common['tls_params'])['tls_minimum_protocol_version']) !== 'TLSv1_3') weak.push('takes less than TLS 1.3')
  if (side === 'server' && context['require_client_certificate'] !== true) weak.push('asks for no certificate')
  if (side === 'server' && (context['disable_stateless_session_resumption'] !== true || context['disable_stateful_session_resumption'] !== true)) weak.push('takes sessions up again without a certificate')
  // Zero is no empty value to Envoy here: unsaid, a session is kept.
  if (side === 'client' && context['max_session_keys'] !== 0) weak.push('takes sessions up again without a certificate')
  if (rules['trust_chain_verification'] !== undefined && rules['trust_chain_verification'] !== 'VERIFY_TRUST_CHAIN') weak.push('takes certificates of anybody')
  for (const key of Object.keys(common)) if (!known.includes(key)) weak.push(`\`${key}\` is not understood`)
  for (const key of Object.keys(rules)) if (!knownRules.includes(key)) weak.push(`\`${key}\` is not understood`)
  const own = list(common['tls_certificate_sds_secret_configs'])
  return {
    shows: own.length === 1 ? secretOf(own[0]) : undefined, trusts: secretOf(combined['validation_context_sds_secret_config']),
    names: list(rules['match_typed_subject_alt_names']).map((each) => nameMatcher(object(each))), sni: typeof context['sni'] === 'string' ? context['sni'] : undefined, weak,
  }
}

const known = ['tls_params', 'tls_certificate_sds_secret_configs', 'combined_validation_context']
const knownRules = ['match_typed_subject_alt_names', 'trust_chain_verification']

/** A secret is read from the file of its own name alone. */
function secretOf(config: unknown): string | undefined {
  const { name, sds_config: from } = object(config)
  const path = text(object(object(from)['path_config_source'])['path'])
  return typeof name === 'string' && path.endsWith(`/${name}`) ? name : undefined
}

/** What is not understood takes every name. */
function nameMatcher(entry: Unknown): NameMatcher {
  const matcher = object(entry['matcher'])
  const plain = entry['san_type'] === 'URI' && matcher['ignore_case'] !== true
  return plain && typeof matcher['exact'] === 'string' ? { exact: matcher['exact'] } : { prefix: plain && typeof matcher['prefix'] === 'string' ? matcher['prefix'] : '' }
}

/**
 * Certificates and keys stay out of the configuration: it names files, the host writes them. Each file that a rendering
 * names is listed as a need, and `secretText` gives what stands in it.
 */
import { canonicalJson } from '../../base/canonical-json.ts'
import { extension, typed } from './json.ts'
import { digest } from './names.ts'
import type { WorkloadId } from '../../model/platform.ts'
import type { Json, JsonObject } from './json.ts'

export type SecretNeed = { readonly file: string } & (
  /** The workload's own certificate and key. */
  | { readonly kind: 'svid'; readonly workload: WorkloadId }
  /** The authorities of these trust domains, each for its own identities alone. Sorted. */
  | { readonly kind: 'bundle'; readonly trustDomains: readonly string[] }
  /** A certificate of the platform's own authority for these names. */
  | { readonly kind: 'server'; readonly hosts: readonly string[] }
  /** The host's files, as an operator wrote them. */
  | { readonly kind: 'certificate'; readonly certificateFile: string; readonly keyFile: string }
  | { readonly kind: 'ca'; readonly caFile: string }
  | { readonly kind: 'client-secret'; readonly secretFile: string }
  /** 32 random bytes of the host's own, kept as long as the sessions that they seal are to last. */
  | { readonly kind: 'seal'; readonly issuer: string }
)

type Without<T> = T extends unknown ? Omit<T, 'file'> : never

/** The need with the name of its file: the same need has the same file everywhere. */
export function need(what: Without<SecretNeed>): SecretNeed {
  const { kind, ...rest } = what
  const own = kind === 'svid' ? (rest as { workload: string }).workload.replace('/', '.') : digest(canonicalJson(rest))
  return Object.freeze({ ...what, file: `sds-${kind}-${own}.json` }) as SecretNeed
}

/** What a configuration says where it wants the secret: Envoy follows the file's replacement by rename. */
export function secretFrom(folder: string, { file }: SecretNeed): JsonObject {
  return { name: file, sds_config: { path_config_source: { path: `${folder}/${file}` }, resource_api_version: 'V3' } }
}

/** What a secret file holds, as texts: certificates and keys are PEM. */
export type SecretMaterial =
  | { readonly kind: 'certificate'; readonly chain: string; readonly key: string }
  /** For `bundle`: the roots of every trust domain. */
  | { readonly kind: 'bundle'; readonly roots: ReadonlyMap<string, string> }
  | { readonly kind: 'ca'; readonly roots: string }
  | { readonly kind: 'secret'; readonly text: string }

/** The text of a secret's file. */
export function secretText({ file }: SecretNeed, material: SecretMaterial): string {
  const secret = typed('envoy.extensions.transport_sockets.tls.v3.Secret', { name: file, ...contentOf(material) })
  return `${canonicalJson({ resources: [secret] })}\n`
}

function contentOf(material: SecretMaterial): JsonObject {
  const inline = (text: string): Json => ({ inline_string: text })
  switch (material.kind) {
    case 'certificate':
      return { tls_certificate: { certificate_chain: inline(material.chain), private_key: inline(material.key) } }
    case 'bundle': {
      const domains = [...material.roots].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, roots]) => ({ name, trust_bundle: inline(roots) }))
      const validator = extension('envoy.tls.cert_validator.spiffe', 'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig', { trust_domains: domains })
      return { validation_context: { custom_validator_config: validator } }
    }
    case 'ca':
      return { validation_context: { trusted_ca: inline(material.roots) } }
    case 'secret':
      return { generic_secret: { secret: inline(material.text) } }
  }
}

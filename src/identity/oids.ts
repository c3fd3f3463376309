/** Object identifiers of RFC 5280, 5480, 8017 and 8410 that certificates here use. */

export const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  extensionRequest: '1.2.840.113549.1.9.14',
  /** Identifiers of keys help to find a certificate and decide nothing. */
  ignorable: ['2.5.29.14', '2.5.29.35'] as readonly string[],
} as const

/** Bits of the key usage extension. */
export const keyUsage = { digitalSignature: 0, keyCertSign: 5, crlSign: 6 } as const

/** Signature algorithms that are accepted, with the type of key and the digest that node:crypto knows them by. */
export const signatureDigests: ReadonlyMap<string, { readonly key: 'ec' | 'rsa' | 'ed25519'; readonly digest: string | null }> = new Map([
  ['1.2.840.10045.4.3.2', { key: 'ec', digest: 'sha256' }],
  ['1.2.840.10045.4.3.3', { key: 'ec', digest: 'sha384' }],
  ['1.2.840.10045.4.3.4', { key: 'ec', digest: 'sha512' }],
  ['1.2.840.113549.1.1.11', { key: 'rsa', digest: 'sha256' }],
  ['1.2.840.113549.1.1.12', { key: 'rsa', digest: 'sha384' }],
  ['1.2.840.113549.1.1.13', { key: 'rsa', digest: 'sha512' }],
  ['1.3.101.112', { key: 'ed25519', digest: null }],
])

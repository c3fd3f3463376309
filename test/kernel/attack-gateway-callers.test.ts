/** Tokens, certificates and handshakes that are not what they say, against the inbound gateway. */
import { onStage } from './lib/gateway-stage.ts'

const { outcomes } = onStage('gateway-attack-callers-main.ts')

const each = (names: readonly string[], value: unknown): Record<string, unknown> => Object.fromEntries(names.map((name) => [name, value]))
const alice = '200 https://issuer.example.org#alice'
const ours = '200 spiffe://bulkhead.internal/enclave/a/workload/client'
const theirs = '200 spiffe://north.example/enclave/lab/workload/store'

outcomes('a token counts when the issuer signed it, in the way of its key, for us, for now', {
  tokens: {
    ...each(['a good one of an elliptic key', 'a good one of an RSA key', 'a good one without a key\'s name', 'expired a while ago, within the tolerance of clocks'], alice),
    ...each([
      'alg none', 'alg None', 'alg NONE', 'alg nOnE', 'alg empty', 'no alg', 'alg none with a signature', 'no signature', 'no second dot', 'a signature of nulls', 'the signature of another',
      'HS256 by the RSA key as PEM', 'HS256 by the RSA key as PEM, without its end', 'HS256 by the RSA key as PKCS1', 'HS256 by the RSA key as DER', 'HS512 by the RSA key', 'HS256 by the modulus', 'HS256 by the elliptic key', 'HS256 by nothing', 'RS256 with the elliptic key\'s name', 'ES256 with the RSA key\'s name', 'PS256 of the RSA key',
      'a key of its own', 'a key of its own, with a known name', 'keys by jku', 'keys by x5u', 'a chain of its own', 'a key\'s name that is a path', 'a key\'s name that is a query', 'a key\'s name that is no text', 'an unknown key\'s name', 'a key\'s name with a NUL',
      'expired', 'not yet valid', 'for ever', 'an end as text', 'an end beyond numbers', 'an end below nothing', 'an end that is null', 'another issuer', 'an issuer that only begins so', 'an issuer in another case', 'two issuers', 'no issuer', 'an audience as an object',
      'claims that are no object', 'claims that are no JSON', 'nothing at all', 'dots', 'very long', 'a subject that is no text',
    ], '401 nothing'),
    ...each(['an extension that has to be understood', 'an extension without a name', 'an extension that is none', 'another audience', 'other audiences', 'no audience', 'an empty audience'], '403 nothing'),
    // Signed by the issuer, so what they say is its word; they can say it in one header alone.
    ...each(['a subject with line breaks', 'a subject with a NUL'], '503 nothing'),
    'a subject that speaks for another issuer': '200 https://issuer.example.org#x,https://issuer.example.org#root',
    'a subject with letters': `200 https://issuer.example.org#${Buffer.from('J\u00fcrgen').toString('latin1')}`,
    'no subject': '200 https://issuer.example.org#',
  },
})
outcomes('a token counts in one header, alone, and a claim only where the issuer wrote it', {
  'tokens elsewhere': {
    ...each(['in the query', 'in a cookie', 'in a body', 'in another header', 'as another scheme', 'without a scheme', 'a bad one after a good one', 'a good one after a bad one', 'two people'], '401 nothing'),
    ...each(['a claim in the query', 'a claim in another object', 'a claim that only begins so', 'a claim with its name dotted', 'the admin path in disguise'], '403 nothing'),
    'the claim': alice,
  },
})
outcomes('a certificate opens to the names of one trust domain, under that domain\'s own authority', {
  certificates: {
    ...each(['who may', 'signed by an authority below ours'], ours),
    ...each(['a peer that may', 'a peer for itself and a name'], theirs),
    ...each(['another of ours', 'a peer for itself and ours', 'a peer for something of its own and ours', 'a peer for itself and a third', 'a wildcard', 'a name that ends in a NUL', 'a name with a slash more', 'a name with an escape'], '403 nothing'),
    ...each(['a foreign authority', 'a peer for ours', 'a peer for ours and itself', 'an authority', 'signed by a workload', 'expired', 'not yet valid', 'may sign', 'a name in another case', 'a name as a common name', 'a name as a DNS name', 'another trust domain'], 'closed nothing'),
  },
})
outcomes('an authority of files vouches for names, and for no identity of ours', {
  'certificates of an authority of files': {
    'who may': '200 client.partner.example',
    ...each(['another name', 'a wildcard', 'a name that ends in a NUL', 'a common name', 'who may, with one of our identities'], '403 nothing'),
    ...each(['signed by a client', 'expired', 'a foreign authority', 'our own authority'], 'closed nothing'),
  },
  'certificates where every name will do': { 'any name': '200 any.partner.example', ...each(['one of our identities', 'one of our identities and a name', 'an identity as a DNS name'], '403 nothing') },
})
outcomes('connections that are led on whole ask the same, and are open to one trust domain alone', {
  'connections to stream': {
    ...each(['who may', 'signed by an authority below ours'], ['web: hello', 1]),
    ...each(['a peer that may', 'another of ours', 'a peer for ours', 'a peer for itself and ours', 'a peer for something of its own and ours', 'a peer for ours and itself', 'a peer for itself and a third', 'a peer for itself and a name', 'an authority', 'signed by a workload', 'expired', 'not yet valid'], ['closed', 0]),
  },
  'connections to mixed': each(['who may', 'signed by an authority below ours', 'a peer that may', 'another of ours', 'a peer for ours', 'a peer for itself and ours', 'a peer for something of its own and ours', 'a peer for ours and itself', 'a peer for itself and a third', 'a peer for itself and a name', 'an authority', 'signed by a workload', 'expired', 'not yet valid'], ['closed', 0]),
  'reached while nobody was proven': 0,
})
outcomes('old versions and weak ciphers are not spoken', {
  handshakes: {
    'TLS 1.2': 'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256', 'TLS 1.3': 'TLSv1.3 TLS_AES_256_GCM_SHA384',
    ...each(['TLS 1.0', 'TLS 1.1', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384', 'AES128-SHA', 'AES128-GCM-SHA256', 'aNULL', 'eNULL', 'ECDHE-ECDSA-NULL-SHA', 'DHE-RSA-AES128-GCM-SHA256', 'the mesh by TLS 1.2'], 'closed'),
  },
})
outcomes('no session is taken up again: every handshake proves anew who calls', Object.fromEntries(['TLSv1.2', 'TLSv1.3'].flatMap((version) => [
  [`a session of one caller taken up by nobody, ${version}`, { resumed: false, got: 'closed' }],
  [`a session of one caller taken up by another, ${version}`, { resumed: false, got: '403' }],
  [`a session of an open name taken up for one that asks, ${version}`, { resumed: false, got: 'closed' }],
])))
outcomes('nothing is negotiated twice, compressed, or said before the handshake', {
  renegotiation: { asked: true, done: false, compressed: false },
  'early data': { accepted: false, reached: '' },
})

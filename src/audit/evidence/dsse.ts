/**
 * Signed envelopes as DSSE v1 describes them: a signature stands for the type and the bytes of the payload, in that order and
 * with their lengths (PAE). One envelope has one text: what is written in another way is not accepted, so no byte can differ.
 */
import { createHash, createPublicKey, sign, verify } from 'node:crypto'
import { Fault, messageOf } from '../../base/fault.ts'
import type { KeyObject } from 'node:crypto'

const payloadType = 'application/vnd.in-toto+json'

export interface Envelope {
  readonly payloadType: string
  /** Base64. */
  readonly payload: string
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[]
}

/** `DSSEv1`, then length and bytes of the type and of the body, with single spaces between: what is signed. */
export function preAuthenticationEncoding(type: string, body: Uint8Array): Buffer {
  const typeBytes = Buffer.from(type, 'utf8')
  return Buffer.concat([Buffer.from(`DSSEv1 ${typeBytes.length} `), typeBytes, Buffer.from(` ${body.length} `), body])
}

/** SHA-256 of the public key's DER form. */
export function keyId(key: KeyObject): string {
  const open = key.type === 'private' ? createPublicKey(key) : key
  return createHash('sha256').update(open.export({ format: 'der', type: 'spki' })).digest('hex')
}

/** The text of the envelope, with a line break at its end. */
export function sealEnvelope(payload: Uint8Array, key: KeyObject): string {
  const sig = sign(null, preAuthenticationEncoding(payloadType, payload), key)
  return formatEnvelope({ payloadType, payload: Buffer.from(payload).toString('base64'), signatures: [{ keyid: keyId(key), sig: sig.toString('base64') }] })
}

function formatEnvelope({ payloadType: type, payload, signatures }: Envelope): string {
  return `${JSON.stringify({ payloadType: type, payload, signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig })) })}\n`
}

/** The payload of an envelope that `key` has signed; anything else is a Fault that says why. */
export function openEnvelope(bytes: Uint8Array, key: KeyObject): Buffer {
  const text = decoded(bytes)
  let envelope: Envelope
  try {
    envelope = JSON.parse(text) as Envelope
  } catch (error) {
    throw invalid(`it is not JSON: ${messageOf(error)}`)
  }
  const { payload, signatures } = envelope as Partial<Envelope>
  if (typeof payload !== 'string' || !Array.isArray(signatures)) throw invalid('it is no envelope')
  if (envelope.payloadType !== payloadType) throw invalid('its payload is of another type')
  if (signatures.length !== 1) throw invalid(signatures.length === 0 ? 'nobody has signed it' : 'it has more than one signature')
  const [signature] = signatures as Envelope['signatures']
  if (typeof signature?.keyid !== 'string' || typeof signature.sig !== 'string') throw invalid('it is no envelope')
  // One text for one envelope: other spaces, keys twice or in another order, bytes behind it and other forms of base64 are another text.
  const body = Buffer.from(payload, 'base64')
  const sig = Buffer.from(signature.sig, 'base64')
  const same = formatEnvelope({ payloadType, payload: body.toString('base64'), signatures: [{ keyid: signature.keyid, sig: sig.toString('base64') }] })
  if (text !== same) throw invalid('it is not written as evidence is')
  if (signature.keyid !== keyId(key)) throw invalid('it names another key')
  if (!verify(null, preAuthenticationEncoding(payloadType, body), key, sig)) throw invalid('the signature is not that of this key over these bytes')
  return body
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw invalid('it is not UTF-8 text')
  }
}

export function invalid(why: string): Fault {
  return new Fault('evidence-invalid', `this is not evidence that the key has signed: ${why}`)
}

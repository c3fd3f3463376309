/** The names by which Envoy, its access log and Bulkhead speak of the same thing. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { canonicalJson } from '../../base/canonical-json.ts'

/** In this header, and in no other, a workload finds who called: a SPIFFE ID, a DNS name, or `ISSUER#SUBJECT` of a token. */
export const identityHeader = 'x-bulkhead-identity'

/**
 * The name that an outbound gateway asks an inbound one for: who calls, which port, of whom. Each caller has a name of its own
 * there, so that to end one caller's connections ends nobody else's. The certificates decide, not this name: it only chooses which are asked for.
 * `tried`: by verification, whose stand-ins have chains of their own.
 */
export function meshName(caller: string, port: number, workload: string, enclave: string, trustDomain: string, tried = false): string {
  return `${tried ? 't' : 's'}${digest(caller)}.${meshSuffix(port, workload, enclave, trustDomain)}`
}

/** What the names of all callers of one port end with. */
export function meshSuffix(port: number, workload: string, enclave: string, trustDomain: string): string {
  return `p${port}.${workload}.${enclave}.${trustDomain}`
}

/** A name that changes with the content: Envoy ends the connections of a chain whose name is gone. */
export function named(prefix: string, content: unknown): string {
  return `${prefix}:${fingerprint(canonicalJson(content))}`
}

/** 128 bits, as 32 hexadecimal digits, for names by which one tenant's things are kept from another's: nobody finds two contents of one digest. */
export function digest(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text))).slice(0, 32)
}

/** 64 bits, as 16 hexadecimal digits, by two runs of FNV-1a, ten times as fast. It tells versions of one thing apart; who wants to finds two of one fingerprint. */
export function fingerprint(text: string): string {
  let [low, high] = [0x811c_9dc5, 0xc59d_1c81]
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x0100_0193)
    high = Math.imul(high ^ (unit + i), 0x0100_0193) ^ (low >>> 15)
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
}

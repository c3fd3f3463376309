/** Trust in nobody, where a list of roots has to hold one: a root whose key was thrown away before anybody could use it. */
import { authorityName, newKeyPair, rootCertificate } from './certify.ts'
import { toPem } from './pem.ts'

const made = new Map<string, string>()
/** RFC 5280, 4.1.2.5: without an end, because there is nothing that could end. */
const noEnd = Date.parse('9999-12-31T23:59:59Z')

/** PEM; the same for a trust domain as long as this process lives. */
export function nobodysRoot(trustDomain: string): string {
  const before = made.get(trustDomain)
  if (before !== undefined) return before
  const root = toPem('CERTIFICATE', rootCertificate({ ...newKeyPair(), name: authorityName('root', 'of nobody') }, trustDomain, 0, noEnd))
  made.set(trustDomain, root)
  return root
}

/** The key sets that policies name as files of this host: read when a set is designed, so that one state has one text. */
import { readFileSync } from 'node:fs'
import type { Intent } from '../../intent/intent.ts'

/** One that cannot be read is left out; what needs it is refused. */
export function readKeySets(intent: Intent): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const { via } of intent.paths) {
    if (via.kind !== 'proxy' || !('jwks' in via.proxy.authentication)) continue
    const { jwks } = via.proxy.authentication
    if (jwks.kind !== 'file' || found.has(jwks.file)) continue
    try {
      found.set(jwks.file, readFileSync(jwks.file, 'utf8'))
    } catch {
      // Refused by name.
    }
  }
  return found
}

/** The key sets that policies name as files of this host: read when a set is designed, so that one state has one text, and looked at for another. */
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

/**
 * Tells whether the files hold something else than `used`: at the second look that finds the same, since a file may be in the
 * middle of being written. An issuer's new keys need no apply then.
 */
export function createKeySetLook(): (intent: Intent, used: ReadonlyMap<string, string>) => boolean {
  let seen = ''
  return (intent, used) => {
    const found = readKeySets(intent)
    const text = JSON.stringify([...found])
    const settled = text === seen
    seen = text
    return settled && text !== JSON.stringify([...used])
  }
}

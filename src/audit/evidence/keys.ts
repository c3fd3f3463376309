/** The key that signs evidence: Ed25519, private to its owner; the public half is for whoever checks. */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Fault } from '../../base/fault.ts'
import { readPrivate } from '../../identity/private-files.ts'
import type { KeyObject } from 'node:crypto'

/** Writes FILE (0600) and FILE.pub, neither of which may be there. */
export function makeEvidenceKey(path: string): { readonly privateFile: string; readonly publicFile: string; readonly key: KeyObject } {
  const publicFile = `${path}.pub`
  for (const file of [path, publicFile]) if (existsSync(file)) throw new Fault('evidence-key-unusable', `\`${file}\` is there already`, { help: 'a key is never replaced: evidence that it has signed could not be checked any more; name another file with --key' })
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  writeFileSync(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600, flag: 'wx' })
  writeFileSync(publicFile, publicKey.export({ format: 'pem', type: 'spki' }), { mode: 0o644, flag: 'wx' })
  return { privateFile: path, publicFile, key: publicKey }
}

/** A private key that nobody else can read. */
export function loadSigningKey(path: string): KeyObject {
  const text = readPrivate(path)
  if (text === undefined) throw new Fault('evidence-key-unusable', `there is no key at \`${path}\``, { help: 'make one with `bulkhead evidence key`' })
  return ed25519(path, () => createPrivateKey(text))
}

/** A public key; a private one is refused, so that nobody gets used to handing it round. */
export function loadCheckingKey(path: string): KeyObject {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Fault('evidence-key-unusable', `\`${path}\` cannot be read`, { cause: error })
  }
  if (text.includes('PRIVATE KEY')) throw new Fault('evidence-key-unusable', `\`${path}\` is a private key`, { help: 'check with the public key, and keep this one to its owner' })
  return ed25519(path, () => createPublicKey(text))
}

function ed25519(path: string, read: () => KeyObject): KeyObject {
  let key: KeyObject
  try {
    key = read()
  } catch (error) {
    throw new Fault('evidence-key-unusable', `\`${path}\` is not a key in PEM`, { cause: error })
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Fault('evidence-key-unusable', `\`${path}\` is not an Ed25519 key`)
  return key
}

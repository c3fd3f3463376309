/** Asks an authority elsewhere for an intermediate: a key that never leaves this machine, and a request to have it signed. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { newId } from './root-rotation.ts'
import { authorityName, certificateRequest, newKeyPair } from './certify.ts'
import { toPem } from './pem.ts'
import { privateFolder, writePrivate } from './private-files.ts'
import { isTrustDomain } from './spiffe-id.ts'

/** Writes `intermediate_key.pem` and `intermediate.csr` into the folder. Never replaces a key. */
export function requestIntermediate(folder: string, trustDomain: string): { readonly keyFile: string; readonly requestFile: string } {
  if (!isTrustDomain(trustDomain)) throw new Fault('spiffe-id-invalid', `\`${trustDomain}\` is not the name of a trust domain`)
  const keyFile = join(privateFolder(folder), 'intermediate_key.pem')
  const requestFile = join(folder, 'intermediate.csr')
  if (existsSync(keyFile)) throw new Fault('usage', `\`${keyFile}\` is there already`, { help: 'name another folder: a key that may be in use is not replaced' })
  const pair = newKeyPair()
  writePrivate(keyFile, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  writePrivate(requestFile, toPem('CERTIFICATE REQUEST', certificateRequest({ ...pair, name: authorityName('intermediate', newId()) }, trustDomain)))
  return { keyFile, requestFile }
}

/** A certificate authority for tests, made by openssl: short, and willing to sign anything. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Issued { readonly chain: string; readonly key: string }
export interface Wanted { readonly uri?: string; readonly dns?: string }

export interface Authority {
  /** The trust domain. */
  readonly name: string
  readonly root: string
  readonly issue: (wanted: Wanted) => Issued
}

const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

export function authority(name: string): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'authority-'))
  const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  openssl('req', '-x509', ...fresh, '-keyout', 'root.key', '-out', 'root.pem', '-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=URI:spiffe://${name}`, '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
  const issue = ({ uri, dns }: Wanted): Issued => {
    writeFileSync(join(folder, 'leaf.ext'), [
      'basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth,serverAuth', `subjectAltName=${uri === undefined ? `DNS:${dns ?? 'any.example.org'}` : `URI:${uri}`}`,
    ].join('\n'))
    openssl('req', ...fresh, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=leaf')
    openssl('x509', '-req', '-in', 'leaf.csr', '-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '1', '-extfile', 'leaf.ext', '-out', 'leaf.pem')
    return { chain: readFileSync(join(folder, 'leaf.pem'), 'utf8'), key: readFileSync(join(folder, 'leaf.key'), 'utf8') }
  }
  return { name, root: readFileSync(join(folder, 'root.pem'), 'utf8'), issue }
}

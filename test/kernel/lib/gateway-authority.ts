/** A certificate authority for tests, made by openssl: short, and willing to sign anything. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPrivateKey } from 'node:crypto'
import { readCertificate } from '../../../src/identity/certificate.ts'
import { newKeyPair, svidCertificate } from '../../../src/identity/certify.ts'
import { certificatesOfPem, toPem } from '../../../src/identity/pem.ts'

export interface Issued { readonly chain: string; readonly key: string }
export interface Wanted {
  readonly uri?: string
  readonly dns?: string
  /** The whole of `subjectAltName`, as openssl reads it; for more names than one, and for strange ones. */
  readonly names?: string
  /** An authority of its own, which may sign on. */
  readonly ca?: boolean
  /** Times as openssl writes them, `YYYYMMDDHHMMSSZ`. */
  readonly from?: string
  readonly until?: string
  /** Signs in place of the root; its chain is sent along. */
  readonly signer?: Issued
  /** The common name. */
  readonly subject?: string
  readonly usage?: string
}

export interface Authority {
  /** The trust domain. */
  readonly name: string
  readonly root: string
  readonly issue: (wanted: Wanted) => Issued
  /** An SVID that is valid from the one to the other instant: milliseconds from now. */
  readonly issueFor: (uri: string, from: number, to: number) => Issued
}

const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

export function authority(name: string): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-authority-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  openssl('req', '-x509', ...fresh, '-keyout', 'root.key', '-out', 'root.pem', '-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=URI:spiffe://${name}`, '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-addext', 'subjectKeyIdentifier=none')
  const issue = ({ uri, dns, names, ca = false, from, until, signer, subject = 'leaf', usage = 'digitalSignature' }: Wanted): Issued => {
    const san = names ?? (uri === undefined ? `DNS:${dns ?? 'any.example.org'}` : `URI:${uri}`)
    writeFileSync(join(folder, 'leaf.ext'), [
      `basicConstraints=critical,CA:${ca ? 'TRUE' : 'FALSE'}`, `keyUsage=critical,${ca ? 'keyCertSign,digitalSignature' : usage}`, 'extendedKeyUsage=clientAuth,serverAuth', ...(san === '' ? [] : [`subjectAltName=${san}`]),
    ].join('\n'))
    if (signer !== undefined) {
      writeFileSync(join(folder, 'signer.pem'), signer.chain)
      writeFileSync(join(folder, 'signer.key'), signer.key)
    }
    const by = signer === undefined ? 'root' : 'signer'
    openssl('req', ...fresh, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', `/CN=${subject}`)
    if (from === undefined && until === undefined) openssl('x509', '-req', '-in', 'leaf.csr', '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-days', '1', '-extfile', 'leaf.ext', '-out', 'leaf.pem')
    else {
      // Only `ca` is told both times.
      writeFileSync(join(folder, 'index'), '')
      writeFileSync(join(folder, 'ca.conf'), '[ca]\ndefault_ca=x\n[x]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=optional\n')
      openssl('ca', '-batch', '-notext', '-config', 'ca.conf', '-in', 'leaf.csr', '-cert', `${by}.pem`, '-keyfile', `${by}.key`, '-startdate', from ?? '20200101000000Z', '-enddate', until ?? '20491231235959Z', '-extfile', 'leaf.ext', '-out', 'leaf.pem')
    }
    return { chain: readFileSync(join(folder, 'leaf.pem'), 'utf8') + (signer?.chain ?? ''), key: readFileSync(join(folder, 'leaf.key'), 'utf8') }
  }
  const root = readFileSync(join(folder, 'root.pem'), 'utf8')
  const issueFor = (uri: string, from: number, to: number): Issued => {
    const certificate = readCertificate(certificatesOfPem(root)?.[0] ?? Buffer.alloc(0))
    if (certificate.kind === 'malformed') throw new Error(certificate.reason)
    const signer = { name: Buffer.from(certificate.subject, 'base64'), publicKey: certificate.publicKey, privateKey: createPrivateKey(readFileSync(join(folder, 'root.key'))) }
    const pair = newKeyPair()
    const der = svidCertificate(signer, uri, pair.publicKey, Date.now() + from, Date.now() + to)
    return { chain: toPem('CERTIFICATE', der), key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
  }
  return { name, root, issue, issueFor }
}

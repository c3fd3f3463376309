// A certificate authority for the stand-ins, made anew at each start; its key is gone before anybody is served.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The authority's certificate, and a certificate and its key for servers of these names; all as PEM, for two days. */
export function certify(names) {
  const folder = mkdtempSync(join(tmpdir(), 'stand-ins-'))
  const make = (name, subject, ...more) => execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2', '-subj', `/CN=${subject}`,
    '-keyout', `${name}-key.pem`, '-out', `${name}.pem`, ...more.flatMap((extension) => (extension.startsWith('-') ? extension.split(' ') : ['-addext', extension])),
  ], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const read = (name) => readFileSync(join(folder, name), 'utf8')
  try {
    make('authority', 'Authority of the stand-ins', 'keyUsage=critical,keyCertSign')
    make('server', 'stand-in', '-CA authority.pem', '-CAkey authority-key.pem', 'basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature', `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`)
    return { authority: read('authority.pem'), certificate: read('server.pem'), key: read('server-key.pem') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

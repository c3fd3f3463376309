/** Descriptors that came from whoever started this program. */
import { closeSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'

/**
 * Closes what the caller left open for whoever it starts, but for the standard three: a file of an operator's shell is not
 * for an agent that lives on, and still less for a workload.
 */
export function closeInherited(): void {
  const spared = certificates()
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name)
    if (fd <= 2) continue
    try {
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0'
      // Node's own are closed on exec (open(2), O_CLOEXEC); what came from outside is not.
      if ((Number.parseInt(flags, 8) & 0o2_000_000) !== 0) continue
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      if (!spared.some((path) => target === path || target.startsWith(`${path}/`))) closeSync(fd)
    } catch {
      // The folder's own descriptor, which is closed by now.
    }
  }
}

/** Where systems keep certificates for everybody to read. */
const systemCertificates = ['/etc/ssl/certs', '/etc/pki/tls/certs', '/etc/pki/ca-trust', '/usr/share/ca-certificates', '/usr/local/share/ca-certificates'] as const

/**
 * What a thread of Node's own may be reading at this moment, through descriptors that are not closed on exec (OpenSSL's
 * `BIO_new_file`, Node 24): closing one of these under it ends the process. There is no secret in them.
 */
function certificates(): readonly string[] {
  const extra = process.env['NODE_EXTRA_CA_CERTS']
  if (extra === undefined || extra === '') return systemCertificates
  try {
    return [...systemCertificates, realpathSync(extra)]
  } catch {
    return systemCertificates
  }
}

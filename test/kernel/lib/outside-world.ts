/**
 * What plays the outside of a sandbox in tests of gateways: a name server and web servers, with and without TLS, that answer at
 * every address and say who they think was asked for.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../../../src/base/process.ts'

export interface OutsideWorld {
  /** For `up --outside`. */
  readonly command: string
  /** The authority of its servers, as PEM in a file. */
  readonly authority: string
  /** The address of its name server. */
  readonly nameServer: string
  /** From now on its name server tells these addresses instead. */
  readonly lead: (names: Readonly<Record<string, readonly string[]>>) => void
}

const program = fileURLToPath(new URL('outside-world-main.ts', import.meta.url))

/** `names` are the addresses that its name server tells. Everything it needs is written to `folder`. */
export async function outsideWorld(folder: string, names: Readonly<Record<string, readonly string[]>>, nameServer = '198.51.100.53'): Promise<OutsideWorld> {
  const at = (name: string): string => join(folder, name)
  const subjects = Object.keys(names).map((name) => `DNS:${name}`).join(',')
  const made = await run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at('outside-key.pem'), '-out', at('outside-cert.pem'), '-days', '2', '-subj', '/CN=outside', '-addext', `subjectAltName=${subjects}`])
  if (made.code !== 0) throw new Error(made.stderr)
  const lead = (to: Readonly<Record<string, readonly string[]>>): void => {
    writeFileSync(at('outside-names.new'), JSON.stringify(to))
    renameSync(at('outside-names.new'), at('outside-names'))
  }
  lead(names)
  writeFileSync(at('outside.json'), JSON.stringify({ namesFile: at('outside-names'), nameServer, key: at('outside-key.pem'), certificate: at('outside-cert.pem'), log: at('outside-questions') }))
  writeFileSync(at('outside-questions'), '')
  return { command: `exec '${process.execPath}' '${program}' '${at('outside.json')}'`, authority: at('outside-cert.pem'), nameServer, lead }
}

/** For tests: folders of their own, authorities with a clock to turn, and certificates made by the real openssl. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { manualClock } from '../base/clock.ts'
import { openAuthority } from './authority.ts'
import { certificatesOfPem } from './pem.ts'
import type { Authority, AuthorityOptions } from './authority.ts'
import type { Svid } from './svid.ts'

export const start = Date.parse('2027-03-01T12:00:00Z')
export const minute = 60_000
export const hour = 60 * minute

export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-identity-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface TestAuthority {
  readonly authority: Authority
  readonly folder: string
  /** Moves the wall clock and the other one. */
  readonly advance: (ms: number) => void
  /** Moves the wall clock alone, as somebody who sets it. */
  readonly jump: (ms: number) => void
  readonly now: () => number
  /** As a new process would, with the same clocks. */
  readonly reopen: () => Authority
}

export function testAuthority(t: TestContext, trustDomain = 'tre.example.org', more: Partial<AuthorityOptions> = {}): TestAuthority {
  const wall = manualClock(start)
  const steady = manualClock(0)
  const folder = join(scratch(t), 'authority')
  const options: AuthorityOptions = { folder, trustDomain, supplied: undefined, svidSeconds: 3600, clock: wall.now, monotonic: steady.now, ...more }
  return {
    authority: openAuthority(options), folder: options.folder, now: wall.now, jump: wall.advance, reopen: () => openAuthority(options),
    advance: (ms) => {
      wall.advance(ms)
      steady.advance(ms)
    },
  }
}

export function chainOf(svid: Svid): readonly Buffer[] {
  return certificatesOfPem(svid.chain) ?? []
}

export interface Said {
  readonly code: number | null
  readonly text: string
}

export function openssl(args: readonly string[]): Said {
  const { status, stdout, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8', timeout: 20_000 })
  if (error !== undefined) throw error
  return { code: status, text: stdout + stderr }
}

export interface Made {
  readonly der: Buffer
  readonly certificateFile: string
  readonly keyFile: string
}

/** A certificate that openssl makes: signed by `by`, or by itself. Nothing is in it but what `extensions` says. */
export function makeCertificate(folder: string, name: string, options: { readonly subject?: string; readonly by?: Made; readonly extensions: readonly string[]; readonly key?: readonly string[] }): Made {
  const config = join(folder, 'openssl.cnf')
  writeFileSync(config, '[req]\ndistinguished_name = name\n[name]\n')
  const made = { certificateFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}_key.pem`) }
  const by = options.by === undefined ? [] : ['-CA', options.by.certificateFile, '-CAkey', options.by.keyFile]
  const said = openssl([
    'req', '-x509', '-config', config, '-newkey', ...(options.key ?? ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']), '-nodes', '-days', '30', '-subj', options.subject ?? '/',
    '-keyout', made.keyFile, '-out', made.certificateFile, ...by, ...options.extensions.flatMap((e) => ['-addext', e]),
  ])
  if (said.code !== 0) throw new Error(said.text)
  const [der] = certificatesOfPem(readFileSync(made.certificateFile, 'utf8')) ?? []
  if (der === undefined) throw new Error('openssl wrote no certificate')
  return { ...made, der }
}

export const authorityExtensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign']
export const svidExtensions = (...uris: readonly string[]): readonly string[] => [
  'basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature', 'extendedKeyUsage=serverAuth,clientAuth',
  ...(uris.length === 0 ? [] : [`subjectAltName=critical,${uris.map((uri) => `URI:${uri}`).join(',')}`]),
]

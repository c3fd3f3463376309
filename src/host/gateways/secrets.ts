/**
 * What a gateway's configuration names and does not hold: certificates, keys, authorities. Each is a file of its
 * own that is replaced when it changes. One that cannot be had is left out and told: what needs it stays closed.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../base/fault.ts'
import { secretText } from '../../engines/envoy/secrets.ts'
import { bundlePem } from '../../identity/bundle.ts'
import { nobodysRoot } from '../../identity/nobody.ts'
import { readPrivate, writePrivate } from '../../identity/private-files.ts'
import { replaceIfOther } from './files.ts'
import type { SecretMaterial, SecretNeed } from '../../engines/envoy/secrets.ts'
import type { TrustBundle } from '../../identity/bundle.ts'
import type { Authority } from '../../identity/authority.ts'
import type { Svid } from '../../identity/svid.ts'
import type { WorkloadId } from '../../model/platform.ts'

export interface SecretSource {
  readonly authority: () => Authority | undefined
  readonly svidOf: (workload: WorkloadId) => Svid | undefined
  /** A certificate for these names, from the platform's own authority; kept until it is half used up. */
  readonly serverFor: (hosts: readonly string[]) => { readonly chain: string; readonly key: string } | undefined
  /** Of other platforms, by trust domain. */
  readonly bundles: () => ReadonlyMap<string, TrustBundle>
  /** Where what has to outlive the gateways is kept. */
  readonly kept: string
}

/** Writes what is another than before; gives what could not be had. */
export function writeSecrets(folder: string, needs: readonly SecretNeed[], source: SecretSource, owner: number | undefined): readonly string[] {
  const problems: string[] = []
  for (const need of needs) {
    try {
      const material = materialOf(need, source)
      if (material === undefined) problems.push(`\`${need.file}\` cannot be made yet: the certificate authority has not issued it`)
      else replaceIfOther(folder, need.file, secretText(need, material), owner)
    } catch (error) {
      problems.push(messageOf(error))
    }
  }
  return problems
}

/** Keys that nothing names any more go; call it when no configuration in use names them. */
export function removeSecrets(folder: string, needs: readonly SecretNeed[]): void {
  const needed = new Set(needs.map((n) => n.file))
  for (const name of secretsIn(folder)) if (!needed.has(name)) rmSync(join(folder, name), { force: true })
}

/** How many lie there, those of the configuration before included. */
export function secretCount(folder: string): number {
  return secretsIn(folder).length
}

function secretsIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => /^sds-.*\.json$/.test(name))
}

function materialOf(need: SecretNeed, source: SecretSource): SecretMaterial | undefined {
  switch (need.kind) {
    case 'svid': {
      const svid = source.svidOf(need.workload)
      return svid === undefined ? undefined : { kind: 'certificate', chain: svid.chain, key: svid.key.reveal() }
    }
    case 'bundle': {
      const authority = source.authority()
      const known = new Map([...source.bundles(), ...(authority === undefined ? [] : [[authority.trustDomain, authority.bundle()] as const])])
      // A trust domain whose bundle is not known vouches for nobody; the others go on. An empty file would leave the one before in force.
      const rootsOf = (domain: string): string => {
        const bundle = known.get(domain)
        return bundle === undefined ? nobodysRoot(domain) : bundlePem(bundle)
      }
      return authority === undefined ? undefined : { kind: 'bundle', roots: new Map(need.trustDomains.map((domain) => [domain, rootsOf(domain)])) }
    }
    case 'server': {
      const made = source.serverFor(need.hosts)
      return made === undefined ? undefined : { kind: 'certificate', ...made }
    }
    case 'certificate': return { kind: 'certificate', chain: readFileSync(need.certificateFile, 'utf8'), key: readFileSync(need.keyFile, 'utf8') }
    case 'ca': return { kind: 'ca', roots: readFileSync(need.caFile, 'utf8') }
    case 'client-secret': return { kind: 'secret', text: readFileSync(need.secretFile, 'utf8').trim() }
    case 'seal': return { kind: 'secret', text: sealOf(need.issuer, source.kept) }
  }
}

/** Sessions that it seals outlive gateways and agents. */
function sealOf(issuer: string, kept: string): string {
  mkdirSync(kept, { recursive: true, mode: 0o700 })
  const path = join(kept, `seal-${createHash('sha256').update(issuer).digest('hex').slice(0, 32)}`)
  const there = readPrivate(path)
  if (there !== undefined) return there
  const made = randomBytes(32).toString('base64')
  writePrivate(path, made)
  return made
}

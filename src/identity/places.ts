/** Where an instance keeps its identities, below its state folder. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkloadId } from '../model/platform.ts'

export interface IdentityPlaces {
  /** Of the platform's own authority: for `openAuthority`. */
  readonly authority: string
  /** Of the bundles of other platforms: for `openBundleStore`. */
  readonly bundles: string
  /** The folder that one workload, and no other, finds its identity in. */
  readonly svid: (workload: WorkloadId) => string
  /** The folders that are there, sorted. */
  readonly svids: () => readonly string[]
}

export function identityPlaces(stateFolder: string): IdentityPlaces {
  const base = join(stateFolder, 'identity')
  const svids = join(base, 'svid')
  return Object.freeze({
    authority: join(base, 'authority'), bundles: join(base, 'bundles'),
    svid: (workload: WorkloadId) => join(svids, workload),
    svids: () => folders(svids).flatMap((enclave) => folders(join(svids, enclave)).map((name) => join(svids, enclave, name))),
  })
}

function folders(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

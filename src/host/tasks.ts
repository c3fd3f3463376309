/** The processes that a plan asks for: their files in the state folder, and their complete command lines. */
import { chmodSync, existsSync, lstatSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { bwrapArguments } from './bwrap.ts'
import { hostUid, onStage, stageFolder } from './drop-root.ts'
import { fixedFiles, hostsFile, reachable } from './etc-files.ts'
import { inNetns } from './ip.ts'
import { fileName } from './supervise.ts'
import type { Confinement, SystemFolder } from './bwrap.ts'
import type { Setting } from './enforce.ts'
import type { Place } from './plan.ts'
import type { Task } from './supervise.ts'
import type { Intent } from '../intent/intent.ts'
import type { Platform } from '../model/platform.ts'

/** Writes every place's /etc files; a file keeps its inode, because it is mounted in running workloads. */
export function writeEtc(folder: string, places: readonly Place[], intent: Intent, now: number): void {
  for (const place of places) {
    const etc = etcFolder(folder, place)
    // Open to the workload's own user; the folders above it are not.
    mkdirSync(etc, { recursive: true })
    chmodSync(etc, 0o755)
    for (const [name, text] of Object.entries(fixedFiles)) writeFileSync(join(etc, name), text, { mode: 0o644 })
    writeFileSync(join(etc, 'hosts'), hostsFile(place, places, reachable(intent, place.workload, now)), { mode: 0o644 })
  }
}

export function taskOf(setting: Setting, place: Place, platform: Platform): Task | undefined {
  const confinement = confinementOf(setting.folder, place, platform)
  if (confinement === undefined) return undefined
  if (setting.mode === 'sandbox') return { key: place.key, argv: inNetns(place.netns, bwrapArguments(confinement)) }
  mkdirSync(stageFolder, { recursive: true, mode: 0o755 })
  const staged = onStage(confinement, hostUid(place.group))
  return { key: place.key, argv: inNetns(place.netns, [...staged.before, ...bwrapArguments(staged.confinement)]) }
}

/** `undefined` for a place that is attached and runs by itself. */
export function confinementOf(folder: string, place: Place, platform: Platform): Confinement | undefined {
  if (place.start.kind !== 'run') return undefined
  const data = join(folder, 'data', fileName(place.key))
  mkdirSync(data, { recursive: true, mode: 0o700 })
  for (const { from } of place.start.mounts) {
    if (!existsSync(from)) throw new Fault('workload-failed', `\`${place.workload}\` mounts \`${from}\`, which does not exist`, { help: 'correct `run.mounts[].from` in its document' })
  }
  const [enclave = '', name = ''] = place.workload.split('/')
  return {
    start: place.start,
    etc: etcFolder(folder, place),
    data,
    runtime: dirname(process.execPath),
    hostname: name,
    env: {
      BULKHEAD_WORKLOAD: place.workload,
      BULKHEAD_REPLICA: String(place.replica),
      BULKHEAD_SPIFFE_ID: `spiffe://${platform.trustDomain}/enclave/${enclave}/workload/${name}`,
    },
    system: systemFolders(),
  }
}

function etcFolder(folder: string, place: Place): string {
  return join(folder, 'etc', fileName(place.key))
}

let known: readonly SystemFolder[] | undefined

/** Where programs and libraries are: folders on old systems, links into /usr on merged ones. */
function systemFolders(): readonly SystemFolder[] {
  known ??= ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'].flatMap((path): SystemFolder[] => {
    if (!existsSync(path)) return []
    return [{ path, link: lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined }]
  })
  return known
}

/** The processes that a plan asks for: their files in the state folder, and their complete command lines. */
import { chmodSync, existsSync, lstatSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Fault, messageOf } from '../base/fault.ts'
import { identityPlaces } from '../identity/places.ts'
import { workloadSpiffeId } from '../model/workload-id.ts'
import { bwrapArguments, insideSvid } from './bwrap.ts'
import { hostUid, onStage } from './drop-root.ts'
import { fixedFiles, hostsFile, reachable, resolverFiles } from './etc-files.ts'
import { inNetns } from './ip.ts'
import { inOwned, withLimits } from './own-userns.ts'
import { fileName } from './supervise.ts'
import type { Confinement, SystemFolder } from './bwrap.ts'
import type { Setting } from './setting.ts'
import type { OwnUserns } from './own-userns.ts'
import type { Place, Plan } from './plan.ts'
import type { FailedPlace } from './report.ts'
import type { Task } from './supervise.ts'
import type { Intent } from '../intent/intent.ts'
import type { Platform } from '../model/platform.ts'

/** Writes every place's /etc files; a file keeps its inode, because it is mounted in running workloads. */
export function writeEtc(folder: string, { places, inventory }: Plan, intent: Intent, now: number): void {
  const fixed = Object.entries({ ...fixedFiles, ...resolverFiles(inventory.gateways?.resolver) })
  for (const place of places) {
    const etc = etcFolder(folder, place)
    // Open to the workload's own user; the folders above it are not.
    mkdirSync(etc, { recursive: true })
    chmodSync(etc, 0o755)
    for (const [name, text] of fixed) writeFileSync(join(etc, name), text, { mode: 0o644 })
    writeFileSync(join(etc, 'hosts'), hostsFile(place, places, reachable(intent, place.workload, now)), { mode: 0o644 })
  }
}

/** The tasks of these places; one that cannot be made is told, and the others go on. */
export function tasksOf(setting: Setting, places: readonly Place[], platform: Platform): { readonly tasks: readonly Task[]; readonly failed: readonly FailedPlace[] } {
  const tasks: Task[] = []
  const failed: FailedPlace[] = []
  for (const place of places) {
    try {
      tasks.push(...(taskOf(setting, place, platform) ?? []))
    } catch (error) {
      failed.push({ place: place.key, reason: messageOf(error) })
    }
  }
  return { tasks, failed }
}

function taskOf(setting: Setting, place: Place, platform: Platform): readonly [Task] | undefined {
  const confinement = confinementOf(setting.folder, place, platform)
  if (confinement === undefined) return undefined
  const userns = usernsOf(setting, place)
  // On a machine each identity is a user of its own, and the kernel counts for each.
  const shared = (argv: readonly string[]): readonly string[] => (setting.mode === 'sandbox' ? withLimits(argv) : argv)
  const inPlace = (argv: readonly string[]): readonly string[] => (userns === undefined ? shared(argv) : inOwned(place.netns, userns, argv))
  if (setting.mode === 'sandbox') return [{ key: place.key, netns: place.netns, argv: inNetns(place.netns, inPlace(bwrapArguments(confinement))) }]
  const staged = onStage(confinement, hostUid(place.group))
  return [{ key: place.key, netns: place.netns, argv: inNetns(place.netns, [...staged.before, ...inPlace(bwrapArguments(staged.confinement))]) }]
}

/** Of a privileged workload: the user namespace in which it is root, and who that is outside. */
export function usernsOf(setting: Pick<Setting, 'mode'>, place: Place): OwnUserns | undefined {
  if (place.start.kind !== 'run' || !place.start.privileged) return undefined
  return { owner: setting.mode === 'host' ? hostUid(place.group) : undefined }
}

/** `undefined` for a place that is attached and runs by itself. */
function confinementOf(folder: string, place: Place, platform: Platform): Confinement | undefined {
  if (place.start.kind !== 'run') return undefined
  const data = join(folder, 'data', fileName(place.key))
  mkdirSync(data, { recursive: true, mode: 0o700 })
  for (const { from } of place.start.mounts) {
    if (!existsSync(from)) throw new Fault('workload-failed', `\`${place.workload}\` mounts \`${from}\`, which does not exist`, { help: 'correct `run.mounts[].from` in its document' })
  }
  const [, name = ''] = place.workload.split('/')
  const svid = identityPlaces(folder).svid(place.workload)
  mkdirSync(svid, { recursive: true, mode: 0o700 })
  return {
    start: place.start,
    etc: etcFolder(folder, place),
    data,
    svid,
    runtime: dirname(process.execPath),
    hostname: name,
    env: {
      BULKHEAD_WORKLOAD: place.workload,
      BULKHEAD_REPLICA: String(place.replica),
      BULKHEAD_SVID_DIR: insideSvid,
      BULKHEAD_SPIFFE_ID: workloadSpiffeId(platform.trustDomain, place.workload),
    },
    system: systemFolders(),
  }
}

function etcFolder(folder: string, place: Place): string {
  return join(folder, 'etc', fileName(place.key))
}

let known: readonly SystemFolder[] | undefined

/** Where programs and libraries are: folders on old systems, links into /usr on merged ones. */
export function systemFolders(): readonly SystemFolder[] {
  known ??= ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'].flatMap((path): SystemFolder[] => {
    if (!existsSync(path)) return []
    return [{ path, link: lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined }]
  })
  return known
}

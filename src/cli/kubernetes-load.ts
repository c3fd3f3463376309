/** Kubernetes manifests for commands: a folder, a file, `REV:DIR`, or `-` for the standard input. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { formatDiagnostic, hasErrors, sortDiagnostics } from '../base/diagnostic.ts'
import { defaultLimits, readDocumentFiles } from '../base/files.ts'
import { Fault, messageOf } from '../base/fault.ts'
import { readCluster } from '../import/kubernetes/cluster.ts'
import { tellEmpty } from './load.ts'
import { placed, placesOf } from './diagnostics/places.ts'
import { readRevision, revisionOf } from './revision.ts'
import type { ReadFiles } from '../base/files.ts'
import type { Cluster } from '../import/kubernetes/cluster.ts'
import type { CommandContext, OptionSpec } from './command.ts'

export const kubernetesOptions = {
  kubernetes: { type: 'boolean', help: 'the arguments hold Kubernetes manifests' },
  lenient: { type: 'boolean', help: 'with --kubernetes: ignore unknown kinds, but never policies' },
} as const satisfies Readonly<Record<string, OptionSpec>>

const mebibyte = 1024 * 1024
/** What machines write of a whole cluster is larger than what people write. */
const limits = { ...defaultLimits, fileBytes: 128 * mebibyte, totalBytes: 512 * mebibyte, files: 200_000, entries: 1_000_000 }

/** When the manifests are refused their problems are told and `undefined` comes back: the command ends with exit status 1. */
export async function loadCluster(context: CommandContext, place: string): Promise<Cluster | undefined> {
  const read = await readPlace(context, place)
  const { cluster, diagnostics } = readCluster(read.files, { lenient: context.options['lenient'] === true })
  const all = placed(sortDiagnostics([...read.diagnostics, ...diagnostics]), placesOf(context.cwd, place))
  const refused = hasErrors(all) || cluster === undefined
  if (refused && context.json) {
    context.out.json({ error: { code: 'invalid-set', message: 'the manifests have problems' }, diagnostics: all })
    return undefined
  }
  for (const d of all) context.out.note(formatDiagnostic(d))
  tellEmpty(context, read, place, 'manifests')
  return refused ? undefined : cluster
}

async function readPlace(context: CommandContext, place: string): Promise<ReadFiles> {
  if (place === '-') return standardInput()
  const revision = revisionOf(context.cwd, place)
  return revision === undefined ? readDocumentFiles(resolve(context.cwd, place), limits) : readRevision(context.cwd, revision.revision, revision.folder, context.signal, limits)
}

function standardInput(): ReadFiles {
  try {
    return { files: [{ path: '<stdin>', absolute: '/dev/stdin', text: readFileSync(0, 'utf8') }], diagnostics: [] }
  } catch (thrown) {
    throw new Fault('file-unreadable', `the standard input cannot be read: ${messageOf(thrown)}`)
  }
}

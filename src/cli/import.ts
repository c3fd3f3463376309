/** `bulkhead import`: other people's policies as documents. */
import { closeSync, constants, existsSync, lstatSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { formatDiagnostic, quote, sortDiagnostics } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { readDocumentFiles } from '../base/files.ts'
import { importCluster } from '../import/kubernetes/documents.ts'
import { usage } from './arguments.ts'
import { placed, placesOf } from './diagnostics/places.ts'
import { count } from './diagnostics/text.ts'
import { loadCluster } from './kubernetes-load.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'import',
  summary: 'turn Kubernetes manifests into documents that open just what the manifests do',
  usage: 'import kubernetes DIR|- [--out DIR] [--run] [--lenient]',
  example:
    'bulkhead import kubernetes manifests/ --out documents/             a file for each namespace\n' +
    'kubectl get -A -o yaml namespaces,pods,netpol | bulkhead import kubernetes - --out documents/',
  positionals: [2, 2],
  options: {
    out: { type: 'string', value: 'DIR', help: 'write the documents there; printed when left out' },
    run: { type: 'boolean', help: 'start what the containers start; every pod idles when left out' },
    lenient: { type: 'boolean', help: 'ignore unknown kinds, but never policies' },
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const { args: [from = '', place = ''], options, out, cwd } = context
  if (from !== 'kubernetes') throw usage(command, `${quote(from)} cannot be imported`, 'allowed: kubernetes')
  const cluster = await loadCluster(context, place)
  if (cluster === undefined) return 1
  const { files, workloads, diagnostics } = importCluster(cluster, { run: options['run'] === true })
  const warnings = placed(sortDiagnostics(diagnostics), placesOf(cwd, place))
  if (!context.json) for (const d of warnings) out.note(formatDiagnostic(d))
  const folder = options['out']
  if (typeof folder !== 'string') {
    if (context.json) out.json({ files, warnings })
    else out.write(files.map(({ path, text }) => `# ${path}\n${text}`).join('---\n'))
    return 0
  }
  refuseOthers(resolve(cwd, folder), files.map(({ path }) => path))
  for (const { path, text } of files) {
    writeInside(resolve(cwd, folder), path, text)
  }
  if (context.json) out.json({ written: files.map(({ path }) => path), workloads, warnings })
  else out.line(`${count(workloads, 'workload')} in ${count(cluster.namespaces.length, 'enclave')}, ${count(files.length, 'file')} written`)
  return 0
}

/** A link that stands in the folder leads out of it: nothing is written through one. */
function writeInside(folder: string, path: string, text: string): void {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  for (const place of [dirname(file), file]) {
    if (place !== folder && lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
      throw new Fault('usage', `${quote(place)} is a symbolic link`, { help: 'remove it, or name an empty folder' })
    }
  }
  const handle = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o666)
  try {
    writeFileSync(handle, text)
  } finally {
    closeSync(handle)
  }
}

/** What an earlier import of another cluster left there would be loaded with the rest, and could open what these manifests do not. */
function refuseOthers(folder: string, mine: readonly string[]): void {
  if (!existsSync(folder)) return
  const [other] = readDocumentFiles(folder).files.filter(({ path }) => !mine.includes(path))
  if (other === undefined) return
  throw new Fault('usage', `${quote(other.path)} is in that folder but does not come from this import`, { help: 'remove it, or name an empty folder' })
}

/** Layers of a stack: who reaches a database, and for how long somebody outside reaches a bastion. */
import { quote } from '../base/diagnostic.ts'
import { formatEnd, formatTraffic } from './format.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Platform, Workload } from '../model/platform.ts'
import type { Path, PathEnd } from './intent.ts'

/** Paths to databases from elsewhere than app and bastion of their own stack, and ways in to bastions that never end; one problem for each policy. */
export function layerEdges(platform: Platform, paths: readonly Path[]): readonly Diagnostic[] {
  const layered = new Set([...platform.workloads.values()].filter((w) => w.layer === 'database' || w.layer === 'bastion').map((w) => w.id))
  if (layered.size === 0) return []
  const found = new Map<string, { readonly path: Path; readonly what: 'database' | 'bastion'; more: number }>()
  for (const path of paths) {
    if (path.destination.kind !== 'workload' || !layered.has(path.destination.workload)) continue
    const destination = platform.workloads.get(path.destination.workload)
    const what = destination === undefined ? undefined : breach(platform, path, destination)
    if (what === undefined) continue
    const key = JSON.stringify([what, path.origin.map((o) => [o.document, o.at])])
    const known = found.get(key)
    if (known === undefined) found.set(key, { path, what, more: 0 })
    else known.more++
  }
  return Array.from(found.values(), ({ path, what, more }) => (what === 'database' ? databaseReached(platform, path, more) : bastionUnlimited(path)))
}

function breach(platform: Platform, { source, expires }: Path, destination: Workload): 'database' | 'bastion' | undefined {
  if (destination.layer === 'bastion') return source.kind !== 'workload' && expires === undefined ? 'bastion' : undefined
  if (source.kind !== 'workload') return 'database'
  const from = platform.workloads.get(source.workload)
  if (from === undefined || from.id === destination.id) return undefined
  const allowed = (from.layer === 'app' || from.layer === 'bastion') && stackOf(platform, from) === stackOf(platform, destination)
  return allowed ? undefined : 'database'
}

/** The name of the Stack that a workload's environment runs on. */
export function stackOf(platform: Pick<Platform, 'enclaves' | 'environments'>, workload: Pick<Workload, 'enclave'>): string {
  const environment = platform.enclaves.get(workload.enclave)?.environment ?? 'default'
  return platform.environments.get(environment)?.stack ?? 'default'
}

function databaseReached(platform: Platform, path: Path, more: number): Diagnostic {
  const source = endText(platform, path.source)
  const others = more === 0 ? '' : ` (and ${more} more of its paths)`
  const stack = path.destination.kind === 'workload' ? platform.workloads.get(path.destination.workload) : undefined
  const message = `${documents(path)} opens ${source} to the database ${quote(formatEnd(path.destination))} (${formatTraffic(path)})${others}`
  const help = `only the layers \`app\` and \`bastion\` of stack ${quote(stack === undefined ? 'default' : stackOf(platform, stack))} reach its databases`
  return { code: 'database-reached', severity: 'error', message, at: path.origin[0]?.at ?? nowhere, help }
}

function endText(platform: Platform, end: PathEnd): string {
  const workload = end.kind === 'workload' ? platform.workloads.get(end.workload) : undefined
  if (workload === undefined) return quote(formatEnd(end))
  return `${quote(workload.id)} (${workload.layer === undefined ? 'no layer' : `layer ${quote(workload.layer)}`}, stack ${quote(stackOf(platform, workload))})`
}

function bastionUnlimited(path: Path): Diagnostic {
  const message = `${documents(path)} lets ${quote(formatEnd(path.source))} in to the bastion ${quote(formatEnd(path.destination))} without an end`
  return { code: 'bastion-unlimited', severity: 'error', message, at: path.origin[0]?.at ?? nowhere, help: 'give the policy an `expires`' }
}

function documents({ origin }: Path): string {
  return origin.map((o) => o.document).join(' and ')
}

const nowhere = { file: 'built-in', line: 1, column: 1 } as const

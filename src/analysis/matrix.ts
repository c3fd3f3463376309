/** Who may talk to whom, on what: the Intent as rows. */
import { compareText } from '../base/location.ts'
import { formatAddress } from '../net/address.ts'
import { formatPorts, unionPorts } from '../net/ports.ts'
import { formatEnd } from '../intent/format.ts'
import { isExpired } from '../model/platform.ts'
import { documentRefs } from './document-ref.ts'
import type { Intent, Path, Via } from '../intent/intent.ts'
import type { Messages, Phase } from '../model/platform.ts'
import type { DocumentRef } from './document-ref.ts'

export interface MatrixRow {
  readonly source: string
  readonly destination: string
  readonly protocol: string
  /** `any`, or ports and ranges joined by commas; empty for `icmp`. */
  readonly ports: string
  /** What stands between: `direct`, `broker, publish orders.new`, `egress`, `publish 198.51.100.1:443`, `proxy www.example.org`, `peer`. */
  readonly via: string
  /** Phases of the source in which it is open. */
  readonly phases: readonly Phase[]
  /** Milliseconds since the epoch; absent when it never ends. */
  readonly expires?: number
  readonly policies: readonly DocumentRef[]
}

/**
 * One row for each (source, destination, protocol, conditions), with the ports of all paths that have these in common,
 * in the Intent's order. Paths that have expired at `now` are not in it.
 */
export function matrix(intent: Intent, now: number): readonly MatrixRow[] {
  const rows: MatrixRow[] = []
  const texts = memo(formatEnd)
  const vias = memo(formatVia)
  let run: Path[] = []
  const flush = (): void => {
    const [path] = run
    if (path === undefined) return
    rows.push(...rowsOf(run, texts(path.source), texts(path.destination), vias))
    run = []
  }
  // Paths come sorted by their ends, so all of one pair stand together.
  for (const path of intent.paths) {
    if (isExpired(path, now)) continue
    const last = run[0]
    if (last !== undefined && (texts(last.source) !== texts(path.source) || texts(last.destination) !== texts(path.destination))) flush()
    run.push(path)
  }
  flush()
  return rows
}

/** Ends and gateways are shared by many paths, so each object's text is made once. */
function memo<T extends object>(format: (value: T) => string): (value: T) => string {
  const known = new Map<T, string>()
  return (value) => {
    let text = known.get(value)
    if (text === undefined) known.set(value, (text = format(value)))
    return text
  }
}

function rowsOf(paths: readonly Path[], source: string, destination: string, vias: (via: Via) => string): readonly MatrixRow[] {
  const [only, second] = paths
  if (only !== undefined && second === undefined) return [rowOf(paths, source, destination, vias(only.via))]
  const groups = new Map<string, Path[]>()
  for (const path of paths) {
    const key = `${path.protocol}\0${vias(path.via)}\0${path.phases.join()}\0${path.expires ?? ''}`
    const known = groups.get(key)
    if (known === undefined) groups.set(key, [path])
    else known.push(path)
  }
  return Array.from(groups.values(), (group) => rowOf(group, source, destination, group[0] === undefined ? '' : vias(group[0].via))).sort(
    (a, b) =>
      compareText(a.protocol, b.protocol) || compareText(a.via, b.via) || compareText(a.phases.join(), b.phases.join()) || (a.expires ?? Infinity) - (b.expires ?? Infinity) || 0,
  )
}

function rowOf(paths: readonly Path[], source: string, destination: string, via: string): MatrixRow {
  const [path, second] = paths
  if (path === undefined) throw new TypeError('a row has at least one path')
  return {
    source,
    destination,
    protocol: path.protocol,
    ports: formatPorts(second === undefined ? path.ports : unionPorts(...paths.map((p) => p.ports))),
    via,
    phases: path.phases,
    ...(path.expires === undefined ? {} : { expires: path.expires }),
    policies: documentRefs(second === undefined ? path.origin : paths.flatMap((p) => p.origin)),
  }
}

/** `broker, publish orders.new, subscribe orders.*`. */
function formatMessages({ publish, subscribe }: Messages): string {
  const ways = [['publish', publish], ['subscribe', subscribe]] as const
  return ['broker', ...ways.flatMap(([way, subjects]) => (subjects.length === 0 ? [] : [`${way} ${subjects.join(' ')}`]))].join(', ')
}

export function formatVia(via: Via): string {
  switch (via.kind) {
    case 'direct':
      return via.messages === undefined ? 'direct' : formatMessages(via.messages)
    case 'mutual-tls':
      return 'mutual TLS'
    case 'peer':
      return 'peer gateway'
    case 'egress':
      return via.http === undefined ? 'egress' : `egress ${via.http.methods.join(',') || 'any method'} ${via.http.paths.join(',') || 'any path'}`
    case 'publish':
      return `publish ${via.addresses.map((a) => (a.family === 4 ? formatAddress(a) : `[${formatAddress(a)}]`)).sort(compareText).join(',')}:${via.port}`
    case 'proxy':
      return `proxy ${via.hosts.length === 0 ? `port ${via.proxy.listenPort ?? ''}` : [...via.hosts].sort(compareText).join(',')}`
  }
}

/** Who may talk to whom, on what: the Intent as rows. */
import { compareText } from '../base/location.ts'
import { formatAddress } from '../net/address.ts'
import { formatPorts, unionPorts } from '../net/ports.ts'
import { formatEnd } from '../intent/format.ts'
import { isExpired } from '../intent/mismatch.ts'
import { documentRefs } from './document-ref.ts'
import type { Intent, Path, Via } from '../intent/intent.ts'
import type { Phase } from '../model/platform.ts'
import type { DocumentRef } from './document-ref.ts'

export interface MatrixRow {
  readonly source: string
  readonly destination: string
  readonly protocol: string
  /** `any`, or ports and ranges joined by commas; empty for `icmp`. */
  readonly ports: string
  /** What stands between: `direct`, `egress`, `publish 198.51.100.1:443`, `proxy www.example.org`, `peer`. */
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
  const rows = new Map<string, Path[]>()
  for (const path of intent.paths) {
    if (isExpired(path, now)) continue
    const key = JSON.stringify([formatEnd(path.source), formatEnd(path.destination), path.protocol, formatVia(path.via), path.phases, path.expires])
    const known = rows.get(key)
    if (known === undefined) rows.set(key, [path])
    else known.push(path)
  }
  return Array.from(rows.values(), rowOf).sort(
    (a, b) =>
      compareText(a.source, b.source) || compareText(a.destination, b.destination) || compareText(a.protocol, b.protocol) ||
      compareText(a.via, b.via) || compareText(a.phases.join(), b.phases.join()) || (a.expires ?? Infinity) - (b.expires ?? Infinity) || 0,
  )
}

function rowOf(paths: readonly Path[]): MatrixRow {
  const [path] = paths
  if (path === undefined) throw new TypeError('a row has at least one path')
  return {
    source: formatEnd(path.source),
    destination: formatEnd(path.destination),
    protocol: path.protocol,
    ports: formatPorts(unionPorts(...paths.map((p) => p.ports))),
    via: formatVia(path.via),
    phases: path.phases,
    ...(path.expires === undefined ? {} : { expires: path.expires }),
    policies: documentRefs(paths.flatMap((p) => p.origin)),
  }
}

export function formatVia(via: Via): string {
  switch (via.kind) {
    case 'direct':
      return 'direct'
    case 'peer':
      return 'peer gateway'
    case 'egress':
      return via.http === undefined ? 'egress' : `egress ${via.http.methods.join(',') || 'any method'} ${via.http.paths.join(',') || 'any path'}`
    case 'publish':
      return `publish ${via.addresses.map((a) => (a.family === 4 ? formatAddress(a) : `[${formatAddress(a)}]`)).sort(compareText).join(',')}:${via.port}`
    case 'proxy':
      return `proxy ${[...via.hosts].sort(compareText).join(',')}`
  }
}

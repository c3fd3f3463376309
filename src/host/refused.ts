/** Paths that no engine on this host carries, for people: what, by which document, and why. */
import { formatLocation } from '../base/location.ts'
import { describePath } from './changes.ts'
import type { CheckedSet } from './documents.ts'
import type { Path } from '../intent/intent.ts'

/** What an engine says of a path, or of a part of one, that stays closed. */
export interface EngineRefusal {
  readonly engine: 'nftables' | 'envoy' | 'dns' | 'nats'
  readonly path: Path
  readonly code: string
  readonly reason: string
}

export interface RefusedPath {
  readonly path: string
  readonly engine: string
  readonly reason: string
  readonly code: string
  readonly documents: readonly string[]
}

export function describeRefusals(refused: readonly EngineRefusal[]): readonly RefusedPath[] {
  return refused.map((r) => ({
    path: describePath(r.path),
    engine: r.engine,
    reason: r.reason,
    code: r.code,
    documents: r.path.origin.map((o) => `${o.document} (${formatLocation(o.at)})`),
  }))
}

/** The paths that are really open here. An External's domains may be refused while its CIDRs are carried, and subjects while others are. */
export function carriedPaths(set: CheckedSet, refused: readonly EngineRefusal[]): readonly Path[] {
  const closed = new Set(refused.filter((r) => r.engine !== 'dns' && r.engine !== 'nats' && !(isOfNames(r) && hasCidrs(set, r.path))).map((r) => r.path))
  return set.intent.paths.filter((p) => !closed.has(p))
}

function isOfNames({ engine, code, path }: EngineRefusal): boolean {
  return engine === 'nftables' ? code === 'domain' : path.via.kind === 'egress' && path.via.http === undefined
}

function hasCidrs(set: CheckedSet, path: Path): boolean {
  return path.destination.kind === 'external' && (set.platform.externals.get(path.destination.external)?.cidrs.length ?? 0) > 0
}

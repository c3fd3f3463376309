/** Paths that no engine on this host carries, for people: what, by which document, and why. */
import { formatLocation } from '../base/location.ts'
import { describePath } from './changes.ts'
import type { Refusal } from '../engines/nftables/capabilities.ts'

export interface RefusedPath {
  readonly path: string
  readonly engine: string
  readonly reason: string
  readonly code: string
  readonly documents: readonly string[]
}

export function describeRefusals(refused: readonly Refusal[]): readonly RefusedPath[] {
  return refused.map((r) => ({
    path: describePath(r.path),
    engine: 'nftables',
    reason: r.reason,
    code: r.code,
    documents: r.path.origin.map((o) => `${o.document} (${formatLocation(o.at)})`),
  }))
}

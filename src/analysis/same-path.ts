/** Whether paths of two sets say the same, so that nothing has to be worked out between their ends. */
import { canonicalJson } from '../base/canonical-json.ts'
import type { Path, PathEnd } from '../intent/intent.ts'
import type { Side } from './side.ts'

/** Equal path by path but for their documents: then nothing can have changed between these ends. */
export function samePaths(a: readonly Path[], b: readonly Path[]): boolean {
  return a.length === b.length && a.every((path, i) => b[i] !== undefined && samePath(path, b[i]))
}

function samePath(a: Path, b: Path): boolean {
  if (a === b) return true
  return (
    a.protocol === b.protocol && a.expires === b.expires && sameEnd(a.source, b.source) && sameEnd(a.destination, b.destination) &&
    a.ports.length === b.ports.length && a.ports.every((r, i) => r.from === b.ports[i]?.from && r.to === b.ports[i].to) &&
    a.phases.length === b.phases.length && a.phases.every((phase, i) => phase === b.phases[i]) &&
    sameVia(a, b)
  )
}

/** What a gateway does is not all in its path, so that is compared at length. */
function sameVia({ via: a }: Path, { via: b }: Path): boolean {
  if (a.kind === 'direct' && b.kind === 'direct') return a.messages === b.messages || canonicalJson(a.messages ?? null) === canonicalJson(b.messages ?? null)
  if (a.kind === 'mutual-tls' || a.kind === 'peer') return a.kind === b.kind
  return a.kind === 'egress' && b.kind === 'egress' && (a.http === b.http || canonicalJson(a.http) === canonicalJson(b.http))
}

function sameEnd(a: PathEnd, b: PathEnd): boolean {
  if (a.kind === 'workload') return b.kind === 'workload' && a.workload === b.workload
  if (a.kind === 'external') return b.kind === 'external' && a.external === b.external
  return b.kind === 'peer' && a.peer === b.peer && a.enclave === b.enclave && a.workload === b.workload
}

export function sameDeclared(before: Side, after: Side, { source }: Path): boolean {
  if (source.kind !== 'workload' || before.platform === after.platform) return true
  return before.platform.workloads.get(source.workload)?.phase === after.platform.workloads.get(source.workload)?.phase
}

/** The rules on one workload and whether they are enforced: what documents, change log, kernel and records say of it, and what nobody could see. */
import { formatInstant } from '../base/clock.ts'
import { compareText } from '../base/location.ts'
import { documentRefs } from '../analysis/document-ref.ts'
import { formatVia } from '../analysis/matrix.ts'
import { formatEnd, formatTraffic } from '../intent/format.ts'
import { grantLine } from '../host/grants.ts'
import { workloadSpiffeId } from '../model/workload-id.ts'
import { describePath } from '../host/changes.ts'
import { isExpired } from '../model/platform.ts'
import { probedPath } from './probed.ts'
import { supersededText } from './verification.ts'
import { grantedSince } from './since.ts'
import type { DocumentRef } from '../analysis/document-ref.ts'
import type { Path } from '../intent/intent.ts'
import type { Platform, WorkloadId } from '../model/platform.ts'
import type { Drift, WorkloadStatus } from '../host/report.ts'
import type { TableReading } from '../host/table-reading.ts'
import type { Standing } from './in-force.ts'
import type { Probed } from './probed.ts'
import type { Recent } from './recent.ts'
import type { Since } from './since.ts'

export interface AuditedPath {
  readonly direction: 'in' | 'out'
  readonly source: string
  readonly destination: string
  readonly traffic: string
  readonly via: string
  readonly phases: readonly string[]
  readonly expires?: string
  readonly policies: readonly DocumentRef[]
  /** Why it is closed although the documents open it. */
  readonly closed?: string
  /** The change that gave it, and who has approved it; absent where the log does not say. */
  readonly since?: Since
  readonly probed: Probed
}

export interface WorkloadAudit {
  readonly workload: WorkloadId
  readonly spiffeId: string
  readonly place: { readonly enclave: string; readonly environment: string; readonly stack: string; readonly segment?: string; readonly phase: string; readonly at: DocumentRef }
  readonly documents: { readonly directory: string; readonly sha256: string; readonly since?: string }
  /** By direction, then the other end. */
  readonly paths: readonly AuditedPath[]
  readonly verification?: { readonly ended: string; readonly good: boolean; readonly table: TableReading['verdict']; readonly sha256: string; readonly change?: number }
  /** Absent where no agent answers. */
  readonly enforced?: boolean
  readonly replicas?: readonly WorkloadStatus[]
  readonly recent?: Recent
  readonly drift: readonly Drift[]
  readonly unseen: readonly string[]
  /** True when all of it was seen, and is as it should be. */
  readonly well: boolean
}

/** `recent` is what the records say; `now` in milliseconds since the epoch. */
export function auditWorkload(standing: Standing, id: WorkloadId, recent: Recent | undefined, now: number): WorkloadAudit {
  const { set, chain, verified, agent } = standing
  const { platform, intent } = set
  const since = grantedSince(chain.entries)
  const closed = closedHere(standing)
  const paths = intent.paths
    .filter((p) => isWorkload(p.source, id) || isWorkload(p.destination, id))
    .flatMap((p) => directions(p, id).map((direction) => auditPath(standing, p, direction, since, closed, now)))
    .sort((a, b) => compareText(a.direction, b.direction) || compareText(other(a), other(b)) || compareText(a.traffic, b.traffic))
  const drift = agent?.drift ?? []
  const unseen = [...standing.unseen, ...(recent === undefined ? ['nothing was recorded: who has talked is not known'] : recent.lost > 0 ? [`${recent.lost} refusals of this platform have no record`] : [])]
  const replicas = agent?.workloads.filter((w) => w.workload === id)
  const declared = platform.workloads.get(id)?.replicas ?? 0
  const elsewhere = replicas === undefined ? 0 : declared - replicas.length
  if (elsewhere > 0) unseen.push(replicas?.length === 0 ? 'no replica of it runs on this machine' : `${elsewhere} of its ${declared} replicas do not run on this machine`)
  const runs = elsewhere <= 0 && (replicas?.every((w) => w.failed === undefined && (w.task === undefined || w.task.state === 'running')) ?? false)
  const fresh = verified !== undefined && verified.verification.documents.sha256 === set.documents.sha256 && verified.noted !== undefined && verified.changed === undefined
  return {
    workload: id,
    spiffeId: workloadSpiffeId(platform.trustDomain, id),
    place: placeOf(platform, id),
    documents: { directory: set.documents.directory, sha256: set.documents.sha256, ...(standing.at === undefined ? {} : { since: standing.at }) },
    paths,
    ...(verified === undefined || verified.verification.documents.sha256 !== set.documents.sha256 ? {} : {
      verification: {
        ended: verified.verification.ended, good: verified.verification.good, table: verified.verification.reading.verdict, sha256: verified.sha256,
        ...(verified.noted === undefined ? {} : { change: verified.noted.seq }),
      },
    }),
    ...(agent === undefined ? {} : { enforced: agent.enforced }),
    ...(replicas === undefined ? {} : { replicas }),
    ...(recent === undefined ? {} : { recent }),
    drift,
    unseen,
    well: agent?.enforced === true && runs && fresh && verified.verification.good && chain.problem === undefined && drift.every((d) => d.repaired) && paths.every((p) => p.probed.result !== 'not as it should be'),
  }
}

/** The same for every path of the platform, in the Intent's order. */
export function auditPaths(standing: Standing, now: number): readonly AuditedPath[] {
  const since = grantedSince(standing.chain.entries)
  const closed = closedHere(standing)
  return standing.set.intent.paths.map((path) => auditPath(standing, path, 'out', since, closed, now))
}

/** By path: why no engine of this host carries it. */
function closedHere({ agent }: Standing): ReadonlyMap<string, string> {
  return new Map((agent?.refused ?? []).map((r) => [`${r.path}\0${r.documents.map((d) => d.replace(/ \([^)]*\)$/, '')).join()}`, r.reason]))
}

function auditPath({ set, verified }: Standing, path: Path, direction: 'in' | 'out', since: ReadonlyMap<string, Since>, closed: ReadonlyMap<string, string>, now: number): AuditedPath {
  const given = since.get(grantLine(path))
  const refused = closed.get(`${describePath(path)}\0${path.origin.map((o) => o.document).join()}`)
  const over = isExpired(path, now) ? 'it has expired' : refused
  return {
    direction,
    source: formatEnd(path.source),
    destination: formatEnd(path.destination),
    traffic: formatTraffic(path),
    via: formatVia(path.via),
    phases: path.phases,
    ...(path.expires === undefined ? {} : { expires: formatInstant(path.expires) }),
    policies: documentRefs(path.origin),
    ...(over === undefined ? {} : { closed: over }),
    ...(given === undefined ? {} : { since: given }),
    probed: over === undefined ? probed(set, path, verified) : { result: 'not tried', what: 'it is closed' },
  }
}

function probed({ platform, documents }: Standing['set'], path: Path, verified: Standing['verified']): Probed {
  const found = probedPath(platform, path, verified?.verification, documents.sha256)
  const { changed } = verified ?? {}
  return changed === undefined || found.result !== 'open' ? found : { result: 'not tried', what: changed.kind === 'verify' ? `the verification ${supersededText(changed)}` : `it was open before change ${changed.seq}, ${changed.kind}` }
}

function isWorkload(end: Path['source'], id: WorkloadId): boolean {
  return end.kind === 'workload' && end.workload === id
}

function directions(path: Path, id: WorkloadId): readonly ('in' | 'out')[] {
  return [...(isWorkload(path.destination, id) ? ['in' as const] : []), ...(isWorkload(path.source, id) ? ['out' as const] : [])]
}

function other({ direction, source, destination }: AuditedPath): string {
  return direction === 'in' ? source : destination
}

function placeOf(platform: Platform, id: WorkloadId): WorkloadAudit['place'] {
  const workload = platform.workloads.get(id)
  const enclave = platform.enclaves.get(workload?.enclave ?? '')
  if (workload === undefined || enclave === undefined) throw new TypeError('a workload of this platform')
  const { file, line, column } = workload.at
  return {
    enclave: enclave.name,
    environment: enclave.environment,
    stack: platform.environments.get(enclave.environment)?.stack ?? 'default',
    ...(workload.segment === undefined ? {} : { segment: workload.segment }),
    phase: workload.phase,
    at: { kind: 'Workload', name: id, file, line, column },
  }
}

/** What each place is and does, for `status` (pure). */
import { formatAddress } from '../net/address.ts'
import type { Place } from './plan.ts'
import type { FailedPlace, WorkloadStatus } from './report.ts'
import type { TaskStatus } from './supervise.ts'

export function workloadStatus(places: readonly Place[], tasks: readonly TaskStatus[], failed: readonly FailedPlace[]): readonly WorkloadStatus[] {
  return places.map((p) => ({
    workload: p.workload,
    replica: p.replica,
    phase: p.phase,
    interface: p.interface,
    netns: p.netns,
    ipv4: formatAddress(p.ipv4),
    ipv6: formatAddress(p.ipv6),
    task: tasks.find((t) => t.key === p.key),
    failed: failed.find((f) => f.place === p.key)?.reason,
  }))
}

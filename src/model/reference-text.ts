/** A reference as it is written in a document. */
import type { Ref } from './platform.ts'

export function refText(ref: Ref): string {
  switch (ref.kind) {
    case 'workload':
      return ref.workload
    case 'enclave':
      return `${ref.enclave}/*`
    case 'group':
      return `group:${ref.group}`
    case 'labels':
      return `labels: ${Array.from(ref.labels, ([key, value]) => `${key}=${value}`).join(',')}`
    case 'external':
      return `external:${ref.external}`
    case 'peer':
      return `peer:${ref.peer}/${ref.enclave}/${ref.workload}`
  }
}

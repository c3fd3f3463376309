/** Paths and their parts in the words of the documents. */
import { escapeText } from '../base/diagnostic.ts'
import { formatAddress } from '../net/address.ts'
import { formatPorts } from '../net/ports.ts'
import type { FlowEnd } from '../model/platform.ts'
import type { Origin, Path, PathEnd } from './intent.ts'

/** As a reference is written: `enclave/workload`, `external:NAME`, `peer:NAME/enclave/workload`. */
export function formatEnd(end: PathEnd): string {
  switch (end.kind) {
    case 'workload':
      return end.workload
    case 'external':
      return `external:${end.external}`
    case 'peer':
      return `peer:${end.peer}/${end.enclave}/${end.workload}`
  }
}

/** `tcp 80,443`, `udp any`, `icmp`. */
export function formatTraffic(path: Pick<Path, 'protocol' | 'ports'>): string {
  return path.protocol === 'icmp' ? 'icmp' : `${path.protocol} ${formatPorts(path.ports)}`
}

/** `ServicePolicy research/api-to-db (research.yaml:12)`. */
function formatOrigin(origin: Origin): string {
  return `${origin.document} (${escapeText(origin.at.file)}:${origin.at.line})`
}

/** All the documents that together open a path. */
export function formatOrigins(origins: readonly Origin[]): string {
  return origins.map(formatOrigin).join(' with ')
}

/** An end of a flow as it is asked for on the command line. */
export function formatFlowEnd(end: FlowEnd): string {
  switch (end.kind) {
    case 'workload':
    case 'external':
    case 'peer':
      return formatEnd(end)
    case 'address':
      return formatAddress(end.address)
    case 'name':
      return end.name
  }
}

/** In which parts a path between the right ends still fails to carry a flow. */
import { hasPort } from '../net/ports.ts'
import { isExpired } from '../model/platform.ts'
import type { Protocol } from '../net/protocol.ts'
import type { FlowEnd, Phase } from '../model/platform.ts'
import type { Path } from './intent.ts'

/** A flow, or with no protocol whatever may travel between its ends. */
export interface Asked {
  readonly source: FlowEnd
  readonly destination: FlowEnd
  readonly protocol: Protocol | undefined
  readonly port: number | undefined
  readonly phase: Phase | undefined
}

/** Which part of a policy would have had to be another. `half` is a federation half that nothing meets. */
export type Mismatch = 'source' | 'destination' | 'protocol' | 'port' | 'http' | 'phase' | 'expired' | 'half'

/** `phase` is that of a source workload; `undefined` for a source outside. */
export function carries(path: Path, flow: Asked, phase: Phase | undefined, now: number): boolean {
  return protocolFits(path, flow) && portFits(path, flow) && phaseFits(path, phase) && !isExpired(path, now) && !needsRequest(path, flow)
}

/** Empty exactly when the path carries the flow; the weightiest first. */
export function mismatches(path: Path, flow: Asked, phase: Phase | undefined, now: number): readonly Mismatch[] {
  const found: Mismatch[] = []
  if (!protocolFits(path, flow)) found.push('protocol')
  else if (!portFits(path, flow)) found.push('port')
  if (needsRequest(path, flow)) found.push('http')
  if (!phaseFits(path, phase)) found.push('phase')
  if (isExpired(path, now)) found.push('expired')
  return found
}

function protocolFits(path: Path, flow: Asked): boolean {
  return flow.protocol === undefined || path.protocol === flow.protocol
}

/** A published address is asked for on its published port, everything else on the private one. */
function portFits(path: Path, flow: Asked): boolean {
  if (flow.protocol === undefined) return true
  if (flow.destination.kind === 'address' && path.via.kind === 'publish') return flow.port === path.via.port
  return flow.protocol === 'icmp' ? flow.port === undefined : flow.port !== undefined && hasPort(path.ports, flow.port)
}

function phaseFits(path: Path, phase: Phase | undefined): boolean {
  return phase === undefined || path.phases.includes(phase)
}

/** Requests are judged at the gateway; a bare address never gets that far. */
function needsRequest(path: Path, flow: Asked): boolean {
  return path.via.kind === 'egress' && path.via.http !== undefined && flow.destination.kind === 'address'
}

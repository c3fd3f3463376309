/** What an engine said beforehand that it would not carry. */
import { setContains } from '../../net/address-set.ts'
import { hasPort } from '../../net/ports.ts'
import type { FlowEnd, Flow, Phase, Platform } from '../../model/platform.ts'
import type { Address } from '../../net/address.ts'
import type { PortSet } from '../../net/ports.ts'
import type { Protocol } from '../../net/protocol.ts'

/** A refused path, in whatever else it may hold; the paths of an Intent are such. */
export interface RefusedPath {
  readonly source: RefusedEnd
  readonly destination: RefusedEnd
  readonly protocol: Protocol
  readonly ports: PortSet
  readonly phases?: readonly Phase[]
  readonly via?: { readonly kind: string; readonly addresses?: readonly Address[]; readonly port?: number }
}

export type RefusedEnd = Extract<FlowEnd, { readonly kind: 'workload' | 'external' | 'peer' }>

export function isRefused(platform: Platform, refused: readonly RefusedPath[], flow: Flow): boolean {
  return refused.some(
    (path) =>
      path.protocol === flow.protocol &&
      (path.phases === undefined || flow.phase === undefined || path.phases.includes(flow.phase)) &&
      endFits(platform, path.source, flow.source) &&
      (published(path, flow) ?? (endFits(platform, path.destination, flow.destination) && (flow.port === undefined || hasPort(path.ports, flow.port)))),
  )
}

/** For a path with published addresses: whether the flow asks for one of them; `undefined` for other paths. */
function published({ via }: RefusedPath, flow: Flow): boolean | undefined {
  if (via?.kind !== 'publish' || flow.destination.kind !== 'address') return undefined
  const { address } = flow.destination
  return via.port === flow.port && via.addresses?.some((each) => each.family === address.family && each.bits === address.bits) === true
}

function endFits(platform: Platform, end: RefusedEnd, flowEnd: FlowEnd): boolean {
  if (end.kind === 'workload') return flowEnd.kind === 'workload' && flowEnd.workload === end.workload
  if (end.kind === 'external' && flowEnd.kind === 'address') return setContains(platform.externals.get(end.external)?.cidrs ?? [], flowEnd.address)
  return end.kind === 'external' && flowEnd.kind === 'external' && flowEnd.external === end.external
}

/** Where connections lead that stay on the platform: workloads' own addresses. */
import { formatAddress } from '../../net/address.ts'
import { duration } from './json.ts'
import { httpOptions, wide } from './upstream-names.ts'
import type { GatewayInventory } from './inventory.ts'
import type { JsonObject } from './json.ts'
import type { WorkloadId } from '../../model/platform.ts'

export interface Target {
  readonly workload: WorkloadId
  readonly port: number
}

/** By name, so that what several policies share is one cluster. */
export type Clusters = Map<string, JsonObject>

/** Every place of every target, each as good as the other. The name is its content. */
export function toWorkloads(targets: readonly Target[], version: 'http1' | 'http2' | 'tcp', { workloads }: GatewayInventory, into: Clusters): string {
  const sorted = [...targets].sort((a, b) => (a.workload < b.workload ? -1 : a.workload > b.workload ? 1 : a.port - b.port))
  return cluster(`to:${version}`, sorted, version, workloads, into)
}

/** The same for the stand-ins of verification: no workload is meant. */
export function toStandIns(target: Target, { shadows }: GatewayInventory, into: Clusters): string {
  return cluster('try:tcp', [target], 'tcp', shadows ?? [], into)
}

function cluster(kind: string, sorted: readonly Target[], version: 'http1' | 'http2' | 'tcp', workloads: GatewayInventory['workloads'], into: Clusters): string {
  const name = `${kind}:${sorted.map(({ workload, port }) => `${workload}:${port}`).join('+')}`
  const endpoints = sorted.flatMap(({ workload, port }) =>
    workloads.filter((place) => place.workload === workload).flatMap(({ addresses: [first] }) => (first === undefined ? [] : [endpoint(formatAddress(first), port)])),
  )
  into.set(name, {
    name,
    type: 'STATIC',
    connect_timeout: duration(5_000),
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    ...(version === 'tcp' ? {} : { typed_extension_protocol_options: httpOptions(version) }),
    ...wide,
  })
  return name
}

export function endpoint(address: string, port: number): JsonObject {
  return { endpoint: { address: { socket_address: { address, port_value: port } } } }
}

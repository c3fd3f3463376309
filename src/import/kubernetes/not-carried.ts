/** What the manifests allow and no document of the import says: it stays closed, and is told. */
import { addressSet, intersectAddresses, subtractAddresses, toPrefixes } from '../../net/address-set.ts'
import { familyWidth } from '../../net/address.ts'
import { formatPrefix, prefix } from '../../net/prefix.ts'
import { reservedAddresses } from '../../net/reserved.ts'
import { defaultAddresses } from '../../model/build/platform.ts'
import { exposedTraffic } from './exposed.ts'
import { formatConnection, hasConnection, noTraffic } from './traffic.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { Analysis } from './connections.ts'

/** As many replicas as a Workload can have. */
export const mostReplicas = 1000

export function notCarried(analysis: Analysis): readonly Diagnostic[] {
  return [...neverOutside(analysis), ...reachedFromOutside(analysis), ...fewerReplicas(analysis)]
}

/** Nothing outside reaches a workload but through a gateway, and which one is meant the manifests do not say. */
function reachedFromOutside({ cluster, table, ingress, sources }: Analysis): readonly Diagnostic[] {
  const exposed = exposedTraffic(cluster, table)
  return cluster.pods.flatMap(({ workload, at }, i) => {
    let open = noTraffic
    sources.ranges.forEach((_, piece) => (open = table.union(open, ingress[i]?.outside(piece) ?? noTraffic)))
    const routed = table.subtract(table.intersect(exposed.get(i) ?? noTraffic, ingress[i]?.anonymous ?? noTraffic), open)
    const told = (traffic: number, how: string, help: string): readonly Diagnostic[] => {
      if (!hasConnection(table.get(traffic))) return []
      const message = `\`${workload}\` ${how} on ${formatConnection(table.get(traffic))}; the import leaves that closed`
      return [{ code: 'not-carried', severity: 'warning', message, at, help }]
    }
    return [
      ...told(open, 'may be reached from outside', 'publish an address with an IngressPolicy if it is meant'),
      ...told(routed, 'is exposed by an Ingress or a route', 'write an IngressPolicy with `hosts` if it is meant'),
    ]
  })
}

const platformAddresses = addressSet(defaultAddresses.map((text) => prefix(text)))

/**
 * An External never means loopback, link-local, metadata or multicast addresses, whatever its blocks are, and the platform's own
 * are never outside. Of blocks that are most of a family everybody knows that; of smaller ones it is told.
 */
function neverOutside({ cluster, destinations, egress }: Analysis): readonly Diagnostic[] {
  return cluster.policies.flatMap(({ egress: rules = [] }) => rules).flatMap(({ action, peers = [], at }) =>
    peers.flatMap((peer): readonly Diagnostic[] => {
      if (action !== 'allow' || peer.kind !== 'addresses' || isMostOfAFamily(peer.addresses)) return []
      const reserved = intersectAddresses(peer.addresses, reservedAddresses)
      const own = subtractAddresses(intersectAddresses(peer.addresses, platformAddresses), reserved)
      if (reserved.length + own.length === 0 || !destinations.within(peer.addresses).some((piece) => egress.some((profile) => profile.outside(piece) !== noTraffic))) return []
      const told = (part: AddressSet, why: string, help: string): readonly Diagnostic[] =>
        part.length === 0 ? [] : [{ code: 'not-carried', severity: 'warning', message: `${toPrefixes(part).map(formatPrefix).join(', ')} is ${why}: the import leaves it closed`, at, help }]
      return [
        ...told(reserved, 'never outside', 'write an External with `infrastructure: true` if it is meant'),
        ...told(own, 'where the platform\'s own workloads are', 'write a Platform with other `addresses` if it is meant'),
      ]
    }))
}

function isMostOfAFamily(addresses: AddressSet): boolean {
  return ([4, 6] as const).some((family) => {
    const count = addresses.reduce((sum, range) => (range.family === family ? sum + range.last - range.first + 1n : sum), 0n)
    return count * 2n > 1n << BigInt(familyWidth(family))
  })
}

function fewerReplicas({ cluster: { pods } }: Analysis): readonly Diagnostic[] {
  return pods.flatMap(({ workload, replicas, at }) => {
    const message = `\`${workload}\` has ${replicas} replicas, and a Workload at most ${mostReplicas}: the import writes ${mostReplicas}`
    return replicas <= mostReplicas ? [] : [{ code: 'not-carried', severity: 'warning', message, at } as const]
  })
}

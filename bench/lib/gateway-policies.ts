/**
 * Platforms with a number of policies, as gateways meet them: five policies for each workload, in enclaves of twenty. Of the ways out
 * each policy allows one name; of the ways in each allows one path of the workload's own host, by one method, to one range of addresses.
 */
import { compile } from '../../src/intent/compile.ts'
import { addressFromBits, formatAddress } from '../../src/net/address.ts'
import { egress, external, ingress, platformOf, place, proxyOf, route, workload } from '../../src/model/testing.ts'
import { render } from '../../src/engines/envoy/render.ts'
import type { Address } from '../../src/net/address.ts'
import type { EgressPolicy, IngressPolicy, Platform, WorkloadId } from '../../src/model/platform.ts'
import type { GatewayFiles } from '../../src/engines/envoy/render.ts'

export type Direction = 'outbound' | 'inbound'

export const perWorkload = 5
export const resolverAddress = '10.128.0.5'
/** Where clients of the ways in are. */
export const outside = { range: '203.0.113.0/24', client: '203.0.113.9' } as const
export const workloadPort = 8080

export function workloadId(i: number): WorkloadId {
  return `e${Math.floor(i / 20)}/w${i % 20}`
}

/** In the order of their numbers, as an address of IPv4. */
export function workloadAddress(i: number): string {
  return formatAddress(addressOf(i))
}

function addressOf(i: number): Address {
  return addressFromBits(4, 0x0a80_0000n + BigInt(16 + i))
}

/** Some names are allowed to many workloads, as is usual; each workload has five that differ. */
export function nameOf(workloadNumber: number, policy: number): string {
  return `n${(workloadNumber * 3 + policy) % 50}.example.org`
}

export function hostOf(workloadNumber: number): string {
  return `w${workloadNumber}.example.net`
}

/** The path that a policy opens, and below it. */
export function pathOf(policy: number): string {
  return `/p${policy}/`
}

function outPolicy(i: number): EgressPolicy {
  const of = Math.floor(i / perWorkload)
  return egress(`e${Math.floor(of / 20)}/out-${i}`, workloadId(of), `external:${nameOf(of, i % perWorkload)}`, 'tcp 80,443')
}

/** One certificate for all hosts, as operators have for a domain: Envoy needs an inotify instance of the kernel for each secret, and a user has 128. */
const tls = { mode: 'terminate', minVersion: 'TLSv1.2', certificate: { certificateFile: '/etc/bench.pem', keyFile: '/etc/bench.key' } } as const

function inPolicy(i: number): IngressPolicy {
  const of = Math.floor(i / perWorkload)
  return ingress(`e${Math.floor(of / 20)}/in-${i}`, 'external:clients', workloadId(of), `tcp ${workloadPort}`, undefined, {
    proxy: proxyOf({ hosts: [hostOf(of)], authentication: { kind: 'none' }, tls, routes: [route(`${pathOf(i % perWorkload)}*`, { methods: ['GET', 'HEAD'] })] }),
  })
}

/** `count` policies for one direction, and the workloads that they need. */
export function platformWith(count: number, direction: Direction): Platform {
  const workloads = Array.from({ length: Math.ceil(count / perWorkload) }, (_, i) => workload(workloadId(i), { ports: [workloadPort] }))
  const names = Array.from({ length: 50 }, (_, i) => `n${i}.example.org`)
  const policies = <P>(of: Direction, make: (i: number) => P): readonly P[] => (direction === of ? Array.from({ length: count }, (_, i) => make(i)) : [])
  return platformOf({
    workloads,
    externals: [...names.map((name) => external(name, [name])), external('clients', [outside.range])],
    gateway: { addresses: [], httpsPort: 443, httpPort: undefined, meshPort: 15_443, bundlePort: 8443, bundleCertificate: undefined, at: place() },
    egressPolicies: policies('outbound', outPolicy),
    ingressPolicies: policies('inbound', inPolicy),
  })
}

/** What a gateway is given for a platform: from its documents on, as after a change. */
export function filesFor(platform: Platform, direction: Direction, folder: string): GatewayFiles {
  const workloads = [...platform.workloads.values()].map(({ id, phase }, i) => ({ workload: id, phase, addresses: [addressOf(i)] }))
  const resolver = { addresses: [addressFromBits(4, 0x0a80_0005n)] }
  const inventory = { workloads, virtual: [], inbound: { addresses: [addressFromBits(4, 0x0a80_0004n)] }, resolver, folder, trustedRoots: '/nowhere', keySets: new Map() }
  const artefacts = render(platform, compile(platform).intent, inventory, { now: 0 })
  const [refused] = artefacts.refused
  if (refused !== undefined) throw new Error(`${refused.code}: ${refused.reason}`)
  return artefacts[direction]
}

/** Service, egress and ingress policies of one enclave. */
import { document } from './documents.ts'
import { encryption, expiry, localRefs, namedPort, written } from './arbitrary-parts.ts'
import { proxyPolicy } from './arbitrary-proxy.ts'
import { brokerPort } from '../../model/platform.ts'
import { gatewayAddresses, portNumbers, publishedAddresses, publishedPorts } from './words.ts'
import type { EnclaveShape, Inside, WrittenRef } from './arbitrary-inside.ts'
import type { Outside } from './arbitrary-outside.ts'
import type { Choices } from './choices.ts'
import type { Document } from './documents.ts'

export function servicePolicies(choices: Choices, enclave: EnclaveShape): readonly Document[] {
  return Array.from({ length: choices.below(4) }, (_, i) => {
    const source = localRefs(choices, enclave)
    const destination = choices.chance(15) ? source : localRefs(choices, enclave)
    const traffic = choices.chance(20) ? (messagesTo(destination) ?? trafficOf(choices, destination)) : trafficOf(choices, destination)
    return document('ServicePolicy', `s${i}`, { source: written(source), destination: written(destination), ...traffic, ...encryption(choices, [traffic]), ...expiry(choices) }, enclave.name)
  })
}

/** Where one of them passes messages on. */
function messagesTo(destination: readonly WrittenRef[]): Readonly<Record<string, unknown>> | undefined {
  return destination.some(({ selects }) => selects.some(({ ports }) => ports.some(({ name }) => name === brokerPort))) ? { protocol: 'nats', publish: 'jobs.>', subscribe: ['results.*'] } : undefined
}

/** In a restricted enclave the policy stays inside the stack or holds for staging only, as the rules demand; seldom it breaks them. */
export function egressPolicies(choices: Choices, around: Outside, enclave: EnclaveShape): readonly Document[] {
  return Array.from({ length: choices.below(4) }, (_, i) => {
    const near = around.externals.filter((external) => external.inside)
    const stay = enclave.restricted && near.length > 0 && choices.chance(50)
    const destination = choices.some(stay ? near : around.externals, 1, 2).map(({ name }) => `external:${name}`)
    const http = choices.chance(25) ? { http: choices.pick([{ methods: ['GET'] }, { methods: ['GET', 'HEAD'], paths: ['/simple/*'] }]) } : {}
    const traffic = 'http' in http ? { protocol: 'tcp', port: choices.pick([443, [80, 443], 'any']) } : trafficOf(choices, [])
    const phases = enclave.restricted && !stay && !choices.chance(5) ? ['staging'] : choices.chance(40) ? choices.some(['running', 'staging', 'task'], 1, 2) : undefined
    return document('EgressPolicy', `e${i}`, {
      source: written(localRefs(choices, enclave)), destination, ...traffic, ...http, ...(phases === undefined ? {} : { phases }), ...expiry(choices),
    }, enclave.name)
  })
}

export function ingressPolicies(choices: Choices, around: Outside, within: Inside, enclave: EnclaveShape): readonly Document[] {
  return Array.from({ length: choices.below(3) }, (_, i) => {
    const known = around.externals.filter((external) => external.hasCidrs)
    return known.length > 0 && choices.chance(65)
      ? publishPolicy(choices, known.map(({ name }) => name), within, enclave, i)
      : [proxyPolicy(choices, around, enclave, i)]
  }).flat()
}

/**
 * Sometimes a second policy opens the same published address to other sources, or another protocol at the same port to somebody
 * else. Each address and port belongs to one policy's place; on the gateway's addresses these are beside the gateway's own.
 */
function publishPolicy(choices: Choices, externals: readonly string[], within: Inside, enclave: EnclaveShape, place: number): readonly Document[] {
  const published = ['tcp', 'udp', 'sctp']
  const first = publishedEnd(choices, enclave, choices.pick(published))
  const besideGateway = choices.chance(20)
  const addresses = choices.some(besideGateway ? [...publishedAddresses, ...gatewayAddresses] : publishedAddresses, 1, 3)
  const owner = within.enclaves.indexOf(enclave)
  const port = (publishedPorts[owner] ?? 0) + (besideGateway && first.protocol === 'tcp' ? 20_000 : 0) + place * 1000
  const publish = { address: addresses.length === 1 ? addresses[0] : addresses, port }
  const other = first.protocol === 'tcp' && choices.chance(30) ? publishedEnd(choices, enclave, choices.pick(published.slice(1))) : first
  return [first, other].slice(0, choices.between(1, 2)).map((end, i) =>
    document('IngressPolicy', `p${place}-${i}`, {
      source: choices.some(externals, 1, 2).map((name) => `external:${name}`), ...end, authentication: 'none', publish, ...expiry(choices),
    }, enclave.name),
  )
}

function publishedEnd(choices: Choices, { workloads }: EnclaveShape, protocol: string): { readonly destination: string; readonly protocol: string; readonly port: unknown } {
  const { name: destination, ports } = choices.pick(workloads)
  const named = ports.filter((port) => port.name !== undefined && port.protocol === protocol)
  return { destination, protocol, port: named.length > 0 && choices.chance(40) ? choices.pick(named).name : choices.pick(portNumbers) }
}

/** Protocol and ports towards these destinations; a port name only where one of them declares it. */
export function trafficOf(choices: Choices, destination: readonly WrittenRef[]): Readonly<Record<string, unknown>> {
  const protocol = choices.pick(['tcp', 'tcp', 'tcp', 'udp', 'sctp', 'icmp', 'any'])
  if (protocol === 'icmp') return { protocol }
  if (protocol === 'any') return { protocol, port: 'any' }
  const named = namedPort(choices, protocol, destination)
  if (named !== undefined) return { protocol, port: choices.chance(30) ? [named, choices.pick(portNumbers)] : named }
  switch (choices.below(5)) {
    case 2:
      return { protocol, port: choices.pick(['8000-8002', '1-1024', '65534-65535', '443-443']) }
    case 3:
      return { protocol, port: 'any' }
    case 4:
      return { protocol, port: [choices.pick(portNumbers), '8001-8010'] }
    default:
      return { protocol, port: choices.pick(portNumbers) }
  }
}

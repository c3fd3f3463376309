/** Holds what the files of both gateways would do with a request against what the documents say of it. */
import { attemptOf, authoritiesOf, ledOf, mayBeNarrower } from './gateway-attempts.ts'
import { gatewayRequests } from './gateway-requests.ts'
import { formatAddress } from '../net/address.ts'
import { readGateway } from '../engines/envoy/read.ts'
import { referenceRequest } from './reference-request.ts'
import type { EnvoyArtefacts } from '../engines/envoy/render.ts'
import type { GatewayInventory } from '../engines/envoy/inventory.ts'
import type { GatewayRequest } from '../model/request.ts'
import type { Platform } from '../model/platform.ts'

export interface GatewayComparison {
  /** Of these, `compared` were looked at before the time was up. */
  readonly planned: number
  readonly compared: number
  readonly led: number
  /** In words, each a request. */
  readonly differences: readonly string[]
}

export interface GatewayTexts {
  readonly direction: 'outbound' | 'inbound'
  /** By the names that the rendering gives them. */
  readonly files: ReadonlyMap<string, string>
}

/**
 * `wanted` tells what the secrets are and what has been refused by name; what is judged is `files`. Stops after `timeMs`, by
 * then having looked at requests evenly over all.
 */
export function compareGateway(
  platform: Platform, { direction, files }: GatewayTexts, wanted: EnvoyArtefacts, inventory: GatewayInventory, now: number, timeMs: number,
): GatewayComparison {
  const read = readGateway(files, authoritiesOf(wanted[direction].needs))
  const requests = gatewayRequests(platform).filter(({ source }) => (source.kind === 'workload') === (direction === 'outbound'))
  const differences: string[] = []
  const { egressProxy } = platform
  const by = egressProxy === undefined ? '' : ` by ${egressProxy.host}:${egressProxy.port}`
  const deadline = performance.now() + timeMs
  let [compared, led] = [0, 0]
  for (const request of evenly(requests)) {
    if (performance.now() > deadline) break
    const attempt = attemptOf(platform, inventory, request)
    if (attempt === undefined) continue
    compared++
    const judged = referenceRequest(platform, request, now)
    const name = (request.host ?? '').toLowerCase().replace(/\.$/, '')
    const meant = 'refused' in judged ? [] : direction === 'outbound' ? [`${name}:${request.port}${by}`] : judged.led
    const found = ledOf(read(attempt), inventory)
    if (meant.length > 0) led++
    if (found.join() === meant.join() || (found.length === 0 && mayBeNarrower(wanted.refused, request))) continue
    differences.push(`${wordsOf(request)}: should lead ${wordsOfLed(meant)}, leads ${wordsOfLed(found)}`)
  }
  return { planned: requests.length, compared, led, differences: [...new Set(differences)].sort() }
}

/** The same in an order in which every beginning is spread over the whole. */
function evenly<T>(items: readonly T[]): readonly T[] {
  const stride = Math.max(1, Math.ceil(Math.sqrt(items.length)))
  return Array.from({ length: stride }, (_, first) => items.filter((_item, i) => i % stride === first)).flat()
}

function wordsOf({ source, host, port, method, path, caller }: GatewayRequest): string {
  const from = source.kind === 'workload' ? source.workload : source.kind === 'address' ? formatAddress(source.address) : 'outside'
  const by = caller.kind === 'nobody' ? '' : caller.kind === 'certificate' ? ` with a certificate of ${caller.names.join(', ') || 'no name'} by ${caller.authority}` : ` with a token of ${caller.issuer} for ${caller.audiences.join(', ')}`
  return `${from} -> ${method === undefined ? '' : `${method} `}${host ?? ''}${path ?? ''} port ${port}${by}`
}

function wordsOfLed(to: readonly string[]): string {
  return to.length === 0 ? 'nowhere' : `to ${to.join(', ')}`
}

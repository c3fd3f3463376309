/** Ways out, from flows that were seen: to the smallest External that holds an address, or to a new one for just those addresses. */
import { formatAddress } from '../net/address.ts'
import { addressSet, setContains } from '../net/address-set.ts'
import { prefixOf } from '../net/prefix.ts'
import { externalAddresses, publishedAddresses } from '../intent/externals.ts'
import { phases } from '../model/platform.ts'
import { coverCells } from './cover.ts'
import { proposed } from './names.ts'
import { enclaveOf, groupBy, nameOf, namer, sourceOf, trafficOfProduct } from './recommend-inside.ts'
import type { EgressPolicy, External, Phase, Platform, WorkloadId } from '../model/platform.ts'
import type { Address } from '../net/address.ts'
import type { Protocol } from '../net/protocol.ts'
import type { Recommendation, Recommended, SeenFlow } from './seen.ts'

export function recommendEgress(platform: Platform, flows: readonly SeenFlow[]): Pick<Recommendation, 'documents' | 'left'> {
  const published = publishedAddresses(platform)
  const impossible = (flow: SeenFlow): string | undefined => {
    const { address } = addressOf(flow)
    if (setContains(platform.addresses, address)) return 'the address is one of the platform\'s own'
    return setContains(published, address) ? 'a published address answers only from outside' : undefined
  }
  const left = flows.flatMap((flow) => {
    const why = impossible(flow)
    return why === undefined ? [] : [{ flow, why }]
  })
  const possible = flows.filter((flow) => impossible(flow) === undefined)
  const { externalOf, made } = externalsFor(platform, possible)
  const policies = [...groupBy(possible, (flow) => enclaveOf(sourceOf(flow)))].flatMap(([enclave, here]) => policiesOf(enclave, here, externalOf))
  return { documents: [...made, ...policies], left }
}

function policiesOf(enclave: string, flows: readonly SeenFlow[], externalOf: (flow: SeenFlow) => string): readonly Recommended[] {
  const name = namer()
  // What was seen in some phases only is recommended for these only, so the phases are a part of the traffic.
  const cellKey = (flow: SeenFlow): string => `${sourceOf(flow)} ${externalOf(flow)} ${flow.protocol} ${String(flow.port ?? '')}`
  const seenIn = new Map(Array.from(groupBy(flows, cellKey), ([key, here]) => [key, phaseKey(here)]))
  return [...groupBy(flows, (flow) => `${flow.protocol} ${seenIn.get(cellKey(flow)) ?? ''}`)].flatMap(([kind, here]) => {
    const [protocol = 'tcp', key = ''] = kind.split(' ') as [Protocol, string]
    return coverCells(here.map((flow) => ({ source: sourceOf(flow), destination: externalOf(flow), traffic: String(flow.port ?? '') }))).map((product) => {
      const document: EgressPolicy = {
        kind: 'EgressPolicy', enclave, expires: undefined, at: proposed, name: name(nameOf(product, protocol)), http: undefined,
        phases: key === '' ? phases : phases.filter((phase) => key.split(',').includes(phase)),
        source: product.sources.map((id) => ({ kind: 'workload', workload: id as WorkloadId, at: proposed })),
        destination: product.destinations.map((external) => ({ kind: 'external', external, at: proposed })),
        traffic: trafficOfProduct(product, protocol),
      }
      const evidence = here.filter(
        (flow) => product.sources.includes(sourceOf(flow)) && product.destinations.includes(externalOf(flow)) && product.traffic.includes(String(flow.port ?? '')),
      )
      return { document, evidence }
    })
  })
}

function phaseKey(flows: readonly SeenFlow[]): string {
  const seen = new Set(flows.map(({ phase }) => phase).filter((phase): phase is Phase => phase !== undefined))
  return seen.size === 0 ? '' : [...seen].sort().join()
}

/** Addresses that nobody holds become one new External for all that exactly the same workloads used in the same way. */
function externalsFor(platform: Platform, flows: readonly SeenFlow[]): { readonly externalOf: (flow: SeenFlow) => string; readonly made: readonly Recommended[] } {
  const addresses = externalAddresses(platform)
  const size = (external: External): bigint => addresses(external).reduce((sum, { first, last }) => sum + (last - first + 1n), 0n)
  const sorted = [...platform.externals.values()].map((external) => ({ external, size: size(external) })).sort((a, b) => (a.size < b.size ? -1 : a.size > b.size ? 1 : a.external.name < b.external.name ? -1 : 1))
  const names = new Map<string, string>()
  const unknown: SeenFlow[] = []
  for (const flow of flows) {
    const { address, text } = addressOf(flow)
    const holder = names.get(text) ?? sorted.find(({ external }) => setContains(addresses(external), address))?.external.name
    if (holder === undefined) unknown.push(flow)
    else names.set(text, holder)
  }
  // Reserved space is held only by an External that says so, and such a one should hold nothing else.
  const isReserved = (flow: SeenFlow | undefined): string => String(flow !== undefined && addresses(observed('', [flow], false)).length === 0)
  const uses = Array.from(groupBy(unknown, (flow) => addressOf(flow).text), ([text, here]) => ({
    text, here, use: [isReserved(here[0]), ...new Set(here.map((f) => `${sourceOf(f)} ${f.protocol} ${String(f.port ?? '')} ${f.phase ?? ''}`))].sort().join('\n'),
  }))
  const name = namer()
  for (const { name: taken } of platform.externals.values()) name(taken)
  const made = [...groupBy(uses, ({ use }) => use).values()].map((alike): Recommended => {
    const [first] = alike
    const evidence = alike.flatMap(({ here }) => here)
    const document = observed(name(alike.length === 1 ? `observed-${first?.text ?? ''}` : `observed-${alike.length}-addresses`), evidence, isReserved(evidence[0]) === 'true')
    for (const { text } of alike) names.set(text, document.name)
    return { document, evidence }
  })
  return { externalOf: (flow) => names.get(addressOf(flow).text) ?? '', made }
}

function observed(name: string, flows: readonly SeenFlow[], infrastructure: boolean): External {
  const exact = ({ address }: { readonly address: Address }) => prefixOf(address, address.family === 4 ? 32 : 128)
  return { kind: 'External', name, domains: [], cidrs: addressSet(flows.map((flow) => exact(addressOf(flow)))), infrastructure, telemetry: false, at: proposed }
}

function addressOf({ destination }: SeenFlow): { readonly address: Address; readonly text: string } {
  if (destination.kind !== 'address') throw new TypeError('a way out leads to an address')
  return { address: destination.address, text: formatAddress(destination.address) }
}

/** What lies around the enclaves: platform, stacks, environments, segments, externals, risk records and peers. */
import { document } from './documents.ts'
import {
  domains, egressProxies, gatewayAddresses, infrastructureCidrs, insideCidrs, outsideCidrs, peerHosts, peerNames, stackCidrs, stackPeeredCidrs, trustDomain, upstreams,
} from './words.ts'
import type { Choices } from './choices.ts'
import type { Document } from './documents.ts'

export interface Outside {
  readonly documents: readonly Document[]
  readonly environments: readonly string[]
  readonly segments: readonly { readonly name: string; readonly restricted: boolean }[]
  readonly externals: readonly ExternalShape[]
  readonly peers: readonly string[]
}

export interface ExternalShape {
  readonly name: string
  readonly hasCidrs: boolean
  /** Wholly inside the space that a restricted segment may reach. */
  readonly inside: boolean
}

export function outside(choices: Choices): Outside {
  const environments = choices.some(['research', 'clinic', 'shared'], 1, 3)
  const stacks = choices.some(['main', 'second'], 1, 2)
  const segments = choices.some([{ name: 'open', restricted: false }, { name: 'sealed', restricted: true }], 0, 2)
  const peers = choices.some(peerNames, 0, 2)
  const external = Array.from({ length: choices.between(1, 4) }, (_, i) => externalOf(choices, `e${i}`))
  return {
    documents: [
      ...platformOf(choices),
      ...stacks.map((name) => document('Stack', name, { tenancy: choices.pick(['shared', 'dedicated']), cidrs: stackCidrs, peeredCidrs: stackPeeredCidrs })),
      ...environments.map((name) => document('Environment', name, { stack: choices.pick(stacks) })),
      ...segments.map(({ name, restricted }) =>
        document('IsolationSegment', name, {
          instances: 2, instanceType: 'small', egress: restricted ? 'restricted' : 'open', ...(choices.chance(50) ? { entitled: environments } : {}),
        }),
      ),
      ...external.flatMap(({ documents }) => documents),
      ...peers.map((name, i) =>
        document('Peer', name, {
          trustDomain: `${name}.example`, bundleEndpoint: { url: `https://${hostOr(choices, `${name}.example.org`)}/bundle` }, gateway: `${hostOr(choices, `gateway.${name}.example.org`)}:${8443 + i}`,
        }),
      ),
    ],
    environments,
    segments,
    externals: external.map(({ shape }) => shape),
    peers,
  }
}

function platformOf(choices: Choices): readonly Document[] {
  if (!choices.chance(70)) return []
  const addresses = choices.chance(40) ? { addresses: ['10.50.0.0/20', 'fd50::/64'] } : {}
  const infrastructure = choices.chance(60) ? { infrastructure: infrastructureCidrs } : {}
  const ports = { httpsPort: choices.pick([443, 8443]), bundlePort: 9443, ...(choices.chance(50) ? { httpPort: 80 } : {}), ...(choices.chance(20) ? { meshPort: 8001 } : {}) }
  const gateway = choices.chance(60) ? { gateway: { addresses: choices.some(gatewayAddresses, 1, 2), ...ports } } : {}
  const resolver = choices.chance(35) ? { resolver: { upstream: choices.some(upstreams, 1, 2) } } : {}
  const egressProxy = choices.chance(20) ? { egressProxy: choices.pick(egressProxies) } : {}
  return [document('Platform', 'generated', { trustDomain, ...addresses, ...infrastructure, ...gateway, ...resolver, ...egressProxy })]
}

function hostOr(choices: Choices, name: string): string {
  return choices.chance(35) ? choices.pick(peerHosts) : name
}

function externalOf(choices: Choices, name: string): { readonly documents: readonly Document[]; readonly shape: ExternalShape } {
  const inside = choices.chance(20)
  const held = choices.below(3)
  const cidrs = inside ? choices.some(insideCidrs, 1, 2) : held === 1 ? [] : choices.some(outsideCidrs, 1, 3)
  const names = inside || held === 0 ? [] : choices.some(domains, 1, 3)
  const telemetry = choices.chance(15)
  const documents = [
    document('External', name, {
      ...(names.length > 0 ? { domains: names } : {}), ...(cidrs.length > 0 ? { cidrs } : {}), infrastructure: choices.chance(30), telemetry,
    }),
  ]
  if (telemetry) {
    const risk = { external: name, software: 'licence client', owner: 'team', sends: ['its version'], where: 'abroad', legalBasis: 'contract', acceptedBy: 'owner', mitigations: ['proxied'], until: '2031-01-01T00:00:00Z' }
    documents.push(document('RiskRecord', `risk-${name}`, risk))
  }
  return { documents, shape: { name, hasCidrs: cidrs.length > 0, inside } }
}

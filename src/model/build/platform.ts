/** What the Platform document says of its own machinery: gateway, resolver, proxy on the way out, authority. */
import { parseAddress } from '../../net/address.ts'
import { parseAddressAndPort } from '../lexical.ts'
import { addresses, hostAndPort } from './topology.ts'
import type { Platform, PlatformGateway } from '../platform.ts'
import type { Context } from './context.ts'

type Own = Pick<Platform, 'addresses' | 'infrastructure' | 'gateway' | 'resolver' | 'egressProxy' | 'identity'>

/** Where workloads are of a platform that does not say. */
export const defaultAddresses = ['10.128.0.0/16', 'fdbb:1::/64']

/** `undefined` when no document describes the platform. */
export function machineryOf(context: Context<'Platform'> | undefined): Own {
  const spec = context?.doc.spec ?? {}
  const { egressProxy, identity = {} } = spec
  const { certificateFile, keyFile, rootsFile } = identity
  return {
    addresses: addresses(spec.addresses ?? defaultAddresses),
    infrastructure: addresses(spec.infrastructure ?? []),
    gateway: context === undefined ? undefined : gatewayOf(context),
    resolver: { upstream: (spec.resolver?.upstream ?? []).flatMap((text) => parseAddressAndPort(text, 53) ?? []) },
    egressProxy: egressProxy === undefined ? undefined : hostAndPort(egressProxy),
    identity: {
      authority: certificateFile === undefined || keyFile === undefined || rootsFile === undefined ? undefined : { certificateFile, keyFile, rootsFile },
      svidSeconds: (identity.svidMinutes ?? 60) * 60,
    },
  }
}

function gatewayOf(context: Context<'Platform'>): PlatformGateway | undefined {
  const { gateway } = context.doc.spec
  if (gateway === undefined) return undefined
  const { bundleCertificateFile: certificateFile, bundleKeyFile: keyFile } = gateway
  const ports = { httpsPort: gateway.httpsPort ?? 443, httpPort: gateway.httpPort, meshPort: gateway.meshPort ?? 15_443, bundlePort: gateway.bundlePort ?? 8443 }
  // Where nobody is there to fetch it, nothing of ours is served.
  const used = [ports.httpsPort, ports.meshPort, ...(ports.httpPort === undefined ? [] : [ports.httpPort]), ...(context.peerDomains.size > 0 ? [ports.bundlePort] : [])]
  if (new Set(used).size < used.length) context.problem(['gateway'], 'conflicting-fields', '`httpsPort`, `httpPort`, `meshPort` and, with Peers, `bundlePort` (8443 unless written) have to differ')
  return {
    addresses: gateway.addresses.flatMap((text) => parseAddress(text) ?? []), ...ports,
    bundleCertificate: certificateFile === undefined || keyFile === undefined ? undefined : { certificateFile, keyFile },
    at: context.place(['gateway']),
  }
}

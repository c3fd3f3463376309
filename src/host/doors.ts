/**
 * The door of other gateways, for those who try it: where it is, and with which certificates. Forged ones, which nobody should believe,
 * and those that workloads have; all of it stays in memory. And what is needed to try the doors of Peers.
 */
import { join } from 'node:path'
import { bundlePem } from '../identity/bundle.ts'
import { openBundleStore } from '../identity/bundle-store.ts'
import { authorityName, newKeyPair, rootCertificate, svidCertificate } from '../identity/certify.ts'
import { defaultMeshPort } from '../engines/envoy/inventory.ts'
import { envoyInventory } from './gateways/serve.ts'
import { formatAddress } from '../net/address.ts'
import { identityPlaces } from '../identity/places.ts'
import { readPrivate } from '../identity/private-files.ts'
import { readSvidFolder, svidFileNames } from '../identity/svid-files.ts'
import { outsideLabel } from '../verify/live/probe.ts'
import { sequence } from '../identity/der.ts'
import { toPem } from '../identity/pem.ts'
import type { CheckedSet } from './documents.ts'
import type { Credential, DoorPlanOptions } from '../verify/live/door-plan.ts'
import type { PeerPlanOptions } from '../verify/live/peer-plan.ts'
import type { Plan } from './plan.ts'
import type { WorkloadId } from '../model/platform.ts'

const lifeMs = 10 * 60_000

/** Who stands where the outbound gateway does, and for trials from outside, as an address of nobody (RFC 5737). */
export const outboundLabel = 'outbound gateway'
const strangerAddress = '192.0.2.77'

/** `undefined`: there is none, or nowhere to try it from. `between`: whether the outbound gateway may go there. */
export function doorFor(
  { platform, intent }: CheckedSet, folder: string, { places, inventory }: Pick<Plan, 'places' | 'inventory'>, { between, outside, now }: { readonly between: boolean; readonly outside: boolean; readonly now: number },
): Omit<DoorPlanOptions, 'now'> | undefined {
  const inbound = inventory.gateways?.inbound
  const [published] = platform.gateway?.addresses.filter(({ family }) => family === 4) ?? []
  const [bundle] = places.flatMap(({ workload }) => issuedTo(folder, workload)?.bundle ?? [])
  if (inbound === undefined || bundle === undefined || !(between || (outside && published !== undefined && platform.peers.size > 0))) return undefined
  return {
    ...(between || published === undefined ? { from: outboundLabel, address: formatAddress(inbound.ipv4) } : { from: outsideLabel, address: formatAddress(published), localAddress: strangerAddress }),
    port: platform.gateway?.meshPort ?? defaultMeshPort, bundle, inventory: envoyInventory(intent, places, inventory),
    forged: (how, name) => forge(how, name, now), issued: (workload) => issuedTo(folder, workload),
  }
}

/** `undefined`: nothing leads to a Peer. */
export function peersFor({ platform, intent }: CheckedSet, folder: string, { places, inventory }: Pick<Plan, 'places' | 'inventory'>): PeerPlanOptions | undefined {
  if (inventory.gateways?.outbound === undefined || platform.peers.size === 0) return undefined
  const held = openBundleStore(identityPlaces(folder).bundles)
  return {
    from: outboundLabel, inventory: envoyInventory(intent, places, inventory),
    bundleOf: (trustDomain) => {
      const kept = held.get(trustDomain)
      return kept === undefined ? undefined : bundlePem(kept.bundle)
    },
  }
}

/** In this name, valid for minutes, and good for nothing. */
export function forge(how: 'self-signed' | 'by a foreign authority', name: string, now: number): Credential {
  const own = newKeyPair()
  const key = own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const [from, to] = [now - lifeMs, now + lifeMs]
  if (how === 'self-signed') return { chain: toPem('CERTIFICATE', svidCertificate({ ...own, name: sequence() }, name, own.publicKey, from, to)), key }
  const root = { ...newKeyPair(), name: authorityName('root', 'of nobody') }
  const trustDomain = /^spiffe:\/\/([^/]+)/.exec(name)?.[1] ?? 'nobody.invalid'
  return { chain: [svidCertificate(root, name, own.publicKey, from, to), rootCertificate(root, trustDomain, from, to)].map((der) => toPem('CERTIFICATE', der)).join(''), key }
}

function issuedTo(folder: string, workload: WorkloadId): (Credential & { readonly bundle: string }) | undefined {
  const place = identityPlaces(folder).svid(workload)
  const svid = readSvidFolder(place)
  const bundle = svid === undefined ? undefined : readPrivate(join(place, svidFileNames.bundle))
  return svid === undefined || bundle === undefined ? undefined : { chain: svid.chain, key: svid.key.reveal(), bundle }
}

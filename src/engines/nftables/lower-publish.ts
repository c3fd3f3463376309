/** Published addresses: from a class of outside addresses, through a translation, to one attached workload. */
import { formatAddress } from '../../net/address.ts'
import { refuse } from './capabilities.ts'
import { merged } from './claims.ts'
import { identity, inboundGroup } from './inventory.ts'
import type { Path } from '../../intent/intent.ts'
import type { Address } from '../../net/address.ts'
import type { PublishAtom } from './atoms.ts'
import type { Refusal } from './capabilities.ts'
import type { Claim } from './claims.ts'
import type { Attachment, Inventory } from './inventory.ts'
import type { GatewayPublication } from './lower-gateways.ts'
import type { OutsideClasses } from './outside.ts'

/** What the inbound gateway answers on, and who else has such an end already. */
export function publishGateway(
  publications: readonly GatewayPublication[], inventory: Inventory, outside: OutsideClasses, taken: readonly PublishClaim[],
): { readonly claims: readonly PublishClaim[]; readonly refused: readonly Refusal[] } {
  const inbound = inventory.gateways?.inbound
  if (inbound === undefined) return { claims: [], refused: [] }
  const ends = new Set(taken.map((t) => `${t.protocol} ${formatAddress(t.address)} ${t.port}`))
  const refused: Refusal[] = []
  const found = new Map<string, { readonly atom: Omit<PublishAtom, 'path' | 'expires'>; readonly claims: Claim[] }>()
  for (const { path, sources, addresses, port, claim } of publications) {
    for (const address of addresses) {
      const end = `tcp ${formatAddress(address)} ${port}`
      if (ends.has(end)) {
        if (path !== undefined) refused.push(refuse('publish-conflict', path, formatEnd(address, port)))
        continue
      }
      for (const id of new Set(sources.flatMap((name) => outside.sources(name)))) {
        if (!outside.classes.some((c) => c.id === id && c.addresses.some((range) => range.family === address.family))) continue
        const key = `${id} ${end}`
        const privateAddress = address.family === 4 ? inbound.ipv4 : inbound.ipv6
        const entry = found.get(key) ?? { atom: { class: id, protocol: 'tcp', address, port, destination: inboundGroup, privateAddress, privatePort: port }, claims: [] }
        entry.claims.push(claim)
        found.set(key, entry)
      }
    }
  }
  return { claims: [...found.values()].map(({ atom, claims }) => ({ ...atom, ...merged(claims) })), refused }
}

export type PublishClaim = Omit<PublishAtom, 'path'> & { readonly key: string }

/** One address, port and protocol leads to one place: a second place is refused, not chosen between. */
export function lowerPublish(
  paths: readonly Path[], inventory: Inventory, outside: OutsideClasses,
): { readonly claims: readonly PublishClaim[]; readonly refused: readonly Refusal[] } {
  const refused: Refusal[] = []
  const taken = new Map<string, string>()
  const found = new Map<string, { readonly atom: Omit<PublishAtom, 'path' | 'expires'>; readonly claims: Claim[] }>()
  for (const path of paths) {
    const target = targetOf(path, inventory)
    if (target.kind === 'refusal') {
      refused.push(target)
      continue
    }
    const { via, source } = path
    if (via.kind !== 'publish' || source.kind !== 'external') continue
    for (const address of via.addresses) {
      const end = `${target.protocol} ${formatAddress(address)} ${via.port}`
      const privateAddress = address.family === 4 ? target.attachment.ipv4 : target.attachment.ipv6
      const place = `${formatAddress(privateAddress)} ${target.port}`
      if ((taken.get(end) ?? place) !== place) {
        refused.push(refuse('publish-conflict', path, formatEnd(address, via.port)))
        continue
      }
      taken.set(end, place)
      for (const id of outside.sources(source.external)) {
        if (!outside.classes.some((c) => c.id === id && c.addresses.some((range) => range.family === address.family))) continue
        const key = `${id} ${end}`
        const entry = found.get(key) ?? {
          atom: {
            class: id, protocol: target.protocol, address, port: via.port,
            destination: target.group, privateAddress, privatePort: target.port,
          },
          claims: [],
        }
        entry.claims.push({ ports: path.ports, expires: path.expires, documents: path.origin.map((o) => o.document) })
        found.set(key, entry)
      }
    }
  }
  return { claims: [...found.values()].map(({ atom, claims }) => ({ ...atom, ...merged(claims) })), refused }
}

interface Target {
  readonly kind: 'target'
  readonly protocol: PublishAtom['protocol']
  readonly port: number
  readonly group: number
  readonly attachment: Attachment
}

function targetOf(path: Path, inventory: Inventory): Target | Refusal {
  if (path.protocol === 'icmp') return refuse('publish-protocol', path)
  const [range] = path.ports
  if (range === undefined || path.ports.length > 1 || range.from !== range.to) return refuse('publish-ports', path)
  const { destination } = path
  const here = inventory.attachments.filter((a) => !a.probe && destination.kind === 'workload' && a.workload === destination.workload)
  const [attachment] = here
  if (attachment === undefined) return refuse('publish-unattached', path)
  if (here.length > 1) return refuse('publish-replicas', path)
  const group = inventory.groups.get(identity(attachment.workload, attachment.phase))
  if (group === undefined) return refuse('publish-unattached', path)
  return { kind: 'target', protocol: path.protocol, port: range.from, group, attachment }
}

function formatEnd(address: Address, port: number): string {
  return address.family === 4 ? `${formatAddress(address)}:${port}` : `[${formatAddress(address)}]:${port}`
}

/** Flows between identities and the outside: outward to addresses, inward to published addresses and to private ones. */
import { addressSetsOf, addressStretches, firstOf, only, portStretches, portsOfEnclaves, publishedAddresses } from './representatives.ts'
import { formatAddress } from '../../net/address.ts'
import { instantsOf, judge } from './subject.ts'
import { membersOf } from './inside.ts'
import { protocols } from '../../net/protocol.ts'
import { referenceDecide } from '../reference.ts'
import { setContains } from '../../net/address-set.ts'
import { uplinkGroup } from '../../engines/nftables/inventory.ts'
import type { Member } from './inside.ts'
import type { ReadPath } from '../../engines/nftables/read.ts'
import type { AddressRange } from '../../net/address-set.ts'
import type { Subject } from './subject.ts'

export function compareOutside(subject: Subject): void {
  const members = membersOf(subject)
  const cuts = subject.read.paths.flatMap((path) => [path.source.addresses ?? [], path.destination.addresses ?? [], path.published?.addresses ?? []])
  const hosts = subject.inventory.attachments.flatMap((each) => [only(each.ipv4), only(each.ipv6)])
  const stretches = addressStretches([...addressSetsOf(subject.platform), ...cuts, ...hosts])
  for (const member of members) outward(subject, member, stretches)
  inward(subject, members, stretches)
}

function outward(subject: Subject, member: Member, stretches: readonly AddressRange[]): void {
  const read = subject.index.between(member.group, uplinkGroup)
  if (read.length === 0 && !member.attached) return
  const instants = instantsOf(subject)
  const ports = portStretches([...portsOfEnclaves(subject.platform, new Set([member.enclave])), ...read.map((path) => path.ports)])
  for (const stretch of stretches) {
    const address = firstOf(stretch)
    for (const protocol of protocols) {
      for (const port of protocol === 'icmp' ? [undefined] : ports) {
        judge(subject, instants, {
          flow: { source: { kind: 'workload', workload: member.workload }, destination: { kind: 'address', address }, protocol, port: port?.from, phase: member.phase },
          read: [{ source: member.group, destination: uplinkGroup, family: address.family, protocol, port: port?.from, destinationAddress: address }],
          every: member.attached, ports: port === undefined ? [] : [port], source: member.name, destination: stretch,
        })
      }
    }
  }
}

function inward(subject: Subject, members: readonly Member[], stretches: readonly AddressRange[]): void {
  const { platform, index } = subject
  const instants = instantsOf(subject)
  const incoming = members.flatMap((member) => index.between(uplinkGroup, member.group).map((path) => ({ member, path })))
  for (const { member, path } of incoming) judgeIncoming(subject, member, path)
  const published = incoming.flatMap(({ path }) => path.published ?? [])
  const ports = portStretches([...portsOfEnclaves(platform, new Set()), ...published.map((each) => each.ports)])
  const addresses = stretches.map(firstOf).filter((each) => published.some(({ addresses: set }) => set === undefined || setContains(set, each)))
  const asked = new Map([...publishedAddresses(platform), ...addresses].map((each) => [formatAddress(each), each]))
  for (const [text, address] of [...asked].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const stretch of stretches.filter(({ family }) => family === address.family)) {
      const from = firstOf(stretch)
      for (const protocol of protocols) {
        for (const port of protocol === 'icmp' ? [undefined] : ports) {
          const packet = { source: uplinkGroup, family: address.family, protocol, port: port?.from, sourceAddress: from, destinationAddress: address, published: true }
          judge(subject, instants, {
            flow: { source: { kind: 'address', address: from }, destination: { kind: 'address', address }, protocol, port: port?.from, phase: undefined },
            read: members.map((member) => ({ ...packet, destination: member.group })),
            every: false, ports: port === undefined ? [] : [port], source: stretch, destination: text,
          })
        }
      }
    }
  }
}

/** What comes in may only come to a published address, and only be led to where a policy leads. */
function judgeIncoming(subject: Subject, member: Member, path: ReadPath): void {
  if (path.published !== undefined && leadsThere(subject, member, path)) return
  const what = path.published === undefined ? 'a private address answers the outside' : 'a published address leads where no policy does'
  for (const family of path.families) {
    subject.differences.add({
      kind: 'wider', source: 'outside', destination: member.name, protocol: path.protocol, ports: path.ports, family, cause: `${what} (${path.rule})`, declared: false,
    })
  }
}

/** Some External that the path lets in may be led to this workload's private ports. */
function leadsThere({ platform, now }: Subject, member: Member, path: ReadPath): boolean {
  if (path.protocol === 'other' || path.protocol === 'icmp-other') return false
  const { protocol } = path
  const asked = protocol === 'icmp' ? [undefined] : path.ports.flatMap((range) => [range.from, range.to])
  return asked.every((port) =>
    [...platform.externals.keys()].some((external) => {
      const flow = { source: { kind: 'external', external }, destination: { kind: 'workload', workload: member.workload }, protocol, port, phase: undefined } as const
      return referenceDecide(platform, flow, now) === 'allow'
    }),
  )
}

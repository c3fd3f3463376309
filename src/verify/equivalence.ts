/**
 * Holds what was read of a host's ruleset against what the documents mean, flow by flow, on enough flows to decide for
 * all: every pair of identities, every protocol, one port and one address of every stretch that nothing cuts.
 */
import { collectDifferences } from './equivalence/differences.ts'
import { compareInside } from './equivalence/inside.ts'
import { compareOutside } from './equivalence/outside.ts'
import { describePath } from '../engines/nftables/read.ts'
import { compareGateways, gatewayNames } from './equivalence/gateways.ts'
import { gatewaysOf, identity, outboundGroup, uplinkGroup } from '../engines/nftables/inventory.ts'
import { leadBit } from '../engines/nftables/marks.ts'
import { indexPaths } from './equivalence/read-index.ts'
import type { Difference } from './equivalence/differences.ts'
import type { RefusedPath } from './equivalence/refused.ts'
import type { Subject } from './equivalence/subject.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'
import type { GroupName, LeakKind, ReadContext, ReadPath, ReadResult } from '../engines/nftables/read.ts'
import type { Platform } from '../model/platform.ts'

export { formatDifference } from './equivalence/differences.ts'
export type { Difference } from './equivalence/differences.ts'
export type { RefusedPath } from './equivalence/refused.ts'

export interface Comparison {
  readonly verdict: 'equal' | 'narrower' | 'wider'
  /** Nothing is wider, and everything that is narrower was declared. */
  readonly acceptable: boolean
  /** Sorted: holes first. */
  readonly differences: readonly Difference[]
}

/** What a reading of this host's ruleset has to know. `routed`: the mark without which the host routes nothing. */
export function readContextOf(platform: Platform, inventory: Inventory, routed?: ReadContext['routed']): ReadContext {
  const placed = gatewaysOf(inventory)
  const gateways = placed.map(({ interface: name, group, ipv4, ipv6 }) => ({
    name, group, addresses: [ipv4, ipv6].map(({ family, bits }) => ({ family, first: bits, last: bits })),
    ...(group === outboundGroup ? { answersForOthers: true } : {}),
  }))
  const interfaces = inventory.attachments.map(({ interface: name, workload, phase, ipv4, ipv6 }) => ({
    name,
    group: inventory.groups.get(identity(workload, phase)) ?? 0,
    addresses: [ipv4, ipv6].map(({ family, bits }) => ({ family, first: bits, last: bits })),
  }))
  return {
    uplinkGroup,
    groups: [uplinkGroup, ...placed.map(({ group }) => group), ...inventory.groups.values()],
    space: platform.addresses,
    interfaces: [...interfaces, ...gateways, ...(inventory.uplink === undefined ? [] : [{ name: inventory.uplink.interface, group: uplinkGroup, addresses: undefined }])],
    ...(routed === undefined ? {} : { routed }),
    ...(inventory.gateways?.outbound === undefined ? {} : { led: { mask: leadBit, value: leadBit, group: outboundGroup } }),
  }
}

/**
 * `now`, in milliseconds since the epoch, is when the ruleset was listed. Flows whose answer changes within
 * `expirySlack` after it may have either: an element's remaining time is listed in whole seconds.
 */
export function compareWithReference(
  platform: Platform, read: ReadResult, inventory: Inventory, now: number, refused: readonly RefusedPath[] = [],
): Comparison {
  const differences = collectDifferences()
  const names = new Map([...inventory.groups].map(([name, group]) => [group, name] as const))
  const subject: Subject = { platform, read, index: indexPaths(read.paths), inventory, names, now, refused, differences }
  judgeResult(subject)
  compareInside(subject)
  compareOutside(subject)
  compareGateways(subject)
  const all = differences.all()
  const wider = all.some((each) => each.kind === 'wider')
  return Object.freeze({
    verdict: wider ? 'wider' : all.length > 0 ? 'narrower' : 'equal',
    acceptable: !wider && all.every((each) => each.declared),
    differences: all,
  })
}

const leakCauses: Readonly<Record<LeakKind, string>> = {
  established: 'packets of a connection pass although no path is open for it',
  reply: 'replies pass although no path is open for their connection',
  related: 'ICMP errors pass that do not come back along a path',
  invalid: 'packets pass that belong to no connection',
  untracked: 'packets pass that are not tracked',
  spoofed: 'packets pass with a source address that is not of their interface',
  'unknown-interface': 'packets pass from an interface that is not declared',
}

function judgeResult({ read, differences, names, inventory }: Subject): void {
  const name = (group: GroupName): string => {
    if (typeof group !== 'number') return groupWords[group]
    return names.get(group) ?? gatewayNames.get(group) ?? (group === uplinkGroup ? 'outside' : `group ${group}`)
  }
  const wider = (cause: string): void => {
    differences.add({ kind: 'wider', source: 'any', destination: 'any', protocol: 'any', cause, declared: false })
  }
  const widerPath = ({ source, destination, protocol, ports, families }: ReadPath, cause: string): void => {
    const ends = { source: name(source.group), destination: name(destination.group) }
    for (const family of families) differences.add({ kind: 'wider', ...ends, protocol, ports, family, cause, declared: false })
  }
  for (const { at, what } of read.unreadable) wider(`not understood at ${at}: ${what}`)
  if (read.noTable) wider('no base chain judges forwarded packets')
  for (const { kind, path } of read.leaks) widerPath(path, `${leakCauses[kind]} (${path.rule})`)
  for (const path of read.paths) {
    const strange = [path.source.group, path.destination.group].some((group) => group === 'other' || group === 'unknown')
    if (strange || path.protocol === 'other' || path.protocol === 'icmp-other') widerPath(path, `no policy can mean this (${path.rule}: ${describePath(path)})`)
  }
  const workloads = new Map(inventory.attachments.map((each) => [each.interface, identity(each.workload, each.phase)]))
  for (const { interface: device, family } of read.blocked) {
    const who = workloads.get(device)
    if (who === undefined) continue
    const cause = `what comes from \`${device}\` does not get as far as the policies`
    differences.add({ kind: 'narrower', source: who, destination: 'any', protocol: 'any', cause, declared: false, family })
  }
}

const groupWords = { any: 'any', other: 'a group without a meaning', unknown: 'an undeclared interface' } as const

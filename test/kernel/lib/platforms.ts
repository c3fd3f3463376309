/** A platform on a host: compiled, lowered, rendered, loaded by the real nft, listed and read back. */
import { addressFromBits } from '../../../src/net/address.ts'
import { assignGroups, noIds } from '../../../src/engines/nftables/ids.ts'
import { compareWithReference, readContextOf } from '../../../src/verify/equivalence.ts'
import { compile } from '../../../src/intent/compile.ts'
import { lower } from '../../../src/engines/nftables/lower.ts'
import { phases } from '../../../src/model/platform.ts'
import { readRuleset } from '../../../src/engines/nftables/read.ts'
import { render } from '../../../src/engines/nftables/render.ts'
import { routeBit } from '../../../src/engines/nftables/marks.ts'
import { gatewayInterfaces, gatewayOffsets, virtualKey } from '../../../src/engines/nftables/inventory.ts'
import type { Address } from '../../../src/net/address.ts'
import type { Atoms } from '../../../src/engines/nftables/atoms.ts'
import type { IdTable } from '../../../src/engines/nftables/ids.ts'
import type { Attachment, Gateway, Gateways, Inventory } from '../../../src/engines/nftables/inventory.ts'
import type { Intent } from '../../../src/intent/intent.ts'
import type { Comparison, RefusedPath } from '../../../src/verify/equivalence.ts'
import type { Family } from '../../../src/net/address.ts'
import type { Phase, Platform, Workload } from '../../../src/model/platform.ts'

export interface Hosted {
  readonly platform: Platform
  readonly inventory: Inventory
  readonly atoms: Atoms
  readonly ids: IdTable
  readonly text: string
  readonly refused: readonly RefusedPath[]
  readonly now: number
}

export type GatewayName = keyof typeof gatewayInterfaces

export interface HostOptions {
  readonly now: number
  readonly uplink: boolean
  /** In which phases replicas of a workload are attached; its own when unsaid. */
  readonly phasesOf?: (workload: Workload, index: number) => readonly Phase[]
  readonly replicasOf?: (workload: Workload, index: number) => number
  /** All three stand, or these; with the outbound one every peer's workload that is named has its addresses. Brokers are told what to permit. */
  readonly gateways?: boolean | readonly GatewayName[]
  /** Those of what the host carried before. */
  readonly before?: IdTable
}

export const gatewayNames: readonly GatewayName[] = ['outbound', 'inbound', 'resolver']

/** What a host with these attachments would load. */
export function hosted(platform: Platform, { now, uplink, phasesOf, replicasOf, gateways = false, before = noIds }: HostOptions): Hosted {
  const standing = gateways === true ? gatewayNames : gateways === false ? [] : gateways
  const attachments: Attachment[] = []
  const workloads = [...platform.workloads.values()]
  workloads.forEach((workload, index) => {
    for (const phase of phasesOf?.(workload, index) ?? [workload.phase]) {
      for (let replica = 0; replica < (replicasOf?.(workload, index) ?? 1); replica++) {
        const number = BigInt(attachments.length + (standing.length > 0 ? 16 : 2))
        attachments.push({
          interface: `bh${number}`, workload: workload.id, phase, replica, ...addressesAt(platform, number), probe: false,
        })
      }
    }
  })
  const ids = assignGroups(before, platform)
  const { intent } = compile(platform)
  const inventory: Inventory = {
    groups: ids.groups, attachments, uplink: uplink ? { interface: 'bhu0' } : undefined, ...(standing.length > 0 ? { gateways: gatewaysFor(platform, intent, standing), brokers: new Set(workloads.flatMap(({ id, broker }) => (broker === undefined ? [] : [id]))) } : {}),
  }
  const { atoms, refused, ids: table } = lower(platform, intent, inventory, ids, now)
  return { platform, inventory, atoms, ids: table, text: render(atoms, inventory, { now }), refused: refused.map(({ path }) => path), now }
}

function addressesAt(platform: Platform, offset: bigint): { readonly ipv4: Address; readonly ipv6: Address } {
  const at = (family: Family): bigint => (platform.addresses.find((range) => range.family === family)?.first ?? 0n) + offset
  return { ipv4: addressFromBits(4, at(4)), ipv6: addressFromBits(6, at(6)) }
}

function gatewaysFor(platform: Platform, intent: Intent, standing: readonly GatewayName[]): Gateways {
  const peers = new Set(intent.paths.flatMap(({ destination }) => (destination.kind === 'peer' && destination.workload !== '*' ? [virtualKey(destination)] : [])))
  const place = (name: GatewayName): Gateway => ({ interface: gatewayInterfaces[name], ...addressesAt(platform, BigInt(gatewayOffsets[name])) })
  return {
    ...Object.fromEntries(standing.map((name) => [name, place(name)])),
    virtual: !standing.includes('outbound') ? new Map() : new Map([...peers].map((key, i) => [key, addressesAt(platform, BigInt(1024 + i))])),
  }
}

/** `json` is the listing of what was loaded, or of what became of it. */
export function compared({ platform, inventory, refused, now }: Hosted, json: unknown): Comparison {
  const read = readRuleset(json, readContextOf(platform, inventory, { mask: routeBit, value: routeBit }))
  return compareWithReference(platform, read, inventory, now, refused)
}

/** Of four workloads one stands once, one in two phases, one twice and one twice in two phases. Only what stands once can be published. */
export const mixed = {
  phasesOf: ({ phase }: Workload, index: number): readonly Phase[] => (index % 2 === 0 ? [phase] : phases.filter((_phase, i) => (index + i) % 3 !== 0)),
  replicasOf: (_: Workload, index: number): number => 1 + (Math.floor(index / 2) % 2),
} as const

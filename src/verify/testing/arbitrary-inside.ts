/** The enclaves with their workloads and groups, and references to them. */
import { document } from './documents.ts'
import { enclaveNames, labelValues, peerEnclaves, portNames, portNumbers, trustDomain, workloadNames } from './words.ts'
import { brokerPort } from '../../model/platform.ts'
import type { Outside } from './arbitrary-outside.ts'
import type { Choices } from './choices.ts'
import type { Document } from './documents.ts'

export interface Inside {
  readonly documents: readonly Document[]
  readonly enclaves: readonly EnclaveShape[]
}

export interface EnclaveShape {
  readonly name: string
  readonly restricted: boolean
  readonly workloads: readonly WorkloadShape[]
  readonly groups: readonly string[]
}

interface WorkloadShape {
  readonly name: string
  readonly tier: string | undefined
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly protocol: string }[]
}

/** A reference as a document writes it, with the workloads it is known to select; a group's members are not worked out here. */
export interface WrittenRef {
  readonly written: string | { readonly labels: Readonly<Record<string, string>> }
  readonly selects: readonly WorkloadShape[]
}

export function inside(choices: Choices, around: Outside): Inside {
  const enclaves = choices.some(enclaveNames, 1, 3).map((name) => enclaveOf(choices, around, name))
  const exceptions = everyone(around, enclaves.map(({ shape }) => shape.name))
  return {
    documents: enclaves.flatMap(({ shape, documents }) => [...documents, ...groupsOf(choices, shape, exceptions)]),
    enclaves: enclaves.map(({ shape }) => shape),
  }
}

function enclaveOf(choices: Choices, around: Outside, name: string): { readonly shape: EnclaveShape; readonly documents: readonly Document[] } {
  const segment = around.segments.length > 0 && choices.chance(50) ? choices.pick(around.segments) : undefined
  const groups = choices.some(['inner', 'outer'], 0, 2)
  const open = around.segments.find(({ restricted }) => !restricted)
  const documents = [document('Enclave', name, { environment: choices.pick(around.environments), ...(segment === undefined ? {} : { segment: segment.name }) })]
  const workloads = choices.some(workloadNames, 1, 4).map((workload) => {
    const broker = choices.chance(12)
    const ports = [...portsOf(choices), ...(broker ? [{ name: brokerPort, port: 4222, protocol: 'tcp' }] : [])]
    const tier = choices.chance(60) ? choices.pick(labelValues) : undefined
    const made = document('Workload', workload, {
      ports,
      phase: choices.pick(['running', 'staging', 'task']),
      replicas: choices.between(1, 3),
      groups: groups.filter(() => choices.chance(80)),
      ...(open !== undefined && choices.chance(15) ? { segment: open.name } : {}),
      ...(broker ? { broker: 'nats' } : {}),
    }, name)
    documents.push(tier === undefined ? made : { ...made, metadata: { ...made.metadata, labels: { tier } } })
    return { name: workload, tier, ports }
  })
  return { shape: { name, restricted: segment?.restricted === true, workloads, groups }, documents }
}

function portsOf(choices: Choices): WorkloadShape['ports'] {
  const numbers = choices.some(portNumbers, 0, 4)
  const names = [...portNames]
  const ports = numbers.map((port) => {
    const name = choices.chance(60) ? names.shift() : undefined
    return { ...(name === undefined ? {} : { name }), port, protocol: choices.pick(['tcp', 'udp', 'sctp']) }
  })
  const twin = ports[0]?.protocol === 'tcp' && choices.chance(20) ? [{ ...ports[0], protocol: 'udp' }] : []
  return [...ports, ...twin]
}

/** Most groups list everybody as an exception, so that policies across their edge are accepted; the others are often refused. */
function groupsOf(choices: Choices, enclave: EnclaveShape, exceptions: readonly string[]): readonly Document[] {
  return enclave.groups.map((name) => {
    const members = choices.some(enclave.workloads.map((workload) => workload.name), 1, 3)
    const nested = name === 'outer' && enclave.groups.includes('inner') && choices.chance(60) ? ['group:inner'] : []
    const listed = choices.chance(15) ? choices.some(exceptions, 0, 2) : exceptions
    const direction = choices.chance(10) ? choices.pick(['in', 'out']) : 'both'
    return document('Group', name, {
      members: [...nested, ...members],
      exceptions: listed.map((end) => ({ with: end, direction })),
    }, enclave.name)
  })
}

function everyone(around: Outside, enclaves: readonly string[]): readonly string[] {
  return [
    ...enclaves.map((name) => `${name}/*`),
    ...around.externals.map(({ name }) => `external:${name}`),
    ...around.peers.flatMap((peer) => peerEnclaves.map((enclave) => `peer:${peer}/${enclave}/*`)),
  ]
}

/** A reference that a document of the enclave may make to its own workloads. */
export function localRef(choices: Choices, enclave: EnclaveShape): WrittenRef {
  const workload = choices.pick(enclave.workloads)
  switch (choices.below(9)) {
    case 8:
      return { written: `spiffe://${trustDomain}/enclave/${enclave.name}/workload/${workload.name}`, selects: [workload] }
    case 3:
      return { written: `${enclave.name}/${workload.name}`, selects: [workload] }
    case 4:
    case 5:
      return { written: `${enclave.name}/*`, selects: enclave.workloads }
    case 6: {
      const { tier } = workload
      if (tier === undefined) return { written: workload.name, selects: [workload] }
      return { written: { labels: { tier } }, selects: enclave.workloads.filter((other) => other.tier === tier) }
    }
    case 7:
      if (enclave.groups.length > 0) return { written: `group:${choices.pick(enclave.groups)}`, selects: [] }
      return { written: workload.name, selects: [workload] }
    default:
      return { written: workload.name, selects: [workload] }
  }
}

/** A reference across a boundary: by name only. */
export function foreignRef(choices: Choices, enclave: EnclaveShape): WrittenRef {
  const workload = choices.pick(enclave.workloads)
  if (choices.chance(40)) return { written: `${enclave.name}/*`, selects: enclave.workloads }
  return { written: `${enclave.name}/${workload.name}`, selects: [workload] }
}

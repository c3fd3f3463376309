/** Federation policies: halves that meet, halves that almost meet, halves alone, and halves with a Peer. */
import { document } from './documents.ts'
import { foreignRef, localRef } from './arbitrary-inside.ts'
import { encryption, expiry } from './arbitrary-parts.ts'
import { trafficOf } from './arbitrary-policies.ts'
import { peerEnclaves, peerWorkloads } from './words.ts'
import type { EnclaveShape, Inside, WrittenRef } from './arbitrary-inside.ts'
import type { Outside } from './arbitrary-outside.ts'
import type { Choices } from './choices.ts'
import type { Document } from './documents.ts'

interface Half {
  readonly owner: string
  readonly kind: 'exports' | 'imports'
  readonly written: Readonly<Record<string, unknown>>
}

export function federationPolicies(choices: Choices, around: Outside, within: Inside): readonly Document[] {
  const halves = [
    ...Array.from({ length: within.enclaves.length > 1 ? choices.below(4) : 0 }, () => pairOf(choices, within)).flat(),
    ...Array.from({ length: around.peers.length > 0 ? choices.below(3) : 0 }, () => peerHalf(choices, around, within)),
  ]
  return documentsOf(halves, choices.chance(30)).map(({ owner, spec }, i) => document('FederationPolicy', `f${i}`, { ...spec, ...encryption(choices, Object.values(spec).flat()), ...expiry(choices) }, owner))
}

/** One document for each half, or one for all halves of an owner. */
function documentsOf(halves: readonly Half[], together: boolean): readonly { readonly owner: string; readonly spec: Readonly<Record<string, readonly Half['written'][]>> }[] {
  if (!together) return halves.map(({ owner, kind, written }) => ({ owner, spec: { [kind]: [written] } }))
  return [...new Set(halves.map(({ owner }) => owner))].map((owner) => {
    const owned = (kind: Half['kind']): readonly Half['written'][] => halves.filter((each) => each.owner === owner && each.kind === kind).map(({ written }) => written)
    const [exports, imports] = [owned('exports'), owned('imports')]
    return { owner, spec: { ...(exports.length > 0 ? { exports } : {}), ...(imports.length > 0 ? { imports } : {}) } }
  })
}

/** An import and an export between the same two enclaves, drawn apart most of the time; sometimes one of them is missing. */
function pairOf(choices: Choices, within: Inside): readonly Half[] {
  const [from, to] = choices.chance(50) ? [0, 1] : [1, 0]
  const others = choices.some(within.enclaves, 2, 2)
  const source = others[from]
  const destination = others[to]
  if (source === undefined || destination === undefined) return []
  const same = { sources: sourceRef(choices, source, false), destinations: foreignRef(choices, destination) }
  const traffic = trafficOf(choices, [same.destinations])
  const imported = half(choices, source, destination, 'imports', choices.chance(60) ? { ...same, traffic } : undefined)
  const exported = half(choices, source, destination, 'exports', choices.chance(60) ? { ...same, traffic } : undefined)
  if (choices.chance(15)) return [imported]
  if (choices.chance(15)) return [exported]
  return [imported, exported]
}

interface Drawn {
  readonly sources: WrittenRef
  readonly destinations: WrittenRef
  readonly traffic: Readonly<Record<string, unknown>>
}

function half(choices: Choices, source: EnclaveShape, destination: EnclaveShape, kind: Half['kind'], drawn: Drawn | undefined): Half {
  const owner = kind === 'imports' ? source.name : destination.name
  const sources = drawn?.sources ?? sourceRef(choices, source, kind === 'imports')
  const destinations = drawn?.destinations ?? (kind === 'exports' ? localRef(choices, destination) : foreignRef(choices, destination))
  const traffic = drawn?.traffic ?? trafficOf(choices, [destinations])
  return { owner, kind, written: { source: sources.written, destination: destinations.written, ...traffic } }
}

/** Labels and groups select inside the owner's own enclave only. */
function sourceRef(choices: Choices, source: EnclaveShape, own: boolean): WrittenRef {
  return own ? localRef(choices, source) : foreignRef(choices, source)
}

function peerHalf(choices: Choices, around: Outside, within: Inside): Half {
  const enclave = choices.pick(within.enclaves)
  const peer = `peer:${choices.pick(around.peers)}/${choices.pick(peerEnclaves)}/${choices.pick(['*', ...peerWorkloads])}`
  const own = localRef(choices, enclave)
  if (choices.chance(50)) {
    return { owner: enclave.name, kind: 'imports', written: { source: own.written, destination: peer, ...trafficOf(choices, []) } }
  }
  return { owner: enclave.name, kind: 'exports', written: { source: peer, destination: own.written, ...trafficOf(choices, [own]) } }
}

/** The paths between one workload and what is outside in two sets: Externals by what they hold, and Peers by their workloads. */
import { unionAddresses } from '../net/address-set.ts'
import { changesOf, compareGrants, grantsOf, inForce, inside } from './compare-grants.ts'
import { formatParts, partsOf, sameExtent } from './outside.ts'
import { sameDeclared, samePaths } from './same-path.ts'
import type { Path, PathEnd } from '../intent/intent.ts'
import type { Change, ChangeEnd } from './change.ts'
import type { Verdict } from './compare-grants.ts'
import type { Grant } from './grants.ts'
import type { Extent, Part } from './outside.ts'
import type { Side } from './side.ts'

/** What is compared: two sets at one instant, and the workload at which all paths begin or end. */
export interface OutsideComparison {
  readonly before: Side
  readonly after: Side
  readonly near: PathEnd
  /** The end of every path that is outside. */
  readonly far: 'source' | 'destination'
  readonly now: number
}

const towards = { source: 'in', destination: 'out' } as const

export function compareOutside(comparison: OutsideComparison, old: readonly Path[], fresh: readonly Path[]): readonly Change[] {
  const { before, after, far } = comparison
  const [path] = fresh.length > 0 ? fresh : old
  if (path === undefined) return []
  const names = new Set([...old, ...fresh].flatMap((p) => (p[far].kind === 'external' ? [p[far].external] : [])))
  const unmoved = [...names].every((name) => sameDefinition(comparison, name))
  if (unmoved && samePaths(old, fresh) && sameDeclared(before, after, path)) return []
  const to = (kind: PathEnd['kind'], paths: readonly Path[]): readonly Path[] => inForce(paths, comparison.now).filter((p) => p[far].kind === kind)
  return [
    ...compareExternals(comparison, to('external', old), to('external', fresh)),
    ...comparePeers(comparison, to('peer', old), to('peer', fresh)),
  ]
}

function sameDefinition({ before, after, far }: OutsideComparison, name: string): boolean {
  const [old, fresh] = [before.extent(name, towards[far]), after.extent(name, towards[far])]
  return old === fresh || sameExtent(old, fresh)
}

interface Holder {
  readonly name: string
  readonly extent: Extent
  readonly old: boolean
  readonly fresh: boolean
}

function compareExternals(comparison: OutsideComparison, old: readonly Path[], fresh: readonly Path[]): readonly Change[] {
  const { before, after, far, now } = comparison
  const holders = holdersOf(comparison, old, fresh)
  const results = partsOf(holders.map(({ extent }) => extent)).map((part) => {
    const here = (paths: readonly Path[], which: 'old' | 'fresh'): readonly Path[] =>
      paths.filter((p) => [...part.holders].some((place) => holders[place]?.name === externalOf(p[far]) && holders[place]?.[which] === true))
    const [o, f] = [here(old, 'old'), here(fresh, 'fresh')]
    // A request is never judged for a bare address: there the path stays closed.
    const open = (side: Side, paths: readonly Path[]): readonly Grant[] =>
      grantsOf(side, paths, now).filter((g) => part.kind === 'names' || g.condition.kind !== 'http')
    return { part, verdict: compareGrants(open(before, o), open(after, f)), old: o, fresh: f }
  })
  const groups = new Map<string, { readonly parts: Part[]; readonly first: (typeof results)[number]; readonly old: Set<Path>; readonly fresh: Set<Path> }>()
  for (const result of results) {
    if (result.verdict.won.length === 0 && result.verdict.lost.length === 0) continue
    const key = JSON.stringify(result.verdict, (_, value: unknown) => (value === Infinity ? 'never' : value))
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = { parts: [], first: result, old: new Set(), fresh: new Set() }))
    group.parts.push(result.part)
    for (const p of result.old) group.old.add(p)
    for (const p of result.fresh) group.fresh.add(p)
  }
  return [...groups.values()].flatMap(({ parts, first, old: o, fresh: f }) =>
    describeOutside(parts, results.map((r) => r.part).filter((part) => part.kind === 'names' || !onlyRequests(first.verdict)), holders).flatMap((end) => {
      const [source, destination] = sourceFirst(comparison, end)
      return changesOf(first.verdict, source, destination, [...o], [...f])
    }),
  )
}

/** An External that means the same in both sets is one holder; one whose meaning changed is two. */
function holdersOf(comparison: OutsideComparison, old: readonly Path[], fresh: readonly Path[]): readonly Holder[] {
  const { before, after, far } = comparison
  const names = (paths: readonly Path[]): ReadonlySet<string> => new Set(paths.map((p) => externalOf(p[far])))
  const [o, f] = [names(old), names(fresh)]
  return [...new Set([...o, ...f])].sort().flatMap((name): readonly Holder[] => {
    if (o.has(name) && f.has(name) && sameDefinition(comparison, name)) return [{ name, extent: after.extent(name, towards[far]), old: true, fresh: true }]
    return [
      ...(o.has(name) ? [{ name, extent: before.extent(name, towards[far]), old: true, fresh: false }] : []),
      ...(f.has(name) ? [{ name, extent: after.extent(name, towards[far]), old: false, fresh: true }] : []),
    ]
  })
}

function externalOf(end: PathEnd): string {
  return end.kind === 'external' ? end.external : ''
}

/** Whole Externals by their names, and the rest as addresses and names, with the External that they are a part of. */
function describeOutside(parts: readonly Part[], all: readonly Part[], holders: readonly Holder[]): readonly ChangeEnd[] {
  const ends: ChangeEnd[] = []
  const inGroup = new Set(parts)
  let rest = parts
  for (const [place, { name }] of holders.entries()) {
    const held = all.filter((part) => part.holders.has(place))
    if (held.length === 0 || !held.every((part) => inGroup.has(part)) || !held.some((part) => rest.includes(part))) continue
    // One whose meaning changed is there twice, and its name alone would not say which of the two is meant.
    const text = holders.some((other, i) => i !== place && other.name === name) ? partText(held, [name]) : `external:${name}`
    ends.push(outsideEnd(text, held))
    rest = rest.filter((part) => !held.includes(part))
  }
  if (rest.length > 0) {
    const names = [...new Set(rest.flatMap((part) => Array.from(part.holders, (place) => holders[place]?.name ?? '')))].sort()
    ends.push(outsideEnd(partText(rest, names), rest))
  }
  return ends
}

/** `10.0.0.0/8 pypi.org (of external:x)`. */
function partText(parts: readonly Part[], names: readonly string[]): string {
  const texts = formatParts(parts)
  const shown = texts.length > 6 ? [...texts.slice(0, 5), `${texts.length - 5} more ranges`] : texts
  return `${shown.join(' ')} (of ${names.map((name) => `external:${name}`).join(', ')})`
}

function outsideEnd(text: string, parts: readonly Part[]): ChangeEnd {
  return { kind: 'outside', text, addresses: unionAddresses(...parts.map((p) => p.addresses)), names: parts.flatMap((p) => p.names) }
}

/** Such pieces mean names alone, so an External is whole when all its names are there. */
function onlyRequests({ won, lost }: Verdict): boolean {
  return [...won, ...lost].every(({ condition }) => condition.kind === 'http')
}

function comparePeers(comparison: OutsideComparison, old: readonly Path[], fresh: readonly Path[]): readonly Change[] {
  const { before, after, far, now } = comparison
  const enclaves = new Map<string, { readonly peer: string; readonly enclave: string; readonly named: Set<string> }>()
  for (const path of [...old, ...fresh]) {
    const end = path[far]
    if (end.kind !== 'peer') continue
    const key = `${end.peer}/${end.enclave}`
    let known = enclaves.get(key)
    if (known === undefined) enclaves.set(key, (known = { peer: end.peer, enclave: end.enclave, named: new Set() }))
    if (end.workload !== '*') known.named.add(end.workload)
  }
  return [...enclaves.values()].flatMap(({ peer, enclave, named }) =>
    [...[...named].sort(), '*'].flatMap((workload) => {
      const here = (paths: readonly Path[]): readonly Path[] =>
        paths.filter(({ [far]: end }) => end.kind === 'peer' && end.peer === peer && end.enclave === enclave && (end.workload === '*' || end.workload === workload))
      const [o, f] = [here(old), here(fresh)]
      const except = workload === '*' ? [...named].sort() : []
      const text = `peer:${peer}/${enclave}/${workload}`
      const end: ChangeEnd = { kind: 'peer', text, peer, enclave, workload, except }
      const [source, destination] = sourceFirst(comparison, end)
      return changesOf(compareGrants(grantsOf(before, o, now), grantsOf(after, f, now)), source, destination, o, f)
    }),
  )
}

function sourceFirst({ far, near }: OutsideComparison, end: ChangeEnd): readonly [source: ChangeEnd, destination: ChangeEnd] {
  return far === 'source' ? [end, inside(near)] : [inside(near), end]
}

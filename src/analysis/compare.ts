/** The paths between the same ends in two sets, held against each other. */
import { canonicalJson } from '../base/canonical-json.ts'
import { documentRefs } from './document-ref.ts'
import { asCarried, beyond } from './grants.ts'
import { formatParts, partsOf, sameExtent } from './outside.ts'
import { unionAddresses } from '../net/address-set.ts'
import type { Path, PathEnd } from '../intent/intent.ts'
import type { Change, ChangeEnd, ChangeKind } from './change.ts'
import type { DocumentRef } from './document-ref.ts'
import type { Grant, Piece } from './grants.ts'
import type { Extent, Part } from './outside.ts'
import type { Side } from './side.ts'

/** What travels from one workload to one other; the lists hold all paths of this pair. */
export function compareInside(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], now: number): readonly Change[] {
  const [path] = fresh.length > 0 ? fresh : old
  if (path === undefined || (samePaths(old, fresh) && sameDeclared(before, after, path))) return []
  const [had, has] = [grantsOf(before, old, now), grantsOf(after, fresh, now)]
  const verdict = compareGrants(asCarried(had, has), asCarried(has, had))
  return changesOf(verdict, inside(path.source), inside(path.destination), old, fresh)
}

/** What travels from one workload outward: to Externals, whatever their names, and to peers. */
export function compareOutgoing(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], now: number): readonly Change[] {
  const [path] = fresh.length > 0 ? fresh : old
  if (path === undefined) return []
  return comparePlaces(before, after, old, fresh, 'destination', path.source, now)
}

/** What travels to one workload from outside. */
export function compareIncoming(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], now: number): readonly Change[] {
  const [path] = fresh.length > 0 ? fresh : old
  if (path === undefined) return []
  return comparePlaces(before, after, old, fresh, 'source', path.destination, now)
}

type Far = 'source' | 'destination'
const towards = { source: 'in', destination: 'out' } as const

function comparePlaces(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], far: Far, near: PathEnd, now: number): readonly Change[] {
  const [path] = fresh.length > 0 ? fresh : old
  if (path === undefined) return []
  const names = new Set([...old, ...fresh].flatMap((p) => (p[far].kind === 'external' ? [p[far].external] : [])))
  const unmoved = [...names].every((name) => sameDefinition(before, after, name, far))
  if (unmoved && samePaths(old, fresh) && sameDeclared(before, after, path)) return []
  return [
    ...compareExternals(before, after, old.filter((p) => p[far].kind === 'external'), fresh.filter((p) => p[far].kind === 'external'), far, near, now),
    ...comparePeers(before, after, old.filter((p) => p[far].kind === 'peer'), fresh.filter((p) => p[far].kind === 'peer'), far, near, now),
  ]
}

function sameDefinition(before: Side, after: Side, name: string, far: Far): boolean {
  const [old, fresh] = [before.extent(name, towards[far]), after.extent(name, towards[far])]
  return old === fresh || sameExtent(old, fresh)
}

interface Holder {
  readonly name: string
  readonly extent: Extent
  readonly old: boolean
  readonly fresh: boolean
}

function compareExternals(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], far: Far, near: PathEnd, now: number): readonly Change[] {
  const holders = holdersOf(before, after, old, fresh, far)
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
      const [source, destination] = far === 'source' ? [end, inside(near)] : [inside(near), end]
      return changesOf(first.verdict, source, destination, [...o], [...f])
    }),
  )
}

/** An External that means the same in both sets is one holder; one whose meaning changed is two. */
function holdersOf(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], far: Far): readonly Holder[] {
  const names = (paths: readonly Path[]): ReadonlySet<string> => new Set(paths.map((p) => externalOf(p[far])))
  const [o, f] = [names(old), names(fresh)]
  return [...new Set([...o, ...f])].sort().flatMap((name): readonly Holder[] => {
    if (o.has(name) && f.has(name) && sameDefinition(before, after, name, far)) return [{ name, extent: after.extent(name, towards[far]), old: true, fresh: true }]
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

function comparePeers(before: Side, after: Side, old: readonly Path[], fresh: readonly Path[], far: Far, near: PathEnd, now: number): readonly Change[] {
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
      const [source, destination] = far === 'source' ? [end, inside(near)] : [inside(near), end]
      return changesOf(compareGrants(grantsOf(before, o, now), grantsOf(after, f, now)), source, destination, o, f)
    }),
  )
}

/** Such pieces mean names alone, so an External is whole when all its names are there. */
function onlyRequests({ won, lost }: Verdict): boolean {
  return [...won, ...lost].every(({ condition }) => condition.kind === 'http')
}

interface Verdict {
  readonly won: readonly Piece[]
  readonly lost: readonly Piece[]
  readonly wasOpen: boolean
  readonly isOpen: boolean
}

function compareGrants(old: readonly Grant[], fresh: readonly Grant[]): Verdict {
  return { won: beyond(fresh, old), lost: beyond(old, fresh), wasOpen: old.length > 0, isOpen: fresh.length > 0 }
}

function changesOf(verdict: Verdict, source: ChangeEnd, destination: ChangeEnd, old: readonly Path[], fresh: readonly Path[]): readonly Change[] {
  const { won, lost, wasOpen, isOpen } = verdict
  const change = (kind: ChangeKind, pieces: readonly Piece[], paths: readonly Path[]): readonly Change[] =>
    pieces.length === 0 ? [] : [{ kind, source, destination, pieces, policies: policiesOf(paths, pieces) }]
  return [...change(wasOpen ? 'widened' : 'opened', won, fresh), ...change(isOpen ? 'narrowed' : 'closed', lost, old)]
}

function grantsOf(side: Side, paths: readonly Path[], now: number): readonly Grant[] {
  return paths.flatMap((path) => side.grants(path, now))
}

/** Equal path by path but for their documents: then nothing can have changed between these ends. */
function samePaths(a: readonly Path[], b: readonly Path[]): boolean {
  return a.length === b.length && a.every((path, i) => b[i] !== undefined && samePath(path, b[i]))
}

function samePath(a: Path, b: Path): boolean {
  if (a === b) return true
  return (
    a.protocol === b.protocol && a.expires === b.expires && sameEnd(a.source, b.source) && sameEnd(a.destination, b.destination) &&
    a.ports.length === b.ports.length && a.ports.every((r, i) => r.from === b.ports[i]?.from && r.to === b.ports[i].to) &&
    a.phases.length === b.phases.length && a.phases.every((phase, i) => phase === b.phases[i]) &&
    sameVia(a, b)
  )
}

/** What a gateway does is not all in its path, so that is compared at length. */
function sameVia({ via: a }: Path, { via: b }: Path): boolean {
  if (a.kind === 'direct' && b.kind === 'direct') return a.messages === b.messages || canonicalJson(a.messages ?? null) === canonicalJson(b.messages ?? null)
  if (a.kind === 'mutual-tls' || a.kind === 'peer') return a.kind === b.kind
  return a.kind === 'egress' && b.kind === 'egress' && (a.http === b.http || canonicalJson(a.http) === canonicalJson(b.http))
}

function sameEnd(a: PathEnd, b: PathEnd): boolean {
  if (a.kind === 'workload') return b.kind === 'workload' && a.workload === b.workload
  if (a.kind === 'external') return b.kind === 'external' && a.external === b.external
  return b.kind === 'peer' && a.peer === b.peer && a.enclave === b.enclave && a.workload === b.workload
}

function sameDeclared(before: Side, after: Side, { source }: Path): boolean {
  if (source.kind !== 'workload' || before.platform === after.platform) return true
  return before.platform.workloads.get(source.workload)?.phase === after.platform.workloads.get(source.workload)?.phase
}

function inside(end: PathEnd): ChangeEnd {
  return { kind: 'workload', text: end.kind === 'workload' ? end.workload : '', workload: end.kind === 'workload' ? end.workload : '/' }
}

export function isOutward(path: Path): boolean {
  return path.destination.kind !== 'workload'
}

/** The documents of those paths that have a share in the pieces. */
function policiesOf(paths: readonly Path[], pieces: readonly Piece[]): readonly DocumentRef[] {
  const involved = paths.filter((path) =>
    pieces.some(
      (piece) =>
        piece.protocol === path.protocol &&
        (piece.protocol === 'icmp' || piece.ports.some((p) => path.ports.some((q) => q.from <= p.to && p.from <= q.to))),
    ),
  )
  return documentRefs(involved.flatMap((path) => path.origin))
}

/** What would change if some documents came or went, worked out from the ends that they touch and not from the whole set. */
import { compile } from '../intent/compile.ts'
import { builder } from '../intent/builder.ts'
import { setContains } from '../net/address-set.ts'
import { externalAddresses } from '../intent/externals.ts'
import { formatEnd } from '../intent/format.ts'
import { openFederation } from '../intent/federation.ts'
import { openEgress, openIngress, openService } from '../intent/open.ts'
import { sortPaths } from '../intent/order.ts'
import { selector } from '../intent/select.ts'
import { sortChanges } from './change.ts'
import { compareIncoming, compareInside, compareOutgoing, isOutward } from './compare.ts'
import { diffSides } from './diff.ts'
import { extentReader, grantReader, pathsTo, sideOf } from './side.ts'
import type { Intent, Path } from '../intent/intent.ts'
import type { Selector } from '../intent/select.ts'
import type { External, FederationPolicy, Platform, Policy } from '../model/platform.ts'
import type { Change, Diff } from './change.ts'
import type { Side } from './side.ts'

/** A policy that changes is one that goes and one that comes; they may bear the same name. */
export interface Proposal {
  readonly add?: readonly Policy[]
  readonly remove?: readonly Policy[]
  /** Externals that come; what is there already keeps its meaning. */
  readonly externals?: readonly External[]
}

/** Prepares the set once; `intent` must be that of `platform`. Each answer costs what the proposal touches. */
export function whatIf(platform: Platform, intent: Intent): (proposal: Proposal, now: number) => Diff {
  const before = sideOf(platform, intent)
  const select = selector(platform)
  const partners = federationIndex(platform.federationPolicies)
  return (proposal, now) => differenceOf(before, select, partners, proposal, now)
}

function differenceOf(before: Side, select: Selector, partners: Partners, proposal: Proposal, now: number): Diff {
  const { add = [], remove = [], externals = [] } = proposal
  // What goes away needs no look at the platform without it; only gateways are read from there, and Externals.
  const platform = externals.length > 0 || add.some((policy) => policy.kind === 'IngressPolicy') ? withProposal(before.platform, proposal) : before.platform
  if (touchesWaysOut(before.platform, [...add, ...remove])) {
    const whole = withProposal(before.platform, proposal)
    return diffSides(before, sideOf(whole, compile(whole).intent), now)
  }
  const after: Side = { ...before, platform, grants: grantReader(platform), extent: externals.length === 0 ? before.extent : extentReader(platform) }
  const gone = new Set(remove.map(documentOf))
  const going = pathsOf(before.platform, select, remove, partners(remove))
  const coming = pathsOf(platform, select, add, partners(add).filter((p) => !gone.has(documentOf(p))).concat(add.filter(isFederation)))
  const left = (paths: readonly Path[]): readonly Path[] => (gone.size === 0 ? paths : paths.filter((path) => !path.origin.some((o) => gone.has(o.document))))

  const places = new Map<string, { readonly path: Path; readonly arriving: Path[] }>()
  const placeOf = (path: Path): { readonly arriving: Path[] } => {
    const key = touched(path)
    let place = places.get(key)
    if (place === undefined) places.set(key, (place = { path, arriving: [] }))
    return place
  }
  going.forEach(placeOf)
  for (const path of coming) placeOf(path).arriving.push(path)
  const changes: Change[] = []
  for (const { path, arriving } of places.values()) {
    const old = known(before, path)
    changes.push(...compareLike(path)(before, after, old, [...left(old), ...arriving], now))
  }
  return { changes: sortChanges(changes) }
}

/** A pair of workloads stands alone; what goes out of one workload, or comes in to one, is compared together. */
function touched({ source, destination }: Path): string {
  if (destination.kind !== 'workload') return `${formatEnd(source)} >`
  return source.kind === 'workload' ? `${formatEnd(source)} > ${formatEnd(destination)}` : `> ${formatEnd(destination)}`
}

function known(side: Side, path: Path): readonly Path[] {
  if (path.destination.kind !== 'workload') return (side.sources.get(formatEnd(path.source)) ?? []).filter(isOutward)
  const destination = formatEnd(path.destination)
  if (path.source.kind === 'workload') return pathsTo(side.sources.get(formatEnd(path.source)) ?? [], destination)
  return side.outsiders.flatMap((source) => pathsTo(side.sources.get(source) ?? [], destination))
}

function compareLike({ source, destination }: Path): typeof compareInside {
  if (destination.kind !== 'workload') return compareOutgoing
  return source.kind === 'workload' ? compareInside : compareIncoming
}

/** What these policies open in their platform; a federation needs those that may meet it. */
function pathsOf(platform: Platform, select: Selector, policies: readonly Policy[], federation: readonly FederationPolicy[]): readonly Path[] {
  const build = builder()
  for (const policy of policies) {
    if (policy.kind === 'ServicePolicy') openService(build, select, policy)
    else if (policy.kind === 'EgressPolicy') openEgress(build, select, policy)
    else if (policy.kind === 'IngressPolicy') openIngress(build, select, policy)
  }
  const asked = new Set(policies.filter(isFederation).map(documentOf))
  if (asked.size === 0) return sortPaths(build.paths)
  const all = builder()
  openFederation(all, select, { ...platform, federationPolicies: federation })
  return sortPaths([...build.paths, ...all.paths.filter((path) => path.origin.some((o) => asked.has(o.document)))])
}

type Partners = (policies: readonly Policy[]) => readonly FederationPolicy[]

/** The federation policies that could meet one of these: those of the enclaves that it names. Itself included, when it is known. */
function federationIndex(policies: readonly FederationPolicy[]): Partners {
  const own = new Set(policies)
  const byPair = new Map<string, FederationPolicy[]>()
  for (const policy of policies) {
    for (const other of enclavesNamed(policy)) {
      const key = `${policy.enclave} ${other}`
      const list = byPair.get(key)
      if (list === undefined) byPair.set(key, [policy])
      else list.push(policy)
    }
  }
  return (asked) => {
    const found = new Set<FederationPolicy>()
    for (const policy of asked.filter(isFederation)) {
      if (own.has(policy)) found.add(policy)
      for (const other of enclavesNamed(policy)) for (const partner of byPair.get(`${other} ${policy.enclave}`) ?? []) found.add(partner)
    }
    return [...found]
  }
}

function enclavesNamed({ enclave, imports, exports }: FederationPolicy): ReadonlySet<string> {
  const refs = [...imports, ...exports].flatMap(({ source, destination }) => [...source, ...destination])
  const named = refs.flatMap((ref) => (ref.kind === 'workload' ? [before(ref.workload)] : ref.kind === 'group' ? [before(ref.group)] : ref.kind === 'peer' ? [] : [ref.enclave]))
  return new Set(named.filter((name) => name !== enclave))
}

function before(key: string): string {
  return key.slice(0, key.indexOf('/'))
}

/** A published address answers nobody inside, whatever policies say: where an External holds it, that touches every way out. */
function touchesWaysOut(platform: Platform, policies: readonly Policy[]): boolean {
  const published = policies.flatMap((policy) => (policy.kind === 'IngressPolicy' && policy.gateway.kind === 'publish' ? policy.gateway.addresses : []))
  if (published.length === 0) return false
  const addresses = externalAddresses(platform)
  return [...platform.externals.values()].some((external) => published.some((address) => setContains(addresses(external), address)))
}

function isFederation(policy: Policy): policy is FederationPolicy {
  return policy.kind === 'FederationPolicy'
}

/** As an origin names it. */
export function documentOf(policy: { readonly kind: string; readonly enclave: string; readonly name: string }): string {
  return `${policy.kind} ${policy.enclave}/${policy.name}`
}

/** The platform as it would be. */
export function withProposal(platform: Platform, { add = [], remove = [], externals = [] }: Proposal): Platform {
  const gone = new Set(remove.map(documentOf))
  // A name is there already; making a document's text for each of ten thousand policies would cost more than all the rest.
  const names = new Set(remove.map(({ name }) => name))
  const change = <P extends Policy>(policies: readonly P[], kind: P['kind']): readonly P[] => {
    const coming = add.filter((policy): policy is P => policy.kind === kind)
    if (coming.length === 0 && !remove.some((policy) => policy.kind === kind)) return policies
    return [...policies.filter((policy) => !names.has(policy.name) || !gone.has(documentOf(policy))), ...coming]
  }
  return {
    ...platform,
    ...(externals.length === 0 ? {} : { externals: new Map([...platform.externals, ...externals.map((e) => [e.name, e] as const)]) }),
    servicePolicies: change(platform.servicePolicies, 'ServicePolicy'),
    egressPolicies: change(platform.egressPolicies, 'EgressPolicy'),
    ingressPolicies: change(platform.ingressPolicies, 'IngressPolicy'),
    federationPolicies: change(platform.federationPolicies, 'FederationPolicy'),
  }
}

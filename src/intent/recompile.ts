/**
 * The Intent of a platform that differs from one already compiled in a few policies: only what they open is worked out, the
 * rest is kept. Objects stand for themselves here: a policy that is the same object is the same policy.
 */
import { sortDiagnostics } from '../base/diagnostic.ts'
import { builder } from './builder.ts'
import { externalAddresses } from './externals.ts'
import { groupEdges } from './group-edges.ts'
import { layerEdges } from './layers.ts'
import { openEgress, openIngress, openService } from './open.ts'
import { comparePaths } from './order.ts'
import { restrictedEgress } from './restricted.ts'
import { selector } from './select.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Platform } from '../model/platform.ts'
import type { Compiled } from './compile.ts'
import type { Path } from './intent.ts'
import type { Selector } from './select.ts'

export interface Recompiled extends Compiled {
  /** Paths that are new, and paths that have gone; a policy that was only moved in its file is in both. Sorted. */
  readonly opened: readonly Path[]
  readonly closed: readonly Path[]
}

type Policies = Pick<Platform, 'servicePolicies' | 'egressPolicies' | 'ingressPolicies'>

/**
 * Equal to `compile(after)`. `compiled` must be that of `before`. `undefined` when more has changed than service, egress and
 * ingress policies, which `compile` has to judge as a whole.
 */
export function recompile(before: Platform, compiled: Compiled, after: Platform): Recompiled | undefined {
  if (!sameOtherwise(before, after)) return undefined
  const { gone, come } = difference(before, after)
  const select = selectorOf(after)
  const closed = opens(select, gone)
  const opened = opens(select, come)
  const paths = Object.freeze(merge(compiled.intent.paths, closed, opened))
  const diagnostics = judged(after, select, compiled.diagnostics, gone, opened, before.egressPolicies !== after.egressPolicies)
  return { intent: Object.freeze({ kind: 'intent', paths }), diagnostics, opened, closed }
}

const judgedWhole = [
  'addresses', 'infrastructure', 'stacks', 'environments', 'segments', 'enclaves', 'workloads', 'groups', 'externals', 'peers', 'federationPolicies',
] as const satisfies readonly (keyof Platform)[]

function sameOtherwise(a: Platform, b: Platform): boolean {
  return judgedWhole.every((field) => a[field] === b[field])
}

function difference(before: Policies, after: Policies): { readonly gone: Policies; readonly come: Policies } {
  const services = changed(before.servicePolicies, after.servicePolicies)
  const egress = changed(before.egressPolicies, after.egressPolicies)
  const ingress = changed(before.ingressPolicies, after.ingressPolicies)
  return {
    gone: { servicePolicies: services.gone, egressPolicies: egress.gone, ingressPolicies: ingress.gone },
    come: { servicePolicies: services.come, egressPolicies: egress.come, ingressPolicies: ingress.come },
  }
}

/** Most lists begin and end alike: only what is between is compared one by one. */
function changed<T>(before: readonly T[], after: readonly T[]): { readonly gone: readonly T[]; readonly come: readonly T[] } {
  if (before === after) return { gone: [], come: [] }
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && before[head] === after[head]) head++
  let tail = 0
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
  const old = before.slice(head, before.length - tail)
  const fresh = after.slice(head, after.length - tail)
  return { gone: without(old, fresh), come: without(fresh, old) }
}

function without<T>(list: readonly T[], others: readonly T[]): readonly T[] {
  const known = new Set(others)
  return list.filter((item) => !known.has(item))
}

/** Building one costs a look at every workload. */
const selectors = new WeakMap<Platform['workloads'], { readonly groups: Platform['groups']; readonly select: Selector }>()

function selectorOf(platform: Platform): Selector {
  const known = selectors.get(platform.workloads)
  if (known !== undefined && known.groups === platform.groups) return known.select
  const select = selector(platform)
  selectors.set(platform.workloads, { groups: platform.groups, select })
  return select
}

function opens(select: Selector, policies: Policies): readonly Path[] {
  const build = builder()
  for (const policy of policies.servicePolicies) openService(build, select, policy)
  for (const policy of policies.egressPolicies) openEgress(build, select, policy)
  for (const policy of policies.ingressPolicies) openIngress(build, select, policy)
  return Object.freeze([...build.paths].sort(comparePaths))
}

/** All lists are sorted; `closed` are in `paths`. Copies what lies between the places where something changes. */
function merge(paths: readonly Path[], closed: readonly Path[], opened: readonly Path[]): Path[] {
  const edits = [
    ...closed.map((path) => ({ at: placeOf(paths, path), path: undefined })),
    ...opened.map((path) => ({ at: placeOf(paths, path), path })),
  ]
  // At one place, what goes is passed over before what comes is put in: they are never equal.
  edits.sort((a, b) => a.at - b.at || (a.path === undefined ? (b.path === undefined ? 0 : 1) : b.path === undefined ? -1 : comparePaths(a.path, b.path)))
  // Slicing a frozen list takes ten times as long as copying it whole and slicing the copy.
  const plain = [...paths]
  const parts: Path[][] = []
  let from = 0
  for (const { at, path } of edits) {
    if (at > from) parts.push(plain.slice(from, at))
    if (path === undefined) from = Math.max(from, at) + 1
    else {
      parts.push([path])
      from = Math.max(from, at)
    }
  }
  parts.push(plain.slice(from))
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : ([] as Path[]).concat(...parts)
}

/** Where a path is, or would be put: the first place whose path does not come before it. */
function placeOf(paths: readonly Path[], path: Path): number {
  let low = 0
  let high = paths.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const there = paths[middle]
    if (there !== undefined && comparePaths(there, path) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Problems of single paths, at the document that opens them. */
const edges: ReadonlySet<string> = new Set(['group-edge', 'database-reached', 'bastion-unlimited'])

function judged(platform: Platform, select: Selector, before: readonly Diagnostic[], gone: Policies, opened: readonly Path[], egress: boolean): readonly Diagnostic[] {
  const place = (at: Diagnostic['at']): string => `${at.file}:${at.line}:${at.column}`
  const places = new Set([...gone.servicePolicies, ...gone.egressPolicies, ...gone.ingressPolicies].map((p) => place(p.at)))
  const kept = before.filter((d) => !(edges.has(d.code) && places.has(place(d.at))) && !(egress && d.code === 'restricted-segment'))
  return sortDiagnostics([
    ...kept,
    ...groupEdges(platform, select, opened),
    ...layerEdges(platform, opened),
    ...(egress ? restrictedEgress(platform, select, externalAddresses(platform)) : []),
  ])
}

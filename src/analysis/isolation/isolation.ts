/** What separates two parties, layer by layer: by the documents, and by the machine where one is looked at. */
import { compareText } from '../../base/location.ts'
import { isExpired } from '../../model/platform.ts'
import { graphOf } from '../graph.ts'
import { container, enclave, identity, policy } from './layers-kernel.ts'
import { environment, host, infrastructure, layerOfHosts, segment, stack } from './layers-places.ts'
import { strongestOf } from './finding.ts'
import { placesOf } from './places.ts'
import type { Intent } from '../../intent/intent.ts'
import type { Platform } from '../../model/platform.ts'
import type { PolicyContext } from './context.ts'
import type { Finding, Strength } from './finding.ts'
import type { LiveFacts } from './live.ts'
import type { Party } from './party.ts'

export interface Isolation {
  readonly kind: 'isolation'
  /** Sorted by text: who is asked about first changes nothing. */
  readonly between: readonly [Party, Party]
  /** Milliseconds since the epoch. */
  readonly at: number
  /** When the machine was last tried, by the same clock; undefined where that says nothing about these documents. */
  readonly verified: { readonly at: number; readonly pairs: { readonly tried: number; readonly of: number } } | undefined
  /** One for each layer, from the outermost inwards. */
  readonly layers: readonly Finding[]
  /** Of the layers that separate them wholly; `none` when no layer does. */
  readonly strongest: Strength
}

const judges = [infrastructure, stack, segment, host, layerOfHosts, environment, enclave, container, identity, policy] as const

export interface IsolationOptions {
  readonly now: number
  /** What is known of the machine; without it the documents speak alone. */
  readonly live?: LiveFacts
}

/** For many questions about one set: what all of them go by is worked out once. */
export function separations(platform: Platform, intent: Intent, options: IsolationOptions): (parties: readonly [Party, Party]) => Isolation {
  const graph = graphOf(platform, intent, (path) => !isExpired(path, options.now))
  const around = { platform, graph, places: placesOf(platform), live: options.live }
  return (parties) => judged(around, parties, options)
}

export function isolation(platform: Platform, intent: Intent, parties: readonly [Party, Party], options: IsolationOptions): Isolation {
  return separations(platform, intent, options)(parties)
}

function judged(around: Omit<PolicyContext, 'parties'>, parties: readonly [Party, Party], options: IsolationOptions): Isolation {
  const between = apart(...parties).sort((a, b) => compareText(a.text, b.text)) as [Party, Party]
  const context: PolicyContext = { ...around, parties: between }
  const layers = judges.map((judge) => Object.freeze(judge(context)))
  const strongest = strongestOf(layers.filter(({ sharing }) => sharing === 'separate').map(({ strength }) => strength))
  return Object.freeze({ kind: 'isolation', between, at: options.now, verified: options.live?.verified, layers: Object.freeze(layers), strongest })
}

/** Where one is part of the other, the question is about the rest of it. */
function apart(a: Party, b: Party): [Party, Party] {
  if (isPart(a, b)) return [a, without(b, a)]
  if (isPart(b, a)) return [without(a, b), b]
  return [a, b]
}

function isPart(inner: Party, outer: Party): boolean {
  const all = new Set(outer.workloads)
  return inner.workloads.length > 0 && inner.workloads.length < outer.workloads.length && inner.workloads.every((w) => all.has(w))
}

function without(outer: Party, inner: Party): Party {
  const gone = new Set(inner.workloads)
  return Object.freeze({ ...outer, text: `the rest of ${outer.text}`, workloads: Object.freeze(outer.workloads.filter((w) => !gone.has(w))) })
}

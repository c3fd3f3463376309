/** What one layer has to say about two parties. */
import type { Location } from '../../base/location.ts'

/** From what the provider separates down to what one kernel does. */
export const isolationLayers = ['infrastructure', 'stack', 'segment', 'host', 'layer', 'environment', 'enclave', 'container', 'identity', 'policy'] as const
export type IsolationLayer = (typeof isolationLayers)[number]

/**
 * `shared`: both are in the same one; `partly`: some of theirs are; `separate`: nothing of theirs is; `unknown`: neither the
 * documents nor the machine say; `absent`: the platform has no such layer here.
 */
export type Sharing = 'shared' | 'partly' | 'separate' | 'unknown' | 'absent'

/** Weakest first. What one kernel separates by namespaces is weak: one fault of it joins the two. */
export const strengths = ['none', 'weak', 'moderate', 'strong', 'strongest'] as const
export type Strength = (typeof strengths)[number]

/**
 * What a finding rests on: `documents`, which say what shall be; `in force`, the agent's last look at the machine; `verified`, an
 * attempt on the machine with these documents; `contradicted`, the machine is not as the documents say.
 */
export type Basis = 'documents' | 'in force' | 'verified' | 'contradicted'

export interface Finding {
  readonly layer: IsolationLayer
  readonly sharing: Sharing
  /** The facts, in one sentence without a full stop. */
  readonly says: string
  /** For customers, where the words that are usual for this layer would say too much. */
  readonly told?: string
  /** For customers, one sentence more. */
  readonly alsoTold?: string
  /** What keeps the two apart here; undefined where nothing does. */
  readonly enforcedBy: string | undefined
  /** `none` unless it is `separate` or `partly`. */
  readonly strength: Strength
  readonly basis: Basis
  /** What would separate them here, or better; undefined where nothing more is to be had. */
  readonly stronger: string | undefined
  /** The documents that it rests on, `Kind name`, sorted. */
  readonly documents: readonly DocumentPlace[]
}

export interface DocumentPlace {
  readonly document: string
  readonly at: Location
}

export function strongestOf(all: Iterable<Strength>): Strength {
  let best: Strength = 'none'
  for (const one of all) if (strengths.indexOf(one) > strengths.indexOf(best)) best = one
  return best
}

/** Holds two deciders against each other over random platforms and flows. */
import { documentSets } from './arbitrary-set.ts'
import { flowsFrom, flowTapes } from './arbitrary-flow.ts'
import { formatFlow } from './flow-text.ts'
import fc from 'fast-check'
import type { DocumentSet } from './arbitrary-set.ts'
import type { Flow, Platform } from '../../model/platform.ts'

export type Verdict = 'allow' | 'deny'
export type Decider = (flow: Flow) => Verdict

/** A platform with two ways to decide its flows, or nothing where the set is refused. */
export interface Opponents {
  readonly platform: Platform
  readonly one: Decider
  readonly other: Decider
}

/** Fails with the documents and the flow on which the two differ. `meet` is called once for each random set. */
export function agreement(flowsEach: number, meet: (set: DocumentSet) => Opponents | undefined): fc.IProperty<[DocumentSet, Uint8Array]> {
  return fc.property(documentSets(), flowTapes(flowsEach), (set, tape) => {
    const opponents = meet(set)
    if (opponents === undefined) return
    for (const flow of flowsFrom(opponents.platform, tape, flowsEach)) {
      const one = opponents.one(flow)
      const other = opponents.other(flow)
      if (one !== other) throw new Error(`${one} and ${other}: ${formatFlow(flow)}\n${set.files.map(({ text }) => text).join('')}`)
    }
  })
}

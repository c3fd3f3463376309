/** The answer to one control, and what it stands on. */
import type { DocumentRef } from '../../analysis/document-ref.ts'
import type { Control } from './profile.ts'

export type Outcome = 'pass' | 'fail' | 'not applicable' | 'needs a person'

export interface Fact {
  readonly what: string
  /** The documents that make it so. */
  readonly documents?: readonly DocumentRef[]
}

export interface Finding {
  readonly outcome: Outcome
  readonly facts: readonly Fact[]
}

export interface ControlAnswer extends Finding {
  readonly id: string
  readonly title: string
  readonly source: string
  readonly question: string
  /** What only a person can see, whatever the outcome is. */
  readonly remains?: string
}

export function answered({ id, title, source, question, remains }: Control, finding: Finding): ControlAnswer {
  return { id, title, source, question, ...finding, ...(remains === undefined ? {} : { remains }) }
}

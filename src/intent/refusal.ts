/** The words in which every engine says what it carries and what it does not. */
import type { Path } from './intent.ts'

/** A path, or a part of one, that stays closed where an engine cannot express it. Nothing is widened to make it fit. */
export interface Refusal<Code extends string> {
  readonly kind: 'refusal'
  readonly code: Code
  readonly path: Path
  readonly reason: string
}

export interface Capability {
  readonly what: string
  readonly carried: boolean
  readonly how: string
}

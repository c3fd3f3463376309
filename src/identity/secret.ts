/** A private key in memory, in a form that no log, error text, JSON document or inspection shows. */
import { inspect } from 'node:util'

export interface Secret {
  readonly kind: 'secret'
  /** The one way to the text; for writing it where its owner alone reads it. */
  readonly reveal: () => string
}

export function secret(text: string): Secret {
  const shown = (): string => '(secret)'
  // The text lives in a closure: no member holds it.
  return Object.freeze({ kind: 'secret', reveal: () => text, toString: shown, toJSON: shown, [inspect.custom]: shown })
}

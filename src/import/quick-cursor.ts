/** Where the quick reader is in its text, and how it gives up. */

export const deepest = 40

/** Not read here: the text has something that needs the complete reader. */
export class Unusual extends Error {}

export function unusual(): never {
  throw new Unusual()
}

export interface Cursor {
  readonly text: string
  at: number
  depth: number
  /** The document is one flow collection, which may go over lines; inside a block that has rules of its own. */
  alone: boolean
  readonly isJson: boolean
}

export function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

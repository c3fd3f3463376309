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
  /** Where keys and values stand, when somebody asks. */
  readonly marks: Marks | undefined
}

/** For each mapping and list its entries: where the key is (none in a list), and the value; a value of nothing is nowhere. */
export type Marks = Map<object, Map<string | number, { readonly key: number; readonly value: number | undefined }>>

/** Notes an entry of a collection that is being read. */
export function mark(c: Cursor, collection: object, name: string | number, key: number, at: number, value: unknown): void {
  if (c.marks === undefined) return
  let entries = c.marks.get(collection)
  if (entries === undefined) c.marks.set(collection, (entries = new Map()))
  entries.set(name, { key, value: value === null ? undefined : at })
}

export function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

/**
 * Plain files to raw documents in one pass. Where something stands is looked up only when somebody asks, by reading that
 * document once more: a set of a hundred thousand documents keeps no trees of its texts.
 */
import { parseFile } from '../syntax.ts'
import { quickYaml } from './yaml.ts'
import type { Location } from '../../base/location.ts'
import type { Path, RawDocument, SourceFile } from '../source.ts'
import type { Parsed } from '../syntax.ts'
import type { Marks } from './cursor.ts'

/** Anything that the quick reader must not meet: controls, characters that hide or reorder text, and byte order marks. */
const unusualCharacter = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2060-\u2069\u2028\u2029\ufeff]/

/** Directives, ends of documents, and anything but a comment on the line of a marker. */
const unusualMarker = /^(?:%|\.\.\.(?:\s|$)|---(?! *$| +#))/m

const marker = /^---(?: *| +#.*)$\n?/m

/** A part of a file that is one document, and the line on which it begins. */
export interface Part {
  readonly text: string
  readonly line: number
}

/** `undefined` where the text has anything that only the complete reader may judge. */
export function partsOf(text: string): readonly Part[] | undefined {
  if (unusualCharacter.test(text) || unusualMarker.test(text)) return undefined
  let line = 1
  return text.split(marker).map((part) => {
    const above = line
    line += breaks(part) + 1
    return { text: part, line: above }
  })
}

/** What `parseFile` gives, or `undefined` for a file in which anything is wrong or may mean something to what is around it. */
export function quickFile(file: SourceFile): readonly RawDocument[] | undefined {
  if (file.path.toLowerCase().endsWith('.json')) return quickJson(file)
  const documents: RawDocument[] = []
  for (const part of partsOf(file.text) ?? [undefined]) {
    if (part === undefined) return undefined
    const document = quickDocument(file, part)
    if (document !== undefined) documents.push(document)
    else if (!saysNothing(part.text)) {
      const { documents: complete, diagnostics } = completePart(file, part)
      // What is wrong with one part may be about the whole file.
      if (diagnostics.length > 0 || complete.some(({ problems }) => problems.length > 0)) return undefined
      documents.push(...complete)
    }
  }
  return documents
}

function quickJson(file: SourceFile): readonly RawDocument[] | undefined {
  if (unusualCharacter.test(file.text) || !isJson(file.text)) return undefined
  const document = quickDocument(file, { text: file.text.replaceAll('\t', ' '), line: 1 }, true)
  return document === undefined ? undefined : [document]
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function saysNothing(text: string): boolean {
  return text.split('\n').every((line) => /^ *(?:#|$)/.test(line))
}

/** `undefined` when the part is not plain, or says nothing. */
export function quickDocument(file: SourceFile, part: Part, isJson = false): RawDocument | undefined {
  const read = quickYaml(part.text, isJson)
  if (read === undefined) return undefined
  const at = place(file, part, read.start)
  return {
    file,
    value: read.value,
    at,
    problems: [],
    locate: (path) => place(file, part, offsetOf(markedAs(part, isJson), path)),
    locateKey: (path) => place(file, part, keyOffset(markedAs(part, isJson), path)),
  }
}

/** The complete reading of one part, with the places of its file. */
export function completePart(file: SourceFile, part: Part): Parsed {
  const down = (at: Location): Location => ({ ...at, line: at.line + part.line - 1 })
  const { documents, diagnostics } = parseFile({ ...file, text: part.text })
  return {
    documents: documents.map((document) => ({
      ...document,
      file,
      at: down(document.at),
      problems: document.problems.map((d) => ({ ...d, at: down(d.at) })),
      locate: (path) => down(document.locate(path)),
      locateKey: (path) => down(document.locateKey(path)),
    })),
    diagnostics: diagnostics.map((d) => ({ ...d, at: down(d.at) })),
  }
}

interface Marked {
  readonly value: unknown
  readonly start: number
  readonly marks: Marks
}

/** Questions come for one document after the other, so the last one is kept. */
let last: { readonly part: Part; readonly marked: Marked } | undefined

function markedAs(part: Part, isJson: boolean): Marked {
  if (last?.part === part) return last.marked
  const marks: Marks = new Map()
  const { value, start } = quickYaml(part.text, isJson, marks) ?? { value: null, start: 0 }
  const marked = { value, start, marks }
  last = { part, marked }
  return marked
}

function offsetOf({ value, start, marks }: Marked, path: Path): number {
  let here = value
  let offset = start
  for (const step of path) {
    const entry = entryOf(marks, here, step)
    if (entry === undefined) break
    if (!Array.isArray(here)) offset = entry.key
    if (entry.value === undefined) break
    offset = entry.value
    here = inside(here, step)
  }
  return offset
}

function keyOffset(marked: Marked, path: Path): number {
  const here = path.slice(0, -1).reduce(inside, marked.value)
  const step = path.at(-1)
  const entry = step === undefined || Array.isArray(here) ? undefined : entryOf(marked.marks, here, step)
  return entry?.key ?? offsetOf(marked, path)
}

function entryOf(marks: Marks, here: unknown, step: string | number): { readonly key: number; readonly value: number | undefined } | undefined {
  if (typeof here !== 'object' || here === null) return undefined
  return marks.get(here)?.get(Array.isArray(here) ? Number(step) : step)
}

function inside(here: unknown, step: string | number): unknown {
  if (typeof here !== 'object' || here === null) return undefined
  return Array.isArray(here) ? (here as readonly unknown[])[Number(step)] : (here as Readonly<Record<string, unknown>>)[step]
}

function place(file: SourceFile, { text, line }: Part, offset: number): Location {
  return { file: file.path, line: line + breaks(text, offset), column: offset - text.lastIndexOf('\n', offset - 1) }
}

function breaks(text: string, end = text.length): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) count++
  return count
}

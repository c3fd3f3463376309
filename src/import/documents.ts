/**
 * Files to raw documents, quickly where a document is plain. Where something stands is looked up only when somebody asks:
 * of a cluster's many thousand manifests most are never spoken of.
 */
import { parseFile } from '../model/syntax.ts'
import { quickYaml } from './quick-yaml.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Location } from '../base/location.ts'
import type { SourceFile } from '../base/source-file.ts'
import type { Parsed } from '../model/syntax.ts'
import type { RawDocument } from '../model/source.ts'

/** Anything that the quick reader must not meet: controls, characters that hide or reorder text, and byte order marks. */
const unusualCharacter = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2060-\u2069\u2028\u2029\ufeff]/

/** Directives, ends of documents, and text on the line of a marker. */
const unusualMarker = /^(?:%|\.\.\.(?:\s|$)|--- +[^ #\n])/m

export function readDocuments(file: SourceFile): Parsed {
  const { text, path } = file
  if (unusualCharacter.test(text)) return parseFile(file)
  if (path.toLowerCase().endsWith('.json')) return readJson(file)
  if (unusualMarker.test(text)) return parseFile(file)
  const documents: RawDocument[] = []
  const diagnostics: Diagnostic[] = []
  let line = 1
  for (const part of text.split(/^---[ ]*(?:#.*)?$\n?/m)) {
    const above = line
    line += breaks(part) + 1
    const piece: SourceFile = { ...file, text: part }
    const quick = quickYaml(part)
    if (quick !== undefined) documents.push(quickDocument(file, piece, quick, above))
    else if (part.trim() !== '') {
      const parsed = parseFile(piece)
      documents.push(...parsed.documents.map((document) => moved(file, document, above)))
      diagnostics.push(...parsed.diagnostics.map((d) => ({ ...d, at: down(d.at, above) })))
    }
  }
  return { documents, diagnostics }
}

function readJson(file: SourceFile): Parsed {
  const quick = isJson(file.text) ? quickYaml(file.text.replaceAll('\t', ' '), true) : undefined
  return quick === undefined ? parseFile(file) : { documents: [quickDocument(file, file, quick, 1)], diagnostics: [] }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function quickDocument(file: SourceFile, piece: SourceFile, { value, start }: { readonly value: unknown; readonly start: number }, above: number): RawDocument {
  let complete: RawDocument | undefined
  const look = (): RawDocument => {
    complete ??= parseFile(piece).documents[0]
    if (complete === undefined) throw new TypeError('the quick reader read what the complete one does not')
    return complete
  }
  const before = piece.text.slice(0, start)
  const at: Location = { file: file.path, line: above + breaks(before), column: start - before.lastIndexOf('\n') }
  return { file, value, at, problems: [], locate: (path) => down(look().locate(path), above), locateKey: (path) => down(look().locateKey(path), above) }
}

function moved(file: SourceFile, document: RawDocument, above: number): RawDocument {
  return {
    ...document,
    file,
    at: down(document.at, above),
    problems: document.problems.map((d) => ({ ...d, at: down(d.at, above) })),
    locate: (path) => down(document.locate(path), above),
    locateKey: (path) => down(document.locateKey(path), above),
  }
}

/** `above` is the line of the file on which the part begins. */
function down(at: Location, above: number): Location {
  return { ...at, line: at.line + above - 1 }
}

function breaks(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}

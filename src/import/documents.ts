/**
 * Files to raw documents, quickly where a document is plain. Where something stands is looked up only when somebody asks:
 * of a cluster's many thousand manifests most are never spoken of.
 */
import { parseFile } from '../model/syntax.ts'
import { partsOf, quickDocument, quickFile } from '../model/quick/documents.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Location } from '../base/location.ts'
import type { SourceFile } from '../base/source-file.ts'
import type { Parsed } from '../model/syntax.ts'
import type { RawDocument } from '../model/source.ts'

export function readDocuments(file: SourceFile): Parsed {
  const quick = quickFile(file)
  if (quick !== undefined) return { documents: quick, diagnostics: [] }
  const parts = file.path.toLowerCase().endsWith('.json') ? undefined : partsOf(file.text)
  if (parts === undefined) return parseFile(file)
  const documents: RawDocument[] = []
  const diagnostics: Diagnostic[] = []
  for (const part of parts) {
    const plain = quickDocument(file, part)
    if (plain !== undefined) documents.push(plain)
    else if (part.text.trim() !== '') {
      const parsed = parseFile({ ...file, text: part.text })
      documents.push(...parsed.documents.map((document) => moved(file, document, part.line)))
      diagnostics.push(...parsed.diagnostics.map((d) => ({ ...d, at: down(d.at, part.line) })))
    }
  }
  return { documents, diagnostics }
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

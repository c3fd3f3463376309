/**
 * Files to raw documents, quickly where a document is plain. Where something stands is looked up only when somebody asks:
 * of a cluster's many thousand manifests most are never spoken of.
 */
import { parseFile } from '../model/syntax.ts'
import { completePart, partsOf, quickDocument, quickFile } from '../model/quick/documents.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { SourceFile } from '../base/source-file.ts'
import type { Parsed } from '../model/syntax.ts'
import type { RawDocument } from '../model/source.ts'

/** What is wrong with one document stands beside the others, which are read. */
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
      const complete = completePart(file, part)
      documents.push(...complete.documents)
      diagnostics.push(...complete.diagnostics)
    }
  }
  return { documents, diagnostics }
}

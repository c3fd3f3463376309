/**
 * Every error code there is. Codes are stable: scripts, SARIF rules and docs/errors.md (generated from here) rely on
 * them. A new code is one new entry in the file of its kind.
 */
import { auditErrors } from './catalogue/audit.ts'
import { documentErrors } from './catalogue/documents.ts'
import { filesErrors } from './catalogue/files.ts'
import { identityErrors } from './catalogue/identity.ts'
import { operationErrors } from './catalogue/operation.ts'
import { placementErrors } from './catalogue/placement.ts'
import { shapeErrors } from './catalogue/shape.ts'
import { syntaxErrors } from './catalogue/syntax.ts'
import { valueErrors } from './catalogue/values.ts'
import type { CatalogueEntry } from './catalogue/entry.ts'

export type { CatalogueEntry } from './catalogue/entry.ts'

const catalogue = {
  ...filesErrors,
  ...syntaxErrors,
  ...shapeErrors,
  ...valueErrors,
  ...documentErrors,
  ...placementErrors,
  ...operationErrors,
  ...identityErrors,
  ...auditErrors,
} as const satisfies Readonly<Record<string, CatalogueEntry>>

export type ErrorCode = keyof typeof catalogue

export function catalogueEntry(code: ErrorCode): CatalogueEntry {
  return catalogue[code]
}

/** All codes in the order of the alphabet. */
export function errorCodes(): readonly ErrorCode[] {
  return (Object.keys(catalogue) as ErrorCode[]).sort()
}

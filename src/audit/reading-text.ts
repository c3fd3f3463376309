/** How the table read back compares with the documents, in one set of words for commands, controls and the report. */
import type { TableReading } from '../host/table-reading.ts'

const words: Readonly<Record<TableReading['verdict'], string>> = {
  equal: 'equal to the documents', narrower: 'narrower than the documents', wider: 'wider than the documents', unreadable: 'not readable',
}

export function readingText(verdict: TableReading['verdict']): string {
  return words[verdict]
}

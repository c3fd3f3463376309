/** docs/errors.md, from the catalogue. */
import { catalogueEntry, errorCodes } from './catalogue.ts'

export function errorsPage(): string {
  return [
    '<!-- Written by `bulkhead schema`; changes here are lost. -->',
    '# Errors',
    '',
    'Every message ends with its code in brackets. Codes are stable.',
    '',
    ...errorCodes().flatMap((code) => {
      const { title, why, fix } = catalogueEntry(code)
      return [`## ${code}`, '', `${title.charAt(0).toUpperCase()}${title.slice(1)}.`, '', why, '', `What to do: ${fix.charAt(0).toLowerCase()}${fix.slice(1)}`, '']
    }),
  ].join('\n')
}

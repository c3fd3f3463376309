/** Diagnostics as SARIF 2.1.0, for code scanning: every code of the catalogue is a rule. */
import { catalogueEntry, errorCodes } from '../../base/catalogue.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'

/** `uriOf` gives a file's path relative to the working directory, with `/`. */
export function sarif(diagnostics: readonly Diagnostic[], version: string, uriOf: (file: string) => string): unknown {
  const codes = errorCodes()
  const index = new Map(codes.map((code, i) => [code, i] as const))
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'bulkhead',
            version,
            rules: codes.map((code) => {
              const { title, why, fix } = catalogueEntry(code)
              return { id: code, shortDescription: { text: title }, fullDescription: { text: why }, help: { text: fix } }
            }),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: diagnostics.map((d) => ({
          ruleId: d.code,
          ruleIndex: index.get(d.code) ?? -1,
          level: d.severity,
          message: { text: d.help === undefined ? d.message : `${d.message}\n${d.help}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(d.at.file).split('/').map(encodeURIComponent).join('/') },
                region: { startLine: d.at.line, startColumn: d.at.column },
              },
            },
          ],
        })),
      },
    ],
  }
}

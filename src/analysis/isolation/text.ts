/** An answer about separation as lines for eyes and as plain data for machines. */
import { formatInstant } from '../../base/clock.ts'
import { escapeText } from '../../base/diagnostic.ts'
import type { Basis, Finding } from './finding.ts'
import type { Isolation } from './isolation.ts'

/** What happened last to the documents of a finding, in a few words; undefined where nobody keeps that. */
export type Since = (finding: Finding) => string | undefined

const basisWords: Readonly<Record<Basis, string>> = {
  'documents': 'the documents say so',
  'in force': 'in force on this machine',
  'verified': 'tried on this machine',
  'contradicted': 'not as the documents say',
}

export function isolationText({ between, layers, strongest }: Isolation, since: Since): string {
  const lines = layers.flatMap((finding) => {
    const head = `${finding.layer.padEnd(15)} ${finding.sharing.padEnd(9)} ${(finding.strength === 'none' ? '' : finding.strength).padEnd(10)}`
    const more = [
      ...(finding.enforcedBy === undefined ? [] : [`by ${finding.enforcedBy}`]),
      ...(finding.sharing === 'absent' || finding.sharing === 'unknown' ? [] : [[basisWords[finding.basis], since(finding)].filter((text) => text !== undefined).join('; ')]),
      ...(finding.stronger === undefined ? [] : [`stronger: ${finding.stronger}`]),
    ]
    return [`${head} ${finding.says}`, ...more.map((text) => `${' '.repeat(36)} ${text}`)].map((line) => escapeText(line).trimEnd())
  })
  const last = strongest === 'none' ? 'nothing separates them wholly' : `the strongest layer that separates them wholly is ${strongest}`
  return [between.map(({ text }) => text).join(' and '), ...lines, last].map((line) => `${line}\n`).join('')
}

export function isolationJson({ between, at, verified, layers, strongest }: Isolation, since: Since): object {
  return {
    between: between.map(({ kind, text, workloads }) => ({ kind, name: text, workloads: workloads.map((w) => w.id) })),
    at: formatInstant(at),
    verified: verified === undefined ? null : formatInstant(verified.at),
    strongest,
    layers: layers.map((finding) => ({
      layer: finding.layer, sharing: finding.sharing, strength: finding.strength, basis: finding.basis, says: finding.says,
      enforcedBy: finding.enforcedBy ?? null, since: since(finding) ?? null, stronger: finding.stronger ?? null,
      documents: finding.documents.map(({ document, at: place }) => ({ document, file: place.file, line: place.line })),
    })),
  }
}

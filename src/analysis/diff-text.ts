/** A diff for eyes, for machines and for a comment on a pull request. */
import { formatInstant } from '../base/clock.ts'
import { escapeText } from '../base/diagnostic.ts'
import { formatPorts } from '../net/ports.ts'
import { phases } from '../model/platform.ts'
import { declaredPhase, everyPhase } from './grants.ts'
import { widens } from './change.ts'
import type { Change, ChangeKind, Diff } from './change.ts'
import type { DocumentRef } from './document-ref.ts'
import type { Piece } from './grants.ts'

const kinds: readonly ChangeKind[] = ['opened', 'widened', 'narrowed', 'closed']

/** One line for each change and a last line that counts; nothing but that line when nothing changes. */
export function diffText(diff: Diff): string {
  const lines = diff.changes.map(changeLine)
  return [...lines, summary(diff)].map((line) => `${line}\n`).join('')
}

export function changeLine(change: Change): string {
  const documents = change.policies.map(documentText).join(' with ')
  return `${change.kind.padEnd(8)}  ${change.source.text} -> ${change.destination.text}  ${change.pieces.map(pieceText).join('; ')}  by ${documents}`
}

/** `2 opened, 1 widened`, or that nothing changes. */
function summary({ changes }: Diff): string {
  if (changes.length === 0) return 'no change: both open the same paths'
  return kinds
    .map((kind) => ({ kind, n: changes.filter((c) => c.kind === kind).length }))
    .filter(({ n }) => n > 0)
    .map(({ kind, n }) => `${n} ${kind}`)
    .join(', ')
}

/** GitHub-flavoured Markdown: a heading that says whether anything widened, and a table of each kind. */
export function diffMarkdown(diff: Diff): string {
  const head = widens(diff) ? '### Network access widens' : diff.changes.length === 0 ? '### Network access does not change' : '### Network access narrows'
  const tables = kinds.flatMap((kind) => {
    const rows = diff.changes.filter((change) => change.kind === kind)
    if (rows.length === 0) return []
    return [
      '', `**${kind}** (${rows.length})`, '', '| source | destination | what | by |', '|---|---|---|---|',
      ...rows.map((c) => `| ${code(c.source.text)} | ${code(c.destination.text)} | ${c.pieces.map((p) => cell(pieceText(p))).join('<br>')} | ${c.policies.map((d) => cell(documentText(d))).join('<br>')} |`),
    ]
  })
  return [head, '', `${summary(diff)}.`, ...tables, ''].join('\n')
}

/** For machines: instants as text, sets as text, everything else as it is. */
export function diffJson(diff: Diff): { readonly widens: boolean; readonly changes: readonly unknown[] } {
  return {
    widens: widens(diff),
    changes: diff.changes.map(({ kind, source, destination, pieces, policies }) => ({
      kind, source: source.text, destination: destination.text, policies,
      traffic: pieces.map((piece) => ({
        protocol: piece.protocol,
        ports: piece.protocol === 'icmp' ? '' : formatPorts(piece.ports),
        phases: phases.filter((_, bit) => (piece.phases & (1 << bit)) !== 0),
        asDeclared: (piece.phases & declaredPhase) !== 0,
        ...(piece.until === Infinity ? {} : { until: formatInstant(piece.until) }),
        ...(piece.before === 0 ? {} : { otherwiseUntil: formatInstant(piece.before) }),
        ...(piece.condition.kind === 'always' ? {} : { condition: conditionText(piece) }),
      })),
    })),
  }
}

/** `tcp 443,8000-8100 in task until 2030-01-01T00:00:00.000Z`. */
function pieceText(piece: Piece): string {
  const parts = [
    piece.protocol === 'icmp' ? 'icmp' : `${piece.protocol} ${formatPorts(piece.ports)}`,
    ...(piece.condition.kind === 'always' ? [] : [conditionText(piece)]),
    ...(piece.phases === everyPhase ? [] : [phaseText(piece.phases)]),
    ...(piece.until === Infinity ? [] : [`until ${formatInstant(piece.until)}`]),
    ...(piece.before === 0 ? [] : [`(otherwise until ${formatInstant(piece.before)})`]),
  ]
  return parts.join(' ')
}

function conditionText({ condition }: Piece): string {
  switch (condition.kind) {
    case 'always':
      return ''
    case 'encrypted':
      return 'encrypted'
    case 'clear':
      return 'in the clear'
    case 'message':
      return `${condition.action} ${condition.subject}`
    case 'http':
      return `${condition.match.methods.join(',') || 'any method'} ${condition.match.paths.join(',') || 'any path'}`
    case 'entrance':
      return condition.text
  }
}

function phaseText(mask: number): string {
  const named = phases.filter((_, bit) => (mask & (1 << bit)) !== 0)
  return named.length === 0 ? 'because the source changes its phase' : `in ${named.join(', ')}`
}

function documentText({ kind, name, file, line }: DocumentRef): string {
  return `${kind} ${name} (${escapeText(file)}:${line})`
}

function code(text: string): string {
  return `\`${cell(text).replaceAll('`', '')}\``
}

/** A bar would end the cell; angle brackets could be markup. */
function cell(text: string): string {
  return escapeText(text).replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

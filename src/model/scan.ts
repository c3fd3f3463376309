/**
 * A first look at a text, before anything is built from it: what is refused whatever it means, found in one pass
 * whose cost grows with the length of the text alone.
 */
import { CST, Lexer } from 'yaml'
import { quote } from '../base/diagnostic.ts'
import type { ErrorCode } from '../base/catalogue.ts'

export interface ScanProblem {
  readonly code: ErrorCode
  readonly offset: number
  readonly message: string
  readonly help?: string
  readonly given?: string
}

/** No field of any document is nearly as deep. */
const deepest = 40
const mostProblems = 20

/** Controls other than tab and line ends, and characters that hide or reorder text. */
const forbidden = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2060-\u2069\u2028\u2029\ufeff]/gu

export function forbiddenCharacters(text: string): readonly ScanProblem[] {
  const out: ScanProblem[] = []
  for (const match of text.matchAll(forbidden)) {
    out.push({ code: 'forbidden-character', offset: match.index, message: `the character ${quote(match[0])} is not accepted`, given: match[0] })
    if (out.length === mostProblems) break
  }
  return out
}

export function hasForbiddenCharacter(text: string): boolean {
  return text.search(forbidden) >= 0
}

/** Anchors, aliases and tags, and nesting that no document needs. */
export function scanYaml(text: string): readonly ScanProblem[] {
  const out: ScanProblem[] = []
  let offset = 0
  let flowDepth = 0
  let lineDepth = 0
  for (const source of new Lexer().lex(text)) {
    const type = CST.tokenType(source)
    if (type === 'anchor' || type === 'alias' || type === 'tag') out.push(refusedToken(type, source, offset))
    else if (type === 'flow-map-start' || type === 'flow-seq-start') flowDepth++
    else if (type === 'flow-map-end' || type === 'flow-seq-end') flowDepth--
    else if (type === 'newline') lineDepth = 0
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind') lineDepth++
    if (flowDepth + lineDepth > deepest) {
      return [...out, { code: 'too-deep', offset, message: `values are nested more than ${deepest} deep` }]
    }
    if (flowDepth < 0) return [...out, { code: 'yaml-syntax', offset, message: `${quote(source)} closes nothing`, given: source }]
    if (out.length === mostProblems) return out
    if (!isMarker(source)) offset += source.length
  }
  return out
}

/** Tokens that the lexer adds and that stand for no text. */
function isMarker(source: string): boolean {
  return source === CST.DOCUMENT || source === CST.FLOW_END || source === CST.SCALAR || source === CST.BOM
}

function refusedToken(type: 'anchor' | 'alias' | 'tag', source: string, offset: number): ScanProblem {
  const message = `the ${type} ${quote(source)} is not accepted`
  if (type === 'tag') return { code: 'yaml-tag', offset, message, given: source, help: 'remove it; quote the value if it should be text' }
  return { code: 'yaml-alias', offset, message, given: source, help: 'write the value out; quote it if it should be text that starts with `&` or `*`' }
}

/** Keys and scalars as the quick reader takes them, each on its line; what is numbers, truth or nothing as the core schema has it. */
import { lineEnd, unusual } from './cursor.ts'
import type { Cursor } from './cursor.ts'

const plainKey = /[A-Za-z0-9_./-]+(?=:(?:[ \n]|$))/y
const quotedKey = /(?:"([^"\\\n]*)"|'([^'\n]*)')(?=:(?:[ \n]|$))/y

export function isKeyHere(text: string, at: number): boolean {
  plainKey.lastIndex = at
  if (plainKey.test(text)) return true
  quotedKey.lastIndex = at
  return quotedKey.test(text)
}

export function readKey(c: Cursor): string {
  plainKey.lastIndex = c.at
  const plain = plainKey.exec(c.text)
  if (plain !== null) {
    c.at = plainKey.lastIndex + 1
    // A key that is a number or a truth value is none of text.
    return typeof scalar(plain[0]) === 'string' ? plain[0] : unusual()
  }
  quotedKey.lastIndex = c.at
  const quoted = quotedKey.exec(c.text)
  if (quoted === null) return unusual()
  c.at = quotedKey.lastIndex + 1
  return quoted[1] ?? quoted[2] ?? ''
}

const doubleQuoted = /"([^"\\\n]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\n]*)*)"/y
const literalHead = /\|(-?) *\n/y
/** What the complete reader finds fault with in the value of a scalar. */
const hidden = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2060-\u2069\u2028\u2029\ufeff]/u
const singleQuoted = /'([^'\n]*)'(?!')/y
const indicators = /^[-?:,[\]{}#&*!|>'"%@`]/

export function quotedScalar(c: Cursor): string {
  const pattern = c.text.charCodeAt(c.at) === 34 ? doubleQuoted : singleQuoted
  pattern.lastIndex = c.at
  const found = pattern.exec(c.text)
  if (found === null) return unusual()
  c.at = pattern.lastIndex
  const inside = found[1] ?? ''
  if (pattern !== doubleQuoted || !inside.includes('\\')) return inside
  // These escapes are those of JSON, and mean the same.
  const text = JSON.parse(found[0].replaceAll('\t', '\\t')) as string
  return hidden.test(text) ? unusual() : text
}

/** Lines as they stand, deeper than their key: `|`, or `|-` without the break at their end. */
export function literal(c: Cursor, indent: number): string {
  literalHead.lastIndex = c.at
  const head = literalHead.exec(c.text)
  if (head === null) return unusual()
  const lines: string[] = []
  let at = literalHead.lastIndex
  let depth = -1
  for (;;) {
    const end = lineEnd(c.text, at)
    let start = at
    while (c.text.charCodeAt(start) === 32) start++
    const empty = start === end
    if (depth < 0) depth = start - at
    if (depth <= indent || (empty && lines.length === 0)) unusual()
    if (!empty && start - at < depth) break
    lines.push(c.text.slice(Math.min(at + depth, end), end))
    at = end + 1
    if (at >= c.text.length) break
  }
  while (lines.at(-1) === '') lines.pop()
  // The last break before the next entry is where the value ends.
  c.at = Math.min(at, c.text.length) - (at <= c.text.length ? 1 : 0)
  return lines.join('\n') + (head[1] === '-' ? '' : '\n')
}

/** As the core schema has it; numbers that are not plain decimal ones are for the complete reader. */
export function scalar(text: string): unknown {
  const code = text.charCodeAt(0)
  if ((code >= 48 && code <= 57) || code === 45 || code === 43 || code === 46) return number(text)
  switch (text) {
    case '': case '~': case 'null': case 'Null': case 'NULL': return null
    case 'true': case 'True': case 'TRUE': return true
    case 'false': case 'False': case 'FALSE': return false
    default: return indicators.test(text) ? unusual() : text
  }
}

const decimal = /^(?:0|-?[1-9][0-9]{0,14})$/
const numeric = /^[-+]?(?:[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.inf|\.Inf|\.INF|\.nan|\.NaN|\.NAN)$/

function number(text: string): unknown {
  if (decimal.test(text)) return Number(text)
  if (numeric.test(text) || text === '-' || text.startsWith('- ')) return unusual()
  return text
}

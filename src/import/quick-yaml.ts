/**
 * The plain part of YAML in one pass over the text: block mappings and lists, flow collections, scalars on one line. A
 * manifest that a machine has written needs no more, and a cluster has tens of thousands of them. Whatever is not plainly
 * of this part gives `undefined`, and the complete reader decides what it is. What is read here reads there the same.
 */

const deepest = 40

/** Not read here: the text has something that needs the complete reader. */
class Unusual extends Error {}

function unusual(): never {
  throw new Unusual()
}

interface Cursor {
  readonly text: string
  at: number
  depth: number
  /** The document is one flow collection, which may go over lines; inside a block that has rules of its own. */
  alone: boolean
}

/** The value of a document without its `---`, or `undefined`. No tab, carriage return or control character may be in it. */
export function quickYaml(text: string): { readonly value: unknown; readonly start: number } | undefined {
  const c: Cursor = { text, at: 0, depth: 0, alone: false }
  const depth = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    const indent = nextLine(c)
    if (indent < 0) return undefined
    const start = c.at
    const value = text[c.at] === '{' ? flowAlone(c) : block(c, indent)
    if (nextLine(c) >= 0) return undefined
    return { value, start }
  } catch (thrown) {
    if (thrown instanceof Unusual) return undefined
    throw thrown
  } finally {
    Error.stackTraceLimit = depth
  }
}

/** Goes to the next line that says something; gives its indentation, or -1 at the end. Called at the start or end of a line. */
function nextLine(c: Cursor): number {
  const { text } = c
  for (;;) {
    let at = c.at
    while (text.charCodeAt(at) === 32) at++
    const code = text.charCodeAt(at)
    if (at >= text.length) {
      c.at = at
      return -1
    }
    if (code === 35) at = lineEnd(text, at)
    else if (code !== 10) {
      const indent = at - c.at
      c.at = at
      return indent
    }
    c.at = at + 1
    if (c.at > text.length) c.at = text.length
  }
}

/** A block collection whose entries stand at this indentation; `c.at` is at the first of them. */
function block(c: Cursor, indent: number): unknown {
  if (++c.depth > deepest) unusual()
  const value = isDash(c.text, c.at) ? list(c, indent) : mapping(c, indent)
  c.depth--
  return value
}

function list(c: Cursor, indent: number): unknown[] {
  const out: unknown[] = []
  for (;;) {
    const lineStart = c.at
    c.at++
    while (c.text.charCodeAt(c.at) === 32) c.at++
    const code = c.text.charCodeAt(c.at)
    if (c.at >= c.text.length || code === 10 || code === 35) out.push(below(c, indent, false))
    else if (isDash(c.text, c.at)) unusual()
    else if (isKeyHere(c.text, c.at)) {
      if (++c.depth > deepest) unusual()
      out.push(mapping(c, indent + (c.at - lineStart)))
      c.depth--
    } else {
      out.push(inline(c))
      endOfValue(c, indent)
    }
    const back = c.at
    if (!another(c, indent)) return out
    if (!isDash(c.text, c.at)) {
      // The next key of the mapping whose key this list stands under, at the same indentation.
      c.at = back
      return out
    }
  }
}

function mapping(c: Cursor, indent: number): Record<string, unknown> {
  const out = Object.create(null) as Record<string, unknown>
  for (;;) {
    const key = readKey(c)
    if (key in out || key === '__proto__' || key === '<<') unusual()
    while (c.text.charCodeAt(c.at) === 32) c.at++
    const code = c.text.charCodeAt(c.at)
    if (c.at >= c.text.length || code === 10 || code === 35) out[key] = below(c, indent, true)
    else {
      out[key] = inline(c)
      endOfValue(c, indent)
    }
    if (!another(c, indent)) return out
    if (isDash(c.text, c.at)) unusual()
  }
}

/** What stands under a key or a dash: deeper lines, or for a key a list at its own indentation; else nothing. */
function below(c: Cursor, indent: number, isKey: boolean): unknown {
  c.at = lineEnd(c.text, c.at)
  const back = c.at
  c.at++
  const next = nextLine(c)
  if (next > indent || (next === indent && isKey && isDash(c.text, c.at))) return block(c, next)
  c.at = back
  return null
}

/** True when another entry stands at this indentation; `c.at` is then at it, else at the end of a line. */
function another(c: Cursor, indent: number): boolean {
  const back = c.at
  if (c.at < c.text.length) c.at++
  const next = nextLine(c)
  if (next === indent) return true
  if (next > indent) unusual()
  c.at = back
  return false
}

/** After a value on a line only a comment may follow, and no deeper line: that would go on with the value. */
function endOfValue(c: Cursor, indent: number): void {
  const { text } = c
  let at = c.at
  while (text.charCodeAt(at) === 32) at++
  const code = text.charCodeAt(at)
  if (at < text.length && code !== 10 && (code !== 35 || at === c.at)) unusual()
  c.at = code === 35 ? lineEnd(text, at) : at
  const back = c.at
  if (c.at < text.length) c.at++
  if (nextLine(c) > indent) unusual()
  c.at = back
}

function isDash(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== 45) return false
  const next = text.charCodeAt(at + 1)
  return at + 1 >= text.length || next === 32 || next === 10
}

const plainKey = /[A-Za-z0-9_./-]+(?=:(?:[ \n]|$))/y
const quotedKey = /(?:"([^"\\\n]*)"|'([^'\n]*)')(?=:(?:[ \n]|$))/y

function isKeyHere(text: string, at: number): boolean {
  plainKey.lastIndex = at
  if (plainKey.test(text)) return true
  quotedKey.lastIndex = at
  return quotedKey.test(text)
}

function readKey(c: Cursor): string {
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

const doubleQuoted = /"([^"\\\n]*)"/y
const singleQuoted = /'([^'\n]*)'(?!')/y
const indicators = /^[-?:,[\]{}#&*!|>'"%@`]/

/** A scalar or a flow collection that begins and ends on this line. */
function inline(c: Cursor): unknown {
  const code = c.text.charCodeAt(c.at)
  if (code === 123 || code === 91) return flow(c)
  if (code === 34 || code === 39) return quotedScalar(c)
  const end = lineEnd(c.text, c.at)
  let text = c.text.slice(c.at, end)
  const comment = text.indexOf(' #')
  if (comment >= 0) text = text.slice(0, comment)
  const trimmed = text.trimEnd()
  if (trimmed.includes(': ') || trimmed.endsWith(':')) unusual()
  c.at += trimmed.length
  return scalar(trimmed)
}

function quotedScalar(c: Cursor): string {
  const pattern = c.text.charCodeAt(c.at) === 34 ? doubleQuoted : singleQuoted
  pattern.lastIndex = c.at
  const found = pattern.exec(c.text)
  if (found === null) return unusual()
  c.at = pattern.lastIndex
  return found[1] ?? ''
}

/** As the core schema has it; numbers that are not plain decimal ones are for the complete reader. */
function scalar(text: string): unknown {
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

/** A document that is one flow mapping, which is what JSON is. */
function flowAlone(c: Cursor): unknown {
  c.alone = true
  const value = flow(c)
  endOfValue(c, -1)
  return value
}

function flow(c: Cursor): unknown {
  if (++c.depth > deepest) unusual()
  const isMap = c.text.charCodeAt(c.at) === 123
  c.at++
  const value = isMap ? flowMapping(c) : flowList(c)
  c.depth--
  return value
}

/** Line breaks count as white space where the collection is the document. */
function flowSpace(c: Cursor): void {
  while (c.text.charCodeAt(c.at) === 32 || (c.alone && c.text.charCodeAt(c.at) === 10 && c.text.charCodeAt(c.at + 1) === 32)) c.at++
  if (c.text.charCodeAt(c.at) === 10) {
    // At the margin only the collection's end is read here.
    const code = c.text.charCodeAt(c.at + 1)
    if (!c.alone || (code !== 125 && code !== 93)) unusual()
    c.at++
  }
}

function flowList(c: Cursor): unknown[] {
  const out: unknown[] = []
  for (;;) {
    flowSpace(c)
    if (c.text.charCodeAt(c.at) === 93) break
    out.push(flowValue(c, false))
    flowSpace(c)
    if (c.text.charCodeAt(c.at) === 44) c.at++
    else if (c.text.charCodeAt(c.at) !== 93) unusual()
  }
  c.at++
  return out
}

function flowMapping(c: Cursor): Record<string, unknown> {
  const out = Object.create(null) as Record<string, unknown>
  for (;;) {
    flowSpace(c)
    if (c.text.charCodeAt(c.at) === 125) break
    const key = flowValue(c, true)
    if (typeof key !== 'string' || key in out || key === '__proto__' || key === '<<') return unusual()
    flowSpace(c)
    if (c.text.charCodeAt(c.at) !== 58) unusual()
    c.at++
    flowSpace(c)
    out[key] = flowValue(c, false)
    flowSpace(c)
    if (c.text.charCodeAt(c.at) === 44) c.at++
    else if (c.text.charCodeAt(c.at) !== 125) unusual()
  }
  c.at++
  return out
}

const flowPlain = /[^\s,[\]{}:#'"&*!|>%@`?-][^\n,[\]{}:#'"]*/y
const flowNumber = /-?[0-9][0-9A-Za-z._/-]*/y

/** One value; as a key only a scalar. A plain scalar in it has no colon, so that none is taken for the end of a key. */
function flowValue(c: Cursor, isKey: boolean): unknown {
  const code = c.text.charCodeAt(c.at)
  if (code === 123 || code === 91) return isKey ? unusual() : flow(c)
  if (code === 34 || code === 39) return quotedScalar(c)
  const pattern = (code >= 48 && code <= 57) || code === 45 ? flowNumber : flowPlain
  pattern.lastIndex = c.at
  const found = pattern.exec(c.text)
  if (found === null) return unusual()
  const text = found[0].trimEnd()
  c.at += text.length
  const next = c.text.charCodeAt(c.at)
  // `a: b` ends its key with a colon and a space; `a:b` is one scalar.
  if (next === 58 && c.text.charCodeAt(c.at + 1) !== 32) return unusual()
  return scalar(text)
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

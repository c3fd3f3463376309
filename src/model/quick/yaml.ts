/**
 * The plain part of YAML in one pass over the text: block mappings and lists, flow collections, scalars on one line. A
 * manifest that a machine has written needs no more, and a cluster has tens of thousands of them. Whatever is not plainly
 * of this part gives `undefined`, and the complete reader decides what it is. What is read here reads there the same.
 */

import { deepest, lineEnd, mark, unusual, Unusual } from './cursor.ts'
import { flow } from './flow.ts'
import { isKeyHere, literal, quotedScalar, readKey, scalar } from './scalar.ts'
import type { Cursor, Marks } from './cursor.ts'

/**
 * The value of a document without its `---`, or `undefined`. No carriage return or control character may be in it; a text that
 * is valid JSON is read as that, wherever its lines break. Where things stand is added to `marks`.
 */
export function quickYaml(text: string, isJson = false, marks?: Marks): { readonly value: unknown; readonly start: number } | undefined {
  const c: Cursor = { text, at: 0, depth: 0, alone: false, isJson, marks }
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
    // A pattern may also run out of room on a scalar of many megabytes.
    if (thrown instanceof Unusual || thrown instanceof RangeError) return undefined
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
    const at = c.at
    if (c.at >= c.text.length || code === 10 || code === 35) below(c, indent, out, out.length, lineStart)
    else if (isDash(c.text, c.at)) unusual()
    else if (isKeyHere(c.text, c.at)) {
      if (++c.depth > deepest) unusual()
      put(c, out, out.length, lineStart, at, mapping(c, indent + (c.at - lineStart)))
      c.depth--
    } else {
      put(c, out, out.length, lineStart, at, inline(c, indent))
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
    const keyAt = c.at
    const key = readKey(c)
    if (key in out || key === '__proto__' || key === '<<') unusual()
    while (c.text.charCodeAt(c.at) === 32) c.at++
    const code = c.text.charCodeAt(c.at)
    if (c.at >= c.text.length || code === 10 || code === 35) below(c, indent, out, key, keyAt)
    else {
      put(c, out, key, keyAt, c.at, inline(c, indent))
      endOfValue(c, indent)
    }
    if (!another(c, indent)) return out
    if (isDash(c.text, c.at)) unusual()
  }
}

type Collection = unknown[] | Record<string, unknown>

/** Reads what stands under a key or a dash: deeper lines, or for a key a list at its own indentation; else nothing. */
function below(c: Cursor, indent: number, out: Collection, name: string | number, keyAt: number): void {
  c.at = lineEnd(c.text, c.at)
  const back = c.at
  c.at++
  const next = nextLine(c)
  if (next > indent || (next === indent && typeof name === 'string' && isDash(c.text, c.at))) put(c, out, name, keyAt, c.at, block(c, next))
  else {
    c.at = back
    put(c, out, name, keyAt, back, null)
  }
}

/** `at` is where the value began. */
function put(c: Cursor, out: Collection, name: string | number, keyAt: number, at: number, value: unknown): void {
  mark(c, out, name, keyAt, at, value)
  if (Array.isArray(out)) out.push(value)
  else out[name] = value
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

/** A scalar or a flow collection that begins and ends on this line. */
function inline(c: Cursor, indent: number): unknown {
  const code = c.text.charCodeAt(c.at)
  if (code === 123 || code === 91) return flow(c)
  if (code === 34 || code === 39) return quotedScalar(c)
  if (code === 124) return literal(c, indent)
  const end = lineEnd(c.text, c.at)
  let text = c.text.slice(c.at, end)
  if (text.includes('\t')) unusual()
  const comment = text.indexOf(' #')
  if (comment >= 0) text = text.slice(0, comment)
  const trimmed = text.trimEnd()
  if (trimmed.includes(': ') || trimmed.endsWith(':')) unusual()
  c.at += trimmed.length
  return scalar(trimmed)
}

/** A document that is one flow mapping, which is what JSON is. */
function flowAlone(c: Cursor): unknown {
  c.alone = true
  const value = flow(c)
  endOfValue(c, -1)
  return value
}

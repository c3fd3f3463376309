/** Flow collections: within a line, or over lines where one is the whole document. */
import { deepest, mark, unusual } from './cursor.ts'
import { quotedScalar, scalar } from './scalar.ts'
import type { Cursor } from './cursor.ts'

export function flow(c: Cursor): unknown {
  if (++c.depth > deepest) unusual()
  const isMap = c.text.charCodeAt(c.at) === 123
  c.at++
  const value = isMap ? flowMapping(c) : flowList(c)
  c.depth--
  return value
}

/** Line breaks count as white space where the collection is the document. */
function flowSpace(c: Cursor): void {
  if (c.isJson) {
    while (c.text.charCodeAt(c.at) === 32 || c.text.charCodeAt(c.at) === 10) c.at++
    return
  }
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
    const at = c.at
    const value = flowValue(c, false)
    mark(c, out, out.length, at, at, value)
    out.push(value)
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
    const keyAt = c.at
    const key = flowValue(c, true)
    if (typeof key !== 'string' || key in out || key === '__proto__' || key === '<<') return unusual()
    flowSpace(c)
    if (c.text.charCodeAt(c.at) !== 58) unusual()
    c.at++
    flowSpace(c)
    const at = c.at
    const value = flowValue(c, false)
    mark(c, out, key, keyAt, at, value)
    out[key] = value
    flowSpace(c)
    if (c.text.charCodeAt(c.at) === 44) c.at++
    else if (c.text.charCodeAt(c.at) !== 125) unusual()
  }
  c.at++
  return out
}

const flowPlain = /[^\s,[\]{}:#'"&*!|>%@`?-](?:[^\n,[\]{}:#'"]|:(?=[^\s,[\]{}:#'"]))*/y
const flowNumber = /-?[0-9](?:[0-9A-Za-z._/-]|:(?=[0-9A-Za-z]))*/y

/** One value; as a key only a scalar. A colon inside a plain scalar is followed by more of it: any other may be the end of a key. */
function flowValue(c: Cursor, isKey: boolean): unknown {
  const code = c.text.charCodeAt(c.at)
  if (code === 123 || code === 91) return isKey ? unusual() : flow(c)
  if (code === 34 || code === 39) return quotedScalar(c)
  const pattern = (code >= 48 && code <= 57) || code === 45 ? flowNumber : flowPlain
  pattern.lastIndex = c.at
  const found = pattern.exec(c.text)
  if (found === null) return unusual()
  const text = found[0].trimEnd()
  if (text.includes('\t')) return unusual()
  c.at += text.length
  const next = c.text.charCodeAt(c.at)
  // `a: b` ends its key with a colon and a space; `a:b` is one scalar.
  if (next === 58 && c.text.charCodeAt(c.at + 1) !== 32) return unusual()
  return scalar(text)
}

/** What a schema found wrong, in words for the person who wrote the document. */
import { quote } from '../base/diagnostic.ts'
import { didYouMean } from '../base/suggest.ts'
import { isMapping, valueAt } from './source.ts'
import type { z } from 'zod'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { TextProblem } from './lexical.ts'
import type { Path, RawDocument } from './source.ts'

type Issue = z.core.$ZodIssue

/** One document's issues as diagnostics, each at the value or the key that is wrong. */
export function diagnosticsOf(doc: RawDocument, issues: readonly Issue[]): readonly Diagnostic[] {
  return issues.flatMap((issue) => one(doc, issue, issue.path as Path))
}

function one(doc: RawDocument, issue: Issue, path: Path): readonly Diagnostic[] {
  const value = valueAt(doc.value, path)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownField(doc, [...path, key], issue.message.split(' ')))
    case 'custom':
      return [problem(doc, path, value, issue.params as unknown as TextProblem)]
    case 'invalid_value':
      return [value === undefined ? missing(doc, path) : outsideOf(doc, path, value, issue.values)]
    case 'invalid_type':
      return [value === undefined ? missing(doc, path) : wrongType(doc, path, value, issue.expected)]
    case 'too_small':
    case 'too_big':
      return [size(doc, path, value, issue)]
    case 'invalid_union':
      return union(doc, path, value, issue.errors)
    case 'invalid_key':
    case 'invalid_element':
      // The key's own problem, told at the key.
      return issue.issues.map((inner) => problem(doc, path, path.at(-1), (inner.code === 'custom' ? inner.params : { code: 'wrong-value', message: 'is not allowed' }) as unknown as TextProblem))
    default:
      return [make(doc, path, 'wrong-value', `${field(path)}${quote(shown(value))} is not allowed`, undefined, value)]
  }
}

/** Of a value that may have several forms, what is wrong with the form it was meant to have. */
function union(doc: RawDocument, path: Path, value: unknown, branches: readonly (readonly Issue[])[]): readonly Diagnostic[] {
  if (value === undefined) return [missing(doc, path)]
  const meant = branches.find((issues) => !issues.some((i) => i.path.length === 0 && (i.code === 'invalid_type' || i.code === 'invalid_union' || isWrongWord(i))))
  if (meant !== undefined) return meant.flatMap((issue) => one(doc, issue, [...path, ...(issue.path as Path)]))
  const word = branches.flat().find(isWrongWord)
  if (word !== undefined && typeof value === 'string') return one(doc, word, path)
  const nested = branches.flat().find((i) => i.code === 'invalid_union' && i.path.length === 0)
  if (nested !== undefined && branches.length > 1 && !Array.isArray(value)) return one(doc, nested, path)
  return [wrongType(doc, path, value, ...branches.flat().flatMap(expectations))]
}

function isWrongWord(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code === 'invalid_value'
}

function expectations(issue: Issue): readonly string[] {
  if (issue.code === 'invalid_type' && issue.path.length === 0) return [issue.expected]
  return issue.code === 'invalid_union' ? issue.errors.flat().flatMap(expectations) : []
}

function unknownField(doc: RawDocument, path: Path, known: readonly string[]): Diagnostic {
  const key = String(path.at(-1))
  const at = doc.locateKey(path)
  if (path.length === 2 && path[0] === 'metadata' && key === 'enclave') {
    return { code: 'enclave-unneeded', severity: 'error', at, given: key, message: 'a document of this kind belongs to no enclave', help: 'remove `enclave` from `metadata`' }
  }
  const help = [didYouMean(key, known), `allowed: ${known.join(', ')}`].filter((part) => part !== undefined).join(' ')
  return { code: 'unknown-field', severity: 'error', at, given: key, message: `the field ${quote(key)} is not known${inside(path)}`, help }
}

function problem(doc: RawDocument, path: Path, value: unknown, found: TextProblem): Diagnostic {
  // A problem of one text starts with that text; one of several fields is a sentence of its own.
  const text = typeof value === 'string' || typeof value === 'number'
  const sentence = text && /^(is|has|holds|ends|leaves) /.test(found.message)
  return make(doc, path, found.code, sentence ? `${field(path)}${quote(String(value))} ${found.message}` : `${field(path)}${found.message}`, found.help, value)
}

function missing(doc: RawDocument, path: Path): Diagnostic {
  const key = String(path.at(-1))
  if (path.length === 2 && path[0] === 'metadata' && key === 'enclave') {
    return make(doc, path, 'enclave-missing', '`metadata.enclave` is missing', 'write `enclave: NAME`: the enclave that owns this document')
  }
  return make(doc, path, 'missing-field', `the field ${quote(dotted(path))} is missing`)
}

function wrongType(doc: RawDocument, path: Path, value: unknown, ...expected: readonly string[]): Diagnostic {
  const wanted = [...new Set(expected.map((e) => typeWords[e] ?? e))]
  const message = `${field(path)}expected ${wanted.join(' or ')}, found ${found(value)}`
  const quotable = wanted.includes('text') && (typeof value === 'number' || typeof value === 'boolean')
  const help = quotable
    ? `write it in quotes: '${String(value)}'`
    : value === null
      ? 'write a value, or leave the field out'
      : wanted.join() === 'a list'
        ? 'write it as a list: `[...]`'
        : undefined
  return make(doc, path, 'wrong-type', message, help, value)
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
}

function found(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (isMapping(value)) return 'a mapping'
  return typeof value === 'string' ? `the text ${quote(value)}` : quote(String(value))
}

function outsideOf(doc: RawDocument, path: Path, value: unknown, values: readonly unknown[]): Diagnostic {
  const allowed = values.map(String)
  if (typeof value === 'object') return wrongType(doc, path, value, 'string')
  const help = [didYouMean(String(value), allowed), `allowed: ${allowed.join(', ')}`].filter((part) => part !== undefined).join(' ')
  return make(doc, path, 'wrong-value', `${field(path)}${quote(String(value))} is not allowed here`, help, value)
}

function size(doc: RawDocument, path: Path, value: unknown, issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): Diagnostic {
  const least = issue.code === 'too_small'
  const bound = String(least ? issue.minimum : issue.maximum)
  if (Array.isArray(value)) return make(doc, path, 'wrong-value', `${field(path)}a list of ${value.length}`, `${least ? 'at least' : 'at most'} ${bound} needed`)
  return make(doc, path, 'wrong-value', `${field(path)}${quote(shown(value))} is too ${least ? 'small' : 'large'}`, `${least ? 'at least' : 'at most'} ${bound}`, value)
}

function make(doc: RawDocument, path: Path, code: Diagnostic['code'], message: string, help?: string, value?: unknown): Diagnostic {
  const given = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? { given: String(value) } : {}
  return { code, severity: 'error', message, at: doc.locate(path), ...(help === undefined ? {} : { help }), ...given }
}

function shown(value: unknown): string {
  return typeof value === 'object' ? found(value) : String(value)
}

/** `spec.ports[0].port: ` */
function field(path: Path): string {
  return path.length === 0 ? '' : `${quote(dotted(path)).slice(1, -1)}: `
}

function inside(path: Path): string {
  const outer = path.slice(0, -1)
  return outer.length === 0 ? '' : ` in ${quote(dotted(outer))}`
}

function dotted(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('')
}

/**
 * A cursor over one value of a manifest. Every reader takes one, reports what is wrong at its place, and goes on with a
 * neutral value, so that one run shows all problems; whoever asked for the object looks at the report before using it.
 */
import { quote } from '../../base/diagnostic.ts'
import { formatLocation } from '../../base/location.ts'
import { didYouMean } from '../../base/suggest.ts'
import { isMapping } from '../../model/source.ts'
import type { ErrorCode } from '../../base/catalogue.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Location } from '../../base/location.ts'
import type { Path, RawDocument } from '../../model/source.ts'

export interface Field {
  readonly value: unknown
  readonly path: Path
  readonly origin: Origin
}

/** What all fields of one document share. */
export interface Origin {
  readonly raw: RawDocument
  /** Places of numbers that are not plain decimal ones: they matter only to somebody who reads them. */
  readonly oddNumbers: ReadonlySet<string>
  readonly report: Diagnostic[]
}

export function rootField(raw: RawDocument, report: Diagnostic[]): Field {
  const odd = raw.problems.filter(isOddNumber).map((d) => formatLocation(d.at))
  return { value: raw.value, path: [], origin: { raw, oddNumbers: new Set(odd), report } }
}

/** A quantity such as `0.5` or an octal mode: in other fields than ours it is legitimate. */
export function isOddNumber(problem: Diagnostic): boolean {
  return problem.code === 'wrong-type' && problem.given !== undefined
}

export function placeOf(field: Field): Location {
  return field.origin.raw.locate(field.path)
}

export function fail(field: Field, code: ErrorCode, message: string, help?: string): void {
  const given = typeof field.value === 'string' ? { given: field.value } : {}
  field.origin.report.push({ code, severity: 'error', message, at: placeOf(field), ...(help === undefined ? {} : { help }), ...given })
}

export function warn(field: Field, code: ErrorCode, message: string, help?: string): void {
  field.origin.report.push({ code, severity: 'warning', message, at: placeOf(field), ...(help === undefined ? {} : { help }) })
}

/** The member `key`, or `undefined` when it is absent or null: in Kubernetes the two are the same. */
export function member(field: Field, key: string): Field | undefined {
  if (!isMapping(field.value)) return undefined
  const value = field.value[key]
  return value === undefined || value === null ? undefined : { value, path: [...field.path, key], origin: field.origin }
}

/** The member at the end of several keys. */
export function deep(field: Field, ...keys: readonly string[]): Field | undefined {
  let here: Field | undefined = field
  for (const key of keys) here = here === undefined ? undefined : member(here, key)
  return here
}

export function required(field: Field, key: string): Field | undefined {
  const found = member(field, key)
  if (found === undefined && isMapping(field.value)) fail(field, 'missing-field', `${nameOf(field)}the field \`${key}\` is missing`)
  return found
}

/** True when it is a mapping whose keys are all among `known`; what is not understood must not be passed over. */
export function strictMapping(field: Field, known: readonly string[]): boolean {
  if (!mapping(field)) return false
  let good = true
  for (const key of Object.keys(field.value as object)) {
    if (known.includes(key)) continue
    good = false
    const at = field.origin.raw.locateKey([...field.path, key])
    const help = didYouMean(key, known) ?? `allowed: ${known.join(', ')}`
    field.origin.report.push({ code: 'unknown-field', severity: 'error', message: `${nameOf(field)}the field ${quote(key)} is not understood`, at, help, given: key })
  }
  return good
}

export function mapping(field: Field): boolean {
  if (isMapping(field.value)) return true
  fail(field, 'wrong-type', `${nameOf(field)}expected a mapping`)
  return false
}

/** Exactly one of these members is there; the problem is reported otherwise. */
export function exactlyOne(field: Field, keys: readonly string[]): string | undefined {
  if (!strictMapping(field, keys)) return undefined
  const present = keys.filter((key) => member(field, key) !== undefined)
  if (present.length === 1) return present[0]
  const what = present.length === 0 ? 'none of' : 'more than one of'
  fail(field, 'conflicting-fields', `${nameOf(field)}${what} ${keys.map((key) => `\`${key}\``).join(', ')}`, 'write exactly one')
  return undefined
}

export function items(field: Field | undefined, most = Infinity): readonly Field[] {
  if (field === undefined) return []
  if (!Array.isArray(field.value)) {
    fail(field, 'wrong-type', `${nameOf(field)}expected a list`)
    return []
  }
  if (field.value.length > most) fail(field, 'wrong-value', `${nameOf(field)}${field.value.length} items; the most is ${most}`)
  return field.value.map((value: unknown, i) => ({ value, path: [...field.path, i], origin: field.origin }))
}

export function text(field: Field | undefined): string {
  if (field === undefined) return ''
  if (typeof field.value === 'string') return field.value
  fail(field, 'wrong-type', `${nameOf(field)}expected text`, 'quote it')
  return ''
}

export function oneOf<T extends string>(field: Field, words: readonly T[]): T | undefined {
  const given = text(field)
  const found = words.find((word) => word === given)
  if (found === undefined && typeof field.value === 'string') fail(field, 'wrong-value', `${nameOf(field)}${quote(given)} is not known`, `allowed: ${words.join(', ')}`)
  return found
}

function isOdd(field: Field): boolean {
  return field.origin.oddNumbers.size > 0 && field.origin.oddNumbers.has(formatLocation(placeOf(field)))
}

/** A whole number in these bounds, or `undefined` with a report. */
export function integer(field: Field, least: number, most: number): number | undefined {
  const { value } = field
  if (typeof value !== 'number' || isOdd(field)) {
    fail(field, 'wrong-type', `${nameOf(field)}expected a whole number`)
    return undefined
  }
  if (value >= least && value <= most) return value
  fail(field, 'wrong-value', `${nameOf(field)}${value} is not from ${least} to ${most}`)
  return undefined
}

/** A port number from 1 to 65535. */
export function portNumber(field: Field): number | undefined {
  const { value } = field
  if (typeof value === 'number' && !isOdd(field)) {
    if (value >= 1 && value <= 65_535) return value
    fail(field, 'invalid-port', `${nameOf(field)}${value} is not a port`, 'a port is a number from 1 to 65535')
  } else fail(field, 'invalid-port', `${nameOf(field)}expected a port number`)
  return undefined
}

/** `ports: ` for a field of that name; list positions have none. */
function nameOf(field: Field): string {
  const last = field.path.findLast((step) => typeof step === 'string')
  return last === undefined ? '' : `${String(last)}: `
}

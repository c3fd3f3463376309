/** The parts that schemas are made of. Each carries its description, from which JSON Schema and the reference pages come. */
import { z } from 'zod'
import { parseAddress, isMappedAddress } from '../../net/address.ts'
import { parseDomain, parseDomainPattern } from '../../net/domain.ts'
import { parsePrefix } from '../../net/prefix.ts'
import { subjectProblem } from '../../net/subject.ts'
import { isName, isPlainAbsolutePath, isPortName, isPortNumber, parseInstant, parsePortText, parseReference, referenceForms } from '../lexical.ts'
import type { TextProblem } from '../lexical.ts'

/** An object whose unknown fields are errors; the message of such an error is the list of the known ones. */
export function fields<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined) })
}

type Json = Parameters<z.ZodString['meta']>[0]

/** Text that has a form of its own. `problem` says what is wrong with it; the message will start with the text. */
export function text(problem: (text: string) => TextProblem | undefined, meta: Json = {}) {
  return z
    .string()
    .check((context) => {
      const found = problem(context.value)
      if (found !== undefined) context.issues.push({ code: 'custom', input: context.value, params: { ...found }, continue: true })
    })
    .meta(meta)
}

/** One or a non-empty list of them. */
export function oneOrMany<T extends z.ZodType>(one: T) {
  return z.union([one, z.array(one).min(1)])
}

export function optional<T extends z.ZodType>(schema: T, description: string, otherwise?: unknown) {
  return schema.meta({ ...schema.meta(), description, ...(otherwise === undefined ? {} : { default: otherwise }) }).optional()
}

export function required<T extends z.ZodType>(schema: T, description: string) {
  return schema.meta({ ...schema.meta(), description })
}

const namePattern = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'
const nameHelp = 'lower-case letters, digits and `-`, starting and ending with a letter or digit, at most 63 characters'

export const nameText = text((t) => (isName(t) ? undefined : { code: 'invalid-name', message: 'is not a name', help: nameHelp }), { title: 'name', pattern: namePattern })

export const plainText = text((t) => (t.trim() === '' ? { code: 'wrong-value', message: 'is empty' } : undefined), { title: 'text', minLength: 1 })

export const cidr = text((t) => {
  const found = parsePrefix(t)
  switch (found.kind) {
    case 'prefix':
      return undefined
    case 'host-bits':
      return { code: 'host-bits', message: 'has host bits set', help: `did you mean \`${found.meant}\`?` }
    case 'mapped':
      return { code: 'mapped-address', message: 'is an IPv4-mapped IPv6 address', help: 'write the IPv4 address' }
    case 'malformed':
      return { code: 'invalid-cidr', message: 'is not an address range', help: 'allowed: `192.0.2.0/24`, `2001:db8::/32`, or a single address' }
  }
}, { title: 'CIDR' })

export const address = text((t) => {
  if (parseAddress(t) !== undefined) return undefined
  if (isMappedAddress(t)) return { code: 'mapped-address', message: 'is an IPv4-mapped IPv6 address', help: 'write the IPv4 address' }
  return { code: 'invalid-address', message: 'is not an address', help: 'allowed: one IPv4 or IPv6 address, without a prefix length' }
}, { title: 'address' })

export const domainPattern = text((t) => {
  if (parseDomainPattern(t) !== undefined) return undefined
  if (/^[*.]+$/.test(t) || /^\*\.[^.*]+\.?$/.test(t)) {
    return { code: 'wildcard-domain', message: 'holds far more than one system', help: 'name the domains; `*.` needs at least two labels after it' }
  }
  return { code: 'invalid-domain', message: 'is not a domain name', help: 'allowed: `pypi.org`, or `*.pypi.org` for every name below it' }
}, { title: 'domain' })

export const hostName = text((t) =>
  parseDomain(t) === undefined ? { code: 'invalid-domain', message: 'is not a host name', help: 'write the full name, without a wildcard' } : undefined,
{ title: 'host name' })

export const instant = text((t) =>
  parseInstant(t) === undefined
    ? { code: 'invalid-instant', message: 'is not a date or an instant', help: 'allowed: `2027-03-31` (the start of that day in UTC) or `2027-03-31T18:00:00Z`' }
    : undefined,
{ title: 'date or instant' })

export const absolutePath = text((t) =>
  isPlainAbsolutePath(t) ? undefined : { code: 'invalid-path', message: 'is not an absolute path', help: 'start with `/`, without `.`, `..` or `//`' },
{ title: 'absolute path' })

export const subject = text((t) => {
  const problem = subjectProblem(t)
  return problem === undefined ? undefined : { code: 'wrong-value', message: 'is not a subject', help: problem }
}, { title: 'subject' })

export const portNumber = z
  .number()
  .check((context) => {
    if (isPortNumber(context.value)) return
    context.issues.push({ code: 'custom', input: context.value, params: { code: 'invalid-port', message: 'is not a port', help: 'ports are 1 to 65535' }, continue: true })
  })
  .meta({ title: 'port', type: 'integer', minimum: 1, maximum: 65_535 })

export const portName = text(
  (t) => (isPortName(t) ? undefined : { code: 'invalid-name', message: 'is not a port name', help: `${nameHelp}, with at least one letter, and not \`any\`` }),
  { title: 'port name', pattern: namePattern },
)

const portText = text((t) => {
  const found = parsePortText(t)
  return 'code' in found ? found : undefined
}, { title: 'range, port name or `any`' })

export const ports = oneOrMany(z.union([portNumber, portText]))

export const referenceText = text((t) =>
  parseReference(t) === undefined ? { code: 'invalid-reference', message: 'is not a reference', help: `allowed: ${referenceForms}` } : undefined,
{ title: 'reference' })

const labelKey = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/

const keyText = text((t) => (labelKey.test(t) ? undefined : { code: 'invalid-name', message: 'is not a label key', help: 'letters, digits, `-`, `_` and `.`, at most 63; optionally after `DOMAIN/`' }))
const valueText = text((t) => (labelValue.test(t) ? undefined : { code: 'wrong-value', message: 'is not a label value', help: 'letters, digits, `-`, `_` and `.`, at most 63' }))

export const labels = z.record(keyText, valueText).meta({ title: 'labels' })
export const annotations = z.record(keyText, z.string()).meta({ title: 'mapping of text' })

const labelSelector = fields({ labels: required(labels, 'Workloads of the document\'s own enclave that carry all these labels.') }).check((context) => {
  if (Object.keys(context.value.labels).length > 0) return
  context.issues.push({ code: 'custom', input: context.value, path: ['labels'], params: { code: 'wrong-value', message: 'a selector without labels', help: 'write `ENCLAVE/*` for every workload of an enclave' }, continue: true })
})

export const reference = z.union([referenceText, labelSelector])
export const references = oneOrMany(reference)

/** Exactly one of these fields, or (when `none`) none. */
export function exactlyOne(names: readonly string[], none = false): z.core.CheckFn<Record<string, unknown>> {
  return (context) => {
    const given = names.filter((n) => context.value[n] !== undefined)
    if (given.length === 1 || (none && given.length === 0)) return
    const listed = names.map((n) => `\`${n}\``).join(', ')
    const message = given.length === 0 ? `one of ${listed} is needed` : `${given.map((n) => `\`${n}\``).join(' and ')} exclude each other`
    context.issues.push({ code: 'custom', input: context.value, path: given.length === 0 ? [] : [given[1] ?? ''], params: { code: 'conflicting-fields', message }, continue: true })
  }
}

/** Fields that mean something only together. */
export function allOrNone(names: readonly string[]): z.core.CheckFn<Record<string, unknown>> {
  return (context) => {
    const given = names.filter((n) => context.value[n] !== undefined)
    if (given.length === 0 || given.length === names.length) return
    const message = `${names.map((n) => `\`${n}\``).join(', ')} go together`
    context.issues.push({ code: 'custom', input: context.value, path: [given[0] ?? ''], params: { code: 'conflicting-fields', message }, continue: true })
  }
}

/** At least one of these fields, and not empty. */
export function atLeastOne(names: readonly string[]): z.core.CheckFn<Record<string, unknown>> {
  return (context) => {
    if (names.some((n) => Array.isArray(context.value[n]) && context.value[n].length > 0)) return
    const message = `one of ${names.map((n) => `\`${n}\``).join(', ')} is needed, with at least one item`
    context.issues.push({ code: 'custom', input: context.value, params: { code: 'conflicting-fields', message }, continue: true })
  }
}

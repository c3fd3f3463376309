/** Each raw document against the schema of its kind, and what it is called even when it is invalid. */
import { quote } from '../base/diagnostic.ts'
import { formatLocation } from '../base/location.ts'
import { didYouMean } from '../base/suggest.ts'
import { isName } from './lexical.ts'
import { diagnosticsOf } from './issues.ts'
import { apiVersion, bareSchema, documentSchema, isKindName, kindNames, kinds } from './schema/kinds.ts'
import { isMapping } from './source.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Location } from '../base/location.ts'
import type { KindName, SpecOf } from './schema/kinds.ts'
import type { Path, RawDocument } from './source.ts'

/** A document that its schema accepts. */
export interface Checked<K extends KindName> {
  readonly kind: K
  readonly name: string
  readonly enclave: string | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly spec: SpecOf<K>
  readonly raw: RawDocument
  /** Where `spec` is inside the raw document: the bare form has it under `policy`. */
  readonly specPath: Path
  readonly at: Location
}

export type AnyChecked = { readonly [K in KindName]: Checked<K> }[KindName]

/** What a document is called: enough for others to refer to it, so that one invalid document is one problem and not many. */
export interface Outline {
  readonly kind: KindName
  readonly name: string
  readonly enclave: string | undefined
  readonly raw: RawDocument
}

export interface Bare {
  readonly spec: SpecOf<'ServicePolicy'>
  readonly raw: RawDocument
}

export interface Read {
  readonly outline?: Outline
  readonly checked?: AnyChecked
  readonly bare?: Bare
  readonly diagnostics: readonly Diagnostic[]
}

const schemas = new Map<KindName, ReturnType<typeof documentSchema>>()

function schemaOf(kind: KindName): ReturnType<typeof documentSchema> {
  let schema = schemas.get(kind)
  if (schema === undefined) schemas.set(kind, (schema = documentSchema(kind)))
  return schema
}

export function readDocument(raw: RawDocument): Read {
  const { checked, bare, ...read } = judge(raw)
  if (raw.problems.length === 0) return { ...read, ...(checked === undefined ? {} : { checked }), ...(bare === undefined ? {} : { bare }) }
  // A value that could not be read is one problem, whatever the schema thinks of what stands in its place.
  const known = new Set(raw.problems.map((d) => formatLocation(d.at)))
  return { ...read, diagnostics: [...raw.problems, ...read.diagnostics.filter((d) => !known.has(formatLocation(d.at)))] }
}

function judge(raw: RawDocument): Read {
  const { value } = raw
  if (!isMapping(value)) return { diagnostics: [notADocument(raw, 'expected a mapping')] }
  if ('policy' in value && !('kind' in value)) {
    const result = bareSchema.safeParse(value)
    return result.success ? { bare: { spec: result.data.policy, raw }, diagnostics: [] } : { diagnostics: diagnosticsOf(raw, result.error.issues) }
  }
  if (!('kind' in value) && !('apiVersion' in value)) return { diagnostics: [notADocument(raw, 'neither `kind` nor `policy` is there')] }
  const head = headProblems(raw, value)
  const { kind } = value
  if (!isKindName(kind)) return { diagnostics: head }
  const outline = outlineOf(raw, value, kind)
  const result = schemaOf(kind).safeParse(value)
  const diagnostics = [...head, ...(result.success ? [] : diagnosticsOf(raw, result.error.issues.filter((i) => i.path[0] !== 'kind' && i.path[0] !== 'apiVersion')))]
  const named = outline === undefined ? {} : { outline }
  if (!result.success || head.length > 0) return { ...named, diagnostics }
  const { metadata, spec } = result.data as { metadata: { name: string; enclave?: string; labels?: Record<string, string> }; spec?: unknown }
  const checked = {
    kind,
    name: metadata.name,
    enclave: metadata.enclave,
    labels: metadata.labels ?? {},
    spec: spec ?? {},
    raw,
    specPath: ['spec'],
    at: raw.at,
  } as AnyChecked
  return { ...named, checked, diagnostics }
}

function notADocument(raw: RawDocument, why: string): Diagnostic {
  const help = `write \`apiVersion: ${apiVersion}\`, \`kind\`, \`metadata\` and \`spec\`, or the bare form \`policy: {source, destination, protocol, port}\``
  const given = typeof raw.value === 'string' ? { given: raw.value } : {}
  const what = typeof raw.value === 'string' ? `${quote(raw.value)} is not a document` : 'not a document'
  return { code: 'not-a-document', severity: 'error', message: `${what}: ${why}`, at: raw.at, help, ...given }
}

/** What is never a version of ours; its kinds are not worth a word each. */
const kubernetes = /^(?:v1|apps\/v\w+|batch\/v\w+|(?:[a-z]+\.)+k8s\.io\/v\w+)$/

function headProblems(raw: RawDocument, value: Readonly<Record<string, unknown>>): readonly Diagnostic[] {
  const out: Diagnostic[] = []
  for (const key of ['apiVersion', 'kind'] as const) {
    const given = value[key]
    // Looked up only when there is something to say.
    const at = (): Location => raw.locate([key])
    if (given === undefined) out.push({ code: 'missing-field', severity: 'error', message: `the field \`${key}\` is missing`, at: raw.at })
    else if (typeof given !== 'string') out.push({ code: 'wrong-type', severity: 'error', message: `${key}: expected text`, at: at() })
    else if (key === 'apiVersion' && given !== apiVersion) {
      const { kind } = value
      const foreign = kubernetes.test(given) && typeof kind === 'string' && !isKindName(kind)
      const help = foreign ? 'this is a Kubernetes manifest: `bulkhead import kubernetes` makes documents of it' : `write \`${apiVersion}\``
      out.push({ code: 'unknown-version', severity: 'error', message: `apiVersion ${quote(given)} is not known`, at: at(), given, help })
      if (foreign) break
    } else if (key === 'kind' && !isKindName(given)) {
      const help = didYouMean(given, kindNames) ?? `allowed: ${kindNames.join(', ')}`
      out.push({ code: 'unknown-kind', severity: 'error', message: `the kind ${quote(given)} is not known`, at: at(), given, help })
    }
  }
  return out
}

function outlineOf(raw: RawDocument, value: Readonly<Record<string, unknown>>, kind: KindName): Outline | undefined {
  const { metadata } = value
  if (!isMapping(metadata)) return undefined
  const { name, enclave } = metadata
  if (typeof name !== 'string' || !isName(name)) return undefined
  const owned = kinds[kind].enclave !== 'none' && typeof enclave === 'string' ? enclave : undefined
  return owned === undefined && kinds[kind].enclave === 'required' ? undefined : { kind, name, enclave: owned, raw }
}

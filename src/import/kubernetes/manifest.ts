/**
 * Files to manifests: lists are opened, kinds that do not bear on the network are passed over, and what nobody here
 * understands is told. A policy that is not understood is never passed over.
 */
import { quote } from '../../base/diagnostic.ts'
import { isMapping } from '../../model/source.ts'
import { readDocuments } from '../documents.ts'
import { deep, fail, isOddNumber, items, mapping, member, rootField, text } from './field.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { SourceFile } from '../../base/source-file.ts'
import type { Field } from './field.ts'
import { kindOf, knownVersions } from './kinds.ts'
import type { ManifestKind } from './kinds.ts'

export interface Manifest {
  readonly kind: ManifestKind
  readonly name: string
  /** `default` where the manifest names none; empty for what belongs to no namespace. */
  readonly namespace: string
  readonly field: Field
}

export interface Manifests {
  readonly manifests: readonly Manifest[]
  readonly diagnostics: readonly Diagnostic[]
}

export interface ReadOptions {
  /** Unknown versions become warnings; policies that are not understood stay errors. */
  readonly lenient: boolean
}

export function readManifests(files: readonly SourceFile[], options: ReadOptions): Manifests {
  const manifests: Manifest[] = []
  const diagnostics: Diagnostic[] = []
  for (const file of files) {
    const parsed = readDocuments(file)
    diagnostics.push(...parsed.diagnostics)
    for (const raw of parsed.documents) {
      const report: Diagnostic[] = []
      readObject(rootField(raw, report), undefined, options, manifests, 0)
      diagnostics.push(...report)
      diagnostics.push(...raw.problems.filter((problem) => !isOddNumber(problem)))
    }
  }
  diagnostics.push(...duplicates(manifests))
  return { manifests, diagnostics }
}

const deepestList = 4

/** `within` is what an item of a typed list is, when it does not say so itself. */
function readObject(field: Field, within: Head | undefined, options: ReadOptions, out: Manifest[], depth: number): void {
  if (!mapping(field)) return
  const head = headOf(field) ?? within
  if (head === undefined) {
    fail(field, 'not-a-document', 'not a manifest: `apiVersion` and `kind` are missing')
    return
  }
  const list = member(field, 'items')
  if (head.kind.endsWith('List') && list !== undefined) {
    if (depth >= deepestList) return fail(field, 'too-deep', 'lists are nested too deep')
    const each = head.kind === 'List' ? undefined : { apiVersion: head.apiVersion, kind: head.kind.slice(0, -'List'.length) }
    for (const item of items(list)) readObject(item, each, options, out, depth + 1)
    return
  }
  const kind = kindOf(head.apiVersion, head.kind)
  if (kind === 'irrelevant') return
  if (kind === 'unknown') return refuseUnknown(field, head, options)
  const manifest = named(field, kind)
  if (manifest !== undefined) out.push(manifest)
}

interface Head {
  readonly apiVersion: string
  readonly kind: string
}

function headOf(field: Field): Head | undefined {
  const apiVersion = member(field, 'apiVersion')
  const kind = member(field, 'kind')
  return apiVersion === undefined || kind === undefined ? undefined : { apiVersion: text(apiVersion), kind: text(kind) }
}

function refuseUnknown(field: Field, { apiVersion, kind }: Head, { lenient }: ReadOptions): void {
  const isPolicy = /NetworkPolic(y|ies)$/.test(kind)
  const kindKnown = knownVersions(kind)
  const message = `${quote(kind)} of apiVersion ${quote(apiVersion)} is not understood`
  const ours = apiVersion.startsWith('bulkhead.dev/')
  const help = ours ? 'this is a document of Bulkhead, not a manifest' : kindKnown.length > 0 ? `understood: ${kindKnown.join(', ')}` : isPolicy ? 'a policy cannot be passed over: the answer would be wrong' : 'pass it over with `--lenient`'
  field.origin.report.push({
    code: kindKnown.length > 0 ? 'unknown-version' : 'unknown-kind',
    severity: lenient && !isPolicy ? 'warning' : 'error',
    message: lenient && !isPolicy ? `${message}: passed over` : message,
    at: field.origin.raw.locate([...field.path, 'apiVersion']),
    ...(lenient && !isPolicy ? {} : { help }),
  })
}

const objectName = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

function named(field: Field, kind: ManifestKind): Manifest | undefined {
  const nameField = deep(field, 'metadata', 'name') ?? deep(field, 'metadata', 'generateName')
  if (nameField === undefined) {
    fail(field, 'missing-field', '`metadata.name` is missing')
    return undefined
  }
  const name = text(nameField).replace(/-$/, '')
  if (!objectName.test(name)) {
    fail(nameField, 'invalid-name', `${quote(text(nameField))} is not an object's name`)
    return undefined
  }
  const namespaceField = kind.namespaced ? deep(field, 'metadata', 'namespace') : undefined
  const namespace = namespaceField === undefined ? (kind.namespaced ? 'default' : '') : text(namespaceField)
  if (namespaceField !== undefined && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    fail(namespaceField, 'invalid-name', `${quote(namespace)} is not a namespace's name`)
    return undefined
  }
  return { kind, name, namespace, field }
}

/** Of two objects with one name a cluster has only one; nobody can tell which. */
function duplicates(manifests: readonly Manifest[]): readonly Diagnostic[] {
  const seen = new Set<string>()
  const out: Diagnostic[] = []
  for (const { kind, name, namespace, field } of manifests) {
    const key = `${kind.name} ${namespace}/${name}`
    if (!seen.has(key)) seen.add(key)
    else if (isMapping(field.value) && deep(field, 'metadata', 'name') !== undefined) {
      const at = field.origin.raw.locate([...field.path, 'metadata', 'name'])
      out.push({ code: 'duplicate-name', severity: 'error', message: `there is another ${kind.name} ${quote(namespace === '' ? name : `${namespace}/${name}`)}`, at })
    }
  }
  return out
}

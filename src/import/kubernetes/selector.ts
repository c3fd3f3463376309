/** Label selectors: all requirements must hold; the empty selector holds of everything. */
import { quote } from '../../base/diagnostic.ts'
import { compareText } from '../../base/location.ts'
import { exactlyOne, fail, items, mapping, member, oneOf, required, strictMapping, text } from './field.ts'
import type { Field } from './field.ts'

export type Labels = ReadonlyMap<string, string>

export interface Selector {
  readonly requirements: readonly Requirement[]
  /** Equal for selectors that select alike word for word. */
  readonly key: string
}

export interface Requirement {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  readonly values: readonly string[]
}

export const everything: Selector = Object.freeze({ requirements: Object.freeze([]), key: '' })

export function selects(selector: Selector, labels: Labels): boolean {
  return selector.requirements.every((requirement) => meets(requirement, labels))
}

/** `NotIn` also holds of what has no such label, as in Kubernetes. */
function meets({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels.get(key)
  switch (operator) {
    case 'In': return value !== undefined && values.includes(value)
    case 'NotIn': return value === undefined || !values.includes(value)
    case 'Exists': return value !== undefined
    case 'DoesNotExist': return value === undefined
  }
}

export function readSelector(field: Field): Selector {
  if (!strictMapping(field, ['matchLabels', 'matchExpressions'])) return everything
  const requirements: Requirement[] = []
  const labels = member(field, 'matchLabels')
  if (labels !== undefined) for (const [key, value] of readLabels(labels)) requirements.push({ key, operator: 'In', values: [value] })
  for (const expression of items(member(field, 'matchExpressions'))) {
    const requirement = readRequirement(expression)
    if (requirement !== undefined) requirements.push(requirement)
  }
  return selectorOf(requirements)
}

/** The selector of a Service or ReplicationController: labels alone. */
export function selectorOfLabels(labels: Labels): Selector {
  return selectorOf([...labels].map(([key, value]) => ({ key, operator: 'In', values: [value] })))
}

function selectorOf(requirements: readonly Requirement[]): Selector {
  const parts = requirements.map(({ key, operator, values }) => `${key} ${operator} ${[...values].sort(compareText).join(',')}`)
  return { requirements, key: [...new Set(parts)].sort(compareText).join(';') }
}

function readRequirement(field: Field): Requirement | undefined {
  if (!strictMapping(field, ['key', 'operator', 'values'])) return undefined
  const keyField = required(field, 'key')
  const operatorField = required(field, 'operator')
  if (keyField === undefined || operatorField === undefined) return undefined
  const key = labelKey(keyField, text(keyField))
  const operator = oneOf(operatorField, ['In', 'NotIn', 'Exists', 'DoesNotExist'])
  const values = items(member(field, 'values')).map((value) => labelValue(value, text(value)))
  if (operator === undefined) return undefined
  const wantsValues = operator === 'In' || operator === 'NotIn'
  if (wantsValues && values.length === 0) fail(field, 'missing-field', `\`${operator}\` needs values`)
  if (!wantsValues && values.length > 0) fail(field, 'conflicting-fields', `\`${operator}\` takes no values`)
  return { key, operator, values }
}

export function readLabels(field: Field): Labels {
  const labels = new Map<string, string>()
  if (!mapping(field)) return labels
  for (const key of Object.keys(field.value as object)) {
    const value = member(field, key)
    // `app:` without a value is the empty text to Kubernetes.
    labels.set(labelKey(field, key), value === undefined ? '' : labelValue(value, text(value)))
  }
  return labels
}

const namePart = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const prefixPart = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

function labelKey(field: Field, key: string): string {
  const slash = key.indexOf('/')
  const good = slash < 0 ? namePart.test(key) : prefixPart.test(key.slice(0, slash)) && namePart.test(key.slice(slash + 1))
  if (!good) fail(field, 'invalid-name', `${quote(key)} is not a label's key`)
  return key
}

function labelValue(field: Field, value: string): string {
  if (value !== '' && !namePart.test(value)) fail(field, 'invalid-name', `${quote(value)} is not a label's value`)
  return value
}

/** Which pods: of one namespace, or of all namespaces that a selector holds of. */
export interface PodSelection {
  readonly namespaces: { readonly kind: 'named'; readonly name: string } | { readonly kind: 'selected'; readonly selector: Selector }
  readonly pods: Selector
  /** The cluster-wide policies select no pod of the host's network, as their API says; what others mean for one is not defined. */
  readonly notOnHostNetwork?: true
}

/** `namespaces` or `pods` of the cluster-wide policies: exactly one. */
export function readNamespacesOrPods(field: Field, keys: readonly string[]): PodSelection | undefined {
  const kind = exactlyOne(field, keys)
  const value = kind === undefined ? undefined : member(field, kind)
  if (value === undefined) return undefined
  if (kind === 'namespaces') return { namespaces: { kind: 'selected', selector: readSelector(value) }, pods: everything, notOnHostNetwork: true }
  if (kind !== 'pods' || !strictMapping(value, ['namespaceSelector', 'podSelector'])) return undefined
  const namespaces = required(value, 'namespaceSelector')
  const pods = required(value, 'podSelector')
  if (namespaces === undefined || pods === undefined) return undefined
  return { namespaces: { kind: 'selected', selector: readSelector(namespaces) }, pods: readSelector(pods), notOnHostNetwork: true }
}

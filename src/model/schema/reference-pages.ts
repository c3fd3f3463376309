/** The reference under docs/: one Markdown page and one JSON Schema for each kind, and one of each for all. */
import { canonicalJson } from '../../base/canonical-json.ts'
import { anyJsonSchema, kindJsonSchema } from './json-schema.ts'
import { apiVersion, kindNames, kinds } from './kinds.ts'
import { referenceForms } from '../lexical.ts'
import type { JsonSchema } from './json-schema.ts'
import type { KindName } from './kinds.ts'

const generated = '<!-- Written by `bulkhead schema`; changes here are lost. -->'

/** File name to content, in the order of names. */
export function referencePages(): ReadonlyMap<string, string> {
  const pages: [string, string][] = [
    ['README.md', overview()],
    ['bulkhead.schema.json', `${canonicalJson(anyJsonSchema(), 2)}\n`],
    ...kindNames.flatMap((kind): [string, string][] => [
      [`${kind}.md`, page(kind)],
      [`${kind}.schema.json`, `${canonicalJson(kindJsonSchema(kind), 2)}\n`],
    ]),
  ]
  return new Map(pages.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function overview(): string {
  return [
    generated,
    '# Reference of the documents',
    '',
    `Every document has \`apiVersion: ${apiVersion}\`, \`kind\`, \`metadata\` and \`spec\`; several to a file are separated by \`---\`.`,
    'Unknown fields are errors. [What a set of documents means](../meaning.md) is told on a page of its own, and so are [the errors](../errors.md).',
    '',
    '| kind | what it is |',
    '|---|---|',
    ...kindNames.map((kind) => `| [${kind}](${kind}.md) | ${kinds[kind].about} |`),
    '',
    '## The bare form',
    '',
    'A document with `policy` alone is a [ServicePolicy](ServicePolicy.md) of the one enclave that holds both of its names:',
    '',
    '```yaml',
    'policy:',
    '  source: api-service',
    '  destination: postgres-db',
    '  protocol: tcp',
    '  port: 5432',
    '  action: allow',
    '```',
    '',
    '## References',
    '',
    `A *reference* is one of: ${referenceForms}; or \`labels: {key: value}\`. Guardrails also take \`*\`, \`external:*\`, \`environment:NAME\`, \`stack:NAME\` and`,
    '`segment:NAME`; because they belong to no enclave, they write `enclave/workload` and `group:enclave/name`.',
    '',
    'For editors: [bulkhead.schema.json](bulkhead.schema.json) describes every document.',
    '',
  ].join('\n')
}

function page(kind: KindName): string {
  const { about, example, enclave } = kinds[kind]
  const schema = kindJsonSchema(kind)
  const metadata = property(schema, 'metadata')
  const spec = property(schema, 'spec')
  return [
    generated,
    `# ${kind}`,
    '',
    about,
    ...(enclave === 'required' ? ['It belongs to the enclave that `metadata.enclave` names.'] : []),
    '',
    '```yaml',
    example,
    '```',
    '',
    '| field | value | needed | meaning |',
    '|---|---|---|---|',
    ...[...rows(metadata, 'metadata'), ...rows(spec, 'spec')].map((cells) => `| ${cells.join(' | ')} |`),
    '',
    `JSON Schema: [${kind}.schema.json](${kind}.schema.json)`,
    '',
  ].join('\n')
}

type Row = readonly [field: string, value: string, needed: string, meaning: string]

function rows(schema: JsonSchema, path: string): readonly Row[] {
  const required = Array.isArray(schema['required']) ? (schema['required'] as readonly unknown[]) : []
  return Object.entries(record(schema['properties'])).flatMap(([name, inner]): readonly Row[] => {
    const field = record(inner)
    const here = `${path}.${name}`
    const needed = required.includes(name) ? 'yes' : 'default' in field ? `\`${JSON.stringify(field['default'])}\`` : ''
    const row: Row = [`\`${here}\``, cell(valueText(field)), cell(needed), cell(String(field['description'] ?? ''))]
    return [row, ...nested(field, here)]
  })
}

/** The fields inside a value, of each of the forms that have fields. A reference's labels are told once, in the overview. */
function nested(field: JsonSchema, path: string): readonly Row[] {
  if (field['properties'] !== undefined) return rows(field, path)
  if (field['items'] !== undefined) return nested(record(field['items']), `${path}[]`)
  return list(field['anyOf']).flatMap((form) => (isLabelSelector(form) ? [] : nested(form, path)))
}

function valueText(schema: JsonSchema): string {
  const { title, type, items, anyOf } = schema
  if (typeof title === 'string') return title
  if (Array.isArray(schema['enum'])) return schema['enum'].map((word) => `\`${String(word)}\``).join(', ')
  if (schema['const'] !== undefined) return `\`${String(schema['const'])}\``
  if (anyOf !== undefined) return unionText(list(anyOf))
  if (type === 'array') return `list of: ${valueText(record(items))}`
  if (type === 'object') return schema['properties'] === undefined ? 'mapping of text' : 'mapping'
  if (type === 'integer') return rangeText(schema)
  return type === 'string' ? 'text' : type === 'boolean' ? '`true`, `false`' : String(type)
}

/** `one or a list` where the list holds the same as the single value. */
function unionText(forms: readonly JsonSchema[]): string {
  const texts = forms.filter((form) => form['type'] !== 'array').map((form) => (isLabelSelector(form) ? '`labels`' : valueText(form)))
  const many = forms.some((form) => form['type'] === 'array')
  return `${[...new Set(texts)].join(' or ')}${many ? ', or a list' : ''}`
}

function rangeText({ minimum, maximum }: JsonSchema): string {
  return `${String(minimum)} to ${String(maximum)}`
}

function isLabelSelector(schema: JsonSchema): boolean {
  const names = Object.keys(record(schema['properties']))
  return names.length === 1 && names[0] === 'labels'
}

function property(schema: JsonSchema, name: string): JsonSchema {
  return record(record(schema['properties'])[name])
}

function record(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : {}
}

function list(value: unknown): readonly JsonSchema[] {
  return Array.isArray(value) ? value.map(record) : []
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

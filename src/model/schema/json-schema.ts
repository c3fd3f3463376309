/** JSON Schema of the documents, from the schemas that validate them. */
import { z } from 'zod'
import { bareSchema, documentSchema, kindNames } from './kinds.ts'
import type { KindName } from './kinds.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

/** A whole document of one kind. What JSON Schema cannot say, `bulkhead check` still judges. */
export function kindJsonSchema(kind: KindName): JsonSchema {
  return convert(documentSchema(kind))
}

/** Any document, the bare form included: for editors. */
export function anyJsonSchema(): JsonSchema {
  return {
    $schema: convert(bareSchema)['$schema'],
    title: 'A document of Bulkhead',
    anyOf: [...kindNames.map(kindJsonSchema), convert(bareSchema)].map(withoutVersion),
  }
}

/** The version of JSON Schema is said once, at the top. */
function withoutVersion(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema'))
}

function convert(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input', unrepresentable: 'any' }) as JsonSchema
}

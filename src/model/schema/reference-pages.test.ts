import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { kindJsonSchema } from './json-schema.ts'
import { kindNames } from './kinds.ts'
import { referencePages } from './reference-pages.ts'

const folder = new URL('../../../docs/reference/', import.meta.url)

test('docs/reference is what `bulkhead schema` writes: run `npm run docs` after a change of the schemas', () => {
  const pages = referencePages()
  assert.deepEqual(readdirSync(folder).sort(), [...pages.keys()].sort())
  for (const [name, text] of pages) assert.equal(readFileSync(new URL(name, folder), 'utf8'), text, name)
})

test('every field has a description', () => {
  const bare: string[] = []
  const walk = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return
    const { properties, items, anyOf } = schema as Record<string, unknown>
    for (const [name, inner] of Object.entries(properties ?? {})) {
      const described = typeof (inner as { description?: unknown }).description === 'string' || path === ''
      if (!described) bare.push(`${path}.${name}`)
      walk(inner, `${path}.${name}`)
    }
    walk(items, `${path}[]`)
    for (const form of Array.isArray(anyOf) ? anyOf : []) walk(form, path)
  }
  for (const kind of kindNames) walk((kindJsonSchema(kind)['properties'] as Record<string, unknown>)['spec'], kind)
  assert.deepEqual(bare, [])
})

test('a page names every field of its kind and refuses unknown ones in its JSON Schema', () => {
  assert.match(referencePages().get('Workload.md') ?? '', /`spec\.run\.mounts\[\]\.from` \| text \| yes/)
  assert.equal(kindJsonSchema('Workload')['additionalProperties'], false)
})

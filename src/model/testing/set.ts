/** Short ways to write sets for tests. */
import { loadPlatform } from '../load.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Platform } from '../platform.ts'

export const testNow = Date.UTC(2030, 0, 1)

/** One text, or several files by name. */
export function load(input: string | Readonly<Record<string, string>>) {
  const files = Object.entries(typeof input === 'string' ? { 'set.yaml': input } : input)
  return loadPlatform(files.map(([path, text]) => ({ path, absolute: `/documents/${path}`, text })), { now: testNow })
}

/** The Platform of a set that has to be accepted, without even a warning. */
export function accepted(input: string | Readonly<Record<string, string>>): Platform {
  const { platform, diagnostics } = load(input)
  if (platform === undefined || diagnostics.length > 0) throw new Error(`refused: ${JSON.stringify(diagnostics, undefined, 1)}`)
  return platform
}

/** `line:column code`, in order. */
export function problems(input: string | Readonly<Record<string, string>>): readonly string[] {
  return load(input).diagnostics.map(brief)
}

export function brief(d: Diagnostic): string {
  return `${d.at.line}:${d.at.column} ${d.code}`
}

/** A document in flow style on four lines: apiVersion, kind, metadata, spec. */
export function doc(kind: string, metadata: string, spec = '{}'): string {
  return `---\napiVersion: bulkhead.dev/v1\nkind: ${kind}\nmetadata: {${metadata}}\nspec: ${spec}\n`
}

/** Enclaves `research` (api, db, web; a declared port `sql` on db) and `clinic` (db), Externals `pypi` and `office`. */
export const scene = [
  doc('Enclave', 'name: research'),
  doc('Enclave', 'name: clinic'),
  doc('Workload', 'name: api, enclave: research, labels: {tier: front}', '{ports: [8080]}'),
  doc('Workload', 'name: db, enclave: research', '{ports: [{name: sql, port: 5432}]}'),
  doc('Workload', 'name: web, enclave: research, labels: {tier: front}'),
  doc('Workload', 'name: db, enclave: clinic', '{ports: [5432]}'),
  doc('External', 'name: pypi', '{domains: [pypi.org]}'),
  doc('External', 'name: office', '{cidrs: [203.0.113.0/24]}'),
].join('')

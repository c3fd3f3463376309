/** Documents as plain values, and the files that hold them. */

export interface Document {
  readonly apiVersion: 'bulkhead.dev/v1'
  readonly kind: string
  readonly metadata: { readonly name: string; readonly enclave?: string; readonly labels?: Readonly<Record<string, string>> }
  readonly spec: Readonly<Record<string, unknown>>
}

export interface DocumentFile {
  readonly path: string
  readonly absolute: string
  readonly text: string
}

export function document(kind: string, name: string, spec: Readonly<Record<string, unknown>>, enclave?: string): Document {
  return { apiVersion: 'bulkhead.dev/v1', kind, metadata: enclave === undefined ? { name } : { name, enclave }, spec }
}

/** One file for each owner, as JSON documents in a YAML stream. */
export function filesOf(documents: readonly Document[]): readonly DocumentFile[] {
  const owners = new Map<string, Document[]>()
  for (const each of documents) {
    const owner = each.metadata.enclave ?? 'platform'
    owners.set(owner, [...(owners.get(owner) ?? []), each])
  }
  return Array.from(owners, ([owner, owned]) => {
    const path = `${owner}.yaml`
    return { path, absolute: `/documents/${path}`, text: owned.map((each) => `---\n${JSON.stringify(each)}\n`).join('') }
  })
}

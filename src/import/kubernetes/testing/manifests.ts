/** Manifests as plain objects, in the shapes that the generators make and the naive reading takes. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>>; readonly ownerReferences?: Json }
  readonly spec?: Readonly<Record<string, Json | undefined>>
  readonly status?: Readonly<Record<string, Json | undefined>>
}

export type LabelSelector = {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[]
}

/** A folder's worth of YAML: JSON is YAML. */
export function manifestText(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => `${JSON.stringify(manifest, undefined, 1)}\n`).join('---\n')
}

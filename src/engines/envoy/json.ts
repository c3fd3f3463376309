/** Envoy's configuration is protobuf written as JSON; these are the few shapes that recur in all of it. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject { readonly [key: string]: Json }

/** A message of a named type, as an `Any`. */
export function typed(type: string, fields: JsonObject = {}): JsonObject {
  return { '@type': `type.googleapis.com/${type}`, ...fields }
}

/** An extension: its name among Envoy's extensions, and its configuration. */
export function extension(name: string, type: string, fields: JsonObject = {}): JsonObject {
  return { name, typed_config: typed(type, fields) }
}

/** Milliseconds as protobuf writes them. */
export function duration(ms: number): string {
  return `${ms / 1000}s`
}

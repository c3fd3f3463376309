/** JSON of which nothing is known. */

export type Unknown = Readonly<Record<string, unknown>>

export function object(value: unknown): Unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Unknown) : {}
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The last part of a message's type. */
export function typeOf(value: unknown): string {
  return text(object(value)['@type']).split('.').at(-1) ?? ''
}

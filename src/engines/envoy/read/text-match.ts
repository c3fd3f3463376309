/** A matcher of texts. */
import { object } from './values.ts'
import type { Unknown } from './values.ts'

export function textMatches(matcher: Unknown, value: string): boolean {
  if (typeof matcher['exact'] === 'string') return matcher['exact'] === value
  if (typeof matcher['prefix'] === 'string') return value.startsWith(matcher['prefix'])
  const regex = object(matcher['safe_regex'])['regex']
  return typeof regex === 'string' && new RegExp(`^(?:${regex})$`).test(value)
}

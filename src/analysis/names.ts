/** Names and places for documents that are proposed and not yet written. */
import type { Location } from '../base/location.ts'

export const proposed: Location = Object.freeze({ file: 'proposed.yaml', line: 1, column: 1 })

/** A DNS label made of the text, with a number behind it while the name is taken. */
export function freeName(text: string, isTaken: (name: string) => boolean): string {
  const label = (most: number): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, most).replace(/^-+|-+$/g, '') || 'proposed'
  if (!isTaken(label(63))) return label(63)
  for (let number = 2; ; number++) {
    const name = `${label(62 - String(number).length)}-${number}`
    if (!isTaken(name)) return name
  }
}

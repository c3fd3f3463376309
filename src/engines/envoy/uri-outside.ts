/** The URIs that are not below another: Envoy's expressions cannot say "not", so each letter that may differ is written out. */

/**
 * A whole-text expression for every URI that does not begin with `start`, a scheme and what follows its colon, in visible ASCII. Names
 * of DNS have no colon, and are none of these. A few instructions for each letter: a long name stays within what Envoy takes.
 */
export function uriOutside(start: string): string {
  const at = start.indexOf(':')
  const [scheme, rest] = [start.slice(0, at), start.slice(at + 1)]
  const otherScheme = `(?:${departing(scheme, but(':'), ':')}[^:]*|${beginning(scheme.slice(0, -1))}):.*`
  return `(?:${otherScheme}|${scheme}:(?:${departing(rest, '')}.*|${beginning(rest.slice(0, -1))}))`
}

/** Up to the first letter that differs; `end` follows when none does. */
function departing(text: string, end: string, never = ''): string {
  return [...text].reduceRight((after, letter) => `(?:${but(letter + never)}${after === '' ? '' : `|[${letter}]${after}`})`, end)
}

/** The text, or any beginning of it. */
function beginning(text: string): string {
  return [...text].reduceRight((after, letter) => `(?:[${letter}]${after})?`, '')
}

/** Any visible character but these. */
function but(letters: string): string {
  const codes = [...letters].map((letter) => letter.charCodeAt(0)).sort((a, b) => a - b)
  const hex = (code: number): string => `\\x${code.toString(16).padStart(2, '0')}`
  const ranges = [0x20, ...codes].map((code, i) => [code + 1, (codes[i] ?? 0x7f) - 1] as const)
  return `[${ranges.filter(([from, to]) => from <= to).map(([from, to]) => `${hex(from)}-${hex(to)}`).join('')}]`
}

/** The one form of a request's path in which routes are compared: that in which Envoy hands it on, hardened as its edge guidance says. */

/**
 * What a normal path may not hold, as a whole-text expression that RE2 understands too: an escaped slash, backslash, control character
 * or NUL (unescaping once can make one, `%%32%66`), an escape without two digits, and `.` or `..` with parameters.
 */
export const hidingPath = '.*(?:%(?:[01][0-9A-Fa-f]|2[Ff]|5[Cc]|7[Ff]|[0-9A-Fa-f]?(?:[^0-9A-Fa-f].*)?$)|/\\.{1,2};).*'

const hiding = new RegExp(`^${hidingPath}$`)
const unreserved = /[A-Za-z0-9\-._~]/

/**
 * `target` as a client sends it, from its `/` on; the query is cut off. `undefined` where the gateway refuses the request: bytes that are
 * no visible ASCII, a fragment, an escaped slash, backslash or NUL anywhere; and whatever is left that a server behind could read in
 * another way.
 */
export function normalPath(target: string): string | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(target) || target.includes('#')) return undefined
  const [written = ''] = target.split('?', 1)
  if (/%(?:2f|5c|00)/i.test(written)) return undefined
  const kept: string[] = []
  const steps = written.slice(1).replaceAll('\\', '/').split('/')
  for (const [i, step] of steps.entries()) {
    const dots = dotsOf(step)
    if (dots === 2) kept.pop()
    if (dots === 0) kept.push(step)
    else if (i === steps.length - 1) kept.push('')
  }
  const path = `/${kept.join('/')}`
    .replace(/%([0-9a-f]{2})/gi, (escape, digits: string) => (unreserved.test(String.fromCharCode(parseInt(digits, 16))) ? String.fromCharCode(parseInt(digits, 16)) : escape))
    .replace(/["<>^`{|}]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/\/{2,}/g, '/')
  return hiding.test(path) ? undefined : path
}

/** How many dots a step means when it means the same folder or the one above, escaped or followed by parameters; else 0. */
function dotsOf(step: string): 0 | 1 | 2 {
  const plain = step.replace(/%2e/gi, '.')
  const bare = /^(\.{1,2});/.exec(step)?.[1] ?? plain
  return bare === '.' ? 1 : bare === '..' ? 2 : 0
}

/** The one form of a request's path in which routes are compared: that in which Envoy hands it on, hardened as its edge guidance says. */

const unreserved = /[A-Za-z0-9\-._~]/

/**
 * `target` as a client sends it, from its `/` on; the query is cut off. `undefined` where the gateway refuses the request: bytes that are
 * no visible ASCII, a fragment, an escaped slash, backslash, control character or NUL, an escape without two digits, and steps that a
 * server behind might still take for `..`.
 */
export function normalPath(target: string): string | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(target) || target.includes('#')) return undefined
  const [written = ''] = target.split('?', 1)
  if (/%(?:2f|5c|[01][0-9a-f]|7f)/i.test(written)) return undefined
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
  return /%(?![0-9a-f]{2})|\/\.{1,2};/i.test(path) ? undefined : path
}

/** How many dots a step means when it means the same folder or the one above, escaped or followed by parameters; else 0. */
function dotsOf(step: string): 0 | 1 | 2 {
  const plain = step.replace(/%2e/gi, '.')
  const bare = /^(\.{1,2});/.exec(step)?.[1] ?? plain
  return bare === '.' ? 1 : bare === '..' ? 2 : 0
}

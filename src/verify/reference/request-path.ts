/** The form of a path in which requests are judged, read letter by letter from the rules of `docs/meaning.md`. */

/** `undefined`: the gateway refuses the request as it stands. */
export function pathAsJudged(target: string): string | undefined {
  for (const letter of target) {
    const code = letter.codePointAt(0) ?? 0
    if (code <= 0x20 || code >= 0x7f || letter === '#') return undefined
  }
  if (target[0] !== '/') return undefined
  const end = target.indexOf('?')
  const written = end < 0 ? target : target.slice(0, end)
  // These three are refused wherever they stand, even in a step that is left again.
  for (const hidden of ['%2f', '%5c', '%00']) if (written.toLowerCase().includes(hidden)) return undefined
  const out: string[] = []
  let step = ''
  for (let i = 1; i <= written.length; i++) {
    const letter = written[i]
    if (letter !== undefined && letter !== '/' && letter !== '\\') {
      step += letter
      continue
    }
    const last = letter === undefined
    if (isAbove(step)) {
      if (out.length > 0) out.length--
      if (last) out.push('')
    } else if (isSame(step)) {
      if (last) out.push('')
    } else out.push(step)
    step = ''
  }
  const steps: string[] = []
  for (const [i, each] of out.entries()) {
    const read = decoded(each)
    if (hides(read)) return undefined
    if (read !== '' || i === out.length - 1) steps.push(read)
  }
  return `/${steps.join('/')}`
}

const unescapedDot = (step: string): string => step.split('%2e').join('.').split('%2E').join('.')

function isAbove(step: string): boolean {
  return unescapedDot(step) === '..' || step.startsWith('..;')
}

function isSame(step: string): boolean {
  return unescapedDot(step) === '.' || step.startsWith('.;')
}

/** Letters, digits, `-`, `.`, `_` and `~` lose their escape; those that no path may hold gain one. */
function decoded(step: string): string {
  let text = ''
  for (let i = 0; i < step.length; i++) {
    const letter = step[i] ?? ''
    if (letter === '%') {
      const digits = step.slice(i + 1, i + 3)
      const meant = /^[0-9A-Fa-f]{2}$/.test(digits) ? String.fromCharCode(Number.parseInt(digits, 16)) : '%'
      const plain = /^[-A-Za-z0-9._~]$/.test(meant)
      text += plain ? meant : letter
      if (plain) i += 2
    } else if ('"<>^`{|}'.includes(letter)) text += `%${letter.charCodeAt(0).toString(16).toUpperCase()}`
    else text += letter
  }
  return text
}

/** What a server behind the gateway could read as something else than what was judged. */
function hides(step: string): boolean {
  if (step.startsWith('.;') || step.startsWith('..;')) return true
  for (let at = step.indexOf('%'); at >= 0; at = step.indexOf('%', at + 1)) {
    const code = /^[0-9A-Fa-f]{2}$/.test(step.slice(at + 1, at + 3)) ? Number.parseInt(step.slice(at + 1, at + 3), 16) : 0
    if (code < 0x20 || code === 0x7f || code === 0x2f || code === 0x5c) return true
  }
  return false
}

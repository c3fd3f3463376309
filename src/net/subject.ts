/**
 * Subjects of messages, as NATS writes them: tokens joined by dots. In a pattern `*` stands for one token and `>`, at the end,
 * for one or more. The first token is always written out, so that no pattern reaches what brokers keep for themselves.
 */

const token = /^[A-Za-z0-9_-]+$/
const longest = 255

/** What is wrong with a text as a subject or a pattern of a document; `undefined` for a sound one. */
export function subjectProblem(text: string): string | undefined {
  const tokens = text.split('.')
  const [first = ''] = tokens
  if (text.length > longest) return `at most ${longest} characters`
  if (first.startsWith('$') || first.startsWith('_')) return 'subjects that begin with `$` or `_` are the broker\'s own'
  if (first === '*' || first === '>') return 'write the first part out: a wildcard there would hold what belongs to the broker and to others'
  for (const [i, part] of tokens.entries()) {
    if (part === '') return 'parts between dots are never empty'
    if (part === '>' && i < tokens.length - 1) return '`>` stands at the end only'
    if (part !== '*' && part !== '>' && !token.test(part)) return 'letters, digits, `-` and `_` between dots; `*` for one part, `>` at the end for the rest'
  }
  return undefined
}

/** Whether every subject that `narrow` stands for is one of `wide`; both may be patterns. */
export function coversSubject(wide: string, narrow: string): boolean {
  const [w, n] = [wide.split('.'), narrow.split('.')]
  for (const [i, part] of w.entries()) {
    const other = n[i]
    if (other === undefined) return false
    if (part === '>') return true
    if (other === '>' || (part !== '*' && part !== other)) return false
  }
  return w.length === n.length
}

/** The pattern of the subjects that are in both, or `undefined` when there are none. */
export function meetSubjects(a: string, b: string): string | undefined {
  const [x, y] = [a.split('.'), b.split('.')]
  const out: string[] = []
  for (let i = 0; i < x.length || i < y.length; i++) {
    const [s, t] = [x[i], y[i]]
    if (s === undefined || t === undefined) return undefined
    if (s === '>') return [...out, ...y.slice(i)].join('.')
    if (t === '>') return [...out, ...x.slice(i)].join('.')
    if (s !== '*' && t !== '*' && s !== t) return undefined
    out.push(s === '*' ? t : s)
  }
  return out.join('.')
}

/** Sorted, each once, without those that another one of the list covers. */
export function widestSubjects(subjects: Iterable<string>): readonly string[] {
  const all = [...new Set(subjects)].sort()
  return all.filter((each) => !all.some((other) => other !== each && coversSubject(other, each)))
}

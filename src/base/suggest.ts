/** "did you mean": the candidate a misspelt word was probably meant to be. */
import { compareText } from './location.ts'

const longestWord = 80

/**
 * The nearest candidate, or `undefined` when none is near: a slip of about one character in three, a difference of
 * case, or a whole part left off (`postgres` for `postgres-db`). Ties go to the first in the alphabet.
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length === 0 || word.length > longestWord) return undefined
  const lower = word.toLowerCase()
  let best: { readonly text: string; readonly distance: number } | undefined
  for (const text of [...new Set(candidates)].sort(compareText)) {
    if (text === word || text.length > longestWord) continue
    const distance = nearness(lower, text.toLowerCase())
    if (distance !== undefined && (best === undefined || distance < best.distance)) best = { text, distance }
  }
  return best?.text
}

/** `did you mean ...?`, or `undefined`. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const found = suggest(word, candidates)
  return found === undefined ? undefined : `did you mean \`${found}\`?`
}

function nearness(word: string, text: string): number | undefined {
  const allowed = Math.max(1, Math.floor(Math.max(word.length, text.length) / 3))
  const distance = editDistance(word, text)
  if (distance <= allowed && distance < Math.max(word.length, text.length)) return distance
  const partLeftOff = word.length >= 3 && (text.startsWith(`${word}-`) || text.endsWith(`-${word}`) || text.endsWith(`/${word}`))
  return partLeftOff ? allowed + 1 : undefined
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let twoBack: number[] = []
  let before = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(at(before, j) + 1, at(row, j - 1) + 1, at(before, j - 1) + change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, at(twoBack, j - 2) + 1)
      row.push(least)
    }
    twoBack = before
    before = row
  }
  return at(before, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity
}

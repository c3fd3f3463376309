/**
 * Which pairs of identities are tried (pure). All of them where they are few. Beyond that every pair with an open path, and of those
 * that are to be refused a bounded number for each identity, near misses first, drawn by a seed: other runs try others.
 */

/** So many ordered pairs are tried completely. */
export const completePairs = 2_500

export interface Candidate {
  readonly label: string
  readonly workload: string
}

/** What was left to chance comes again with the same seed and the same documents. */
export interface ChoiceOptions {
  readonly seed: string
  readonly all: boolean
}

export interface Choice {
  /** By the label that tries, whom it tries; in the order in which they were given. */
  readonly targets: ReadonlyMap<string, readonly string[]>
  readonly tried: number
  readonly of: number
}

/** How many refused pairs of each kind an identity is drawn for, on either side. */
const neighboursEach = 2
const strangersEach = 2
const reversedEach = 2
const siblingsEach = 2
/** So many refused pairs are drawn for each identity, at most. */
export const drawnEach = 2 * (neighboursEach + strangersEach + reversedEach + siblingsEach)

/** `open` is what is to be open between them, by label, as far as anybody knows of it; repetitions and strangers do no harm. */
export function choosePairs(candidates: readonly Candidate[], open: Iterable<readonly [from: string, to: string]>, options: ChoiceOptions): Choice {
  const labels = candidates.map((c) => c.label)
  const of = labels.length * (labels.length - 1)
  if (options.all || of <= completePairs) return { targets: new Map(labels.map((from) => [from, labels.filter((to) => to !== from)])), tried: of, of }

  const isOpen = sets(labels)
  const opensTo = sets(labels)
  for (const [from, to] of open) {
    if (from === to || !isOpen.has(from) || !isOpen.has(to)) continue
    isOpen.get(from)?.add(to)
    opensTo.get(to)?.add(from)
  }
  const chosen = sets(labels)
  for (const [from, targets] of isOpen) for (const to of targets) chosen.get(from)?.add(to)

  const enclaves = Map.groupBy(candidates, ({ workload }) => workload.split('/')[0] ?? '')
  const phases = Map.groupBy(candidates, ({ workload }) => workload)
  for (const { label, workload } of candidates) {
    for (const side of ['from', 'to'] as const) {
      const refused = (other: string): boolean => other !== label && !(side === 'from' ? isOpen.get(label) : opensTo.get(label))?.has(other)
      const take = (kind: string, list: readonly string[], count: number): number => {
        const drawn = draw(randomFrom(`${options.seed} ${kind} ${side} ${label}`), list, count, refused)
        for (const other of drawn) chosen.get(side === 'from' ? label : other)?.add(side === 'from' ? other : label)
        return drawn.length
      }
      // The way back of what is open; the same port for others of its enclave; the same workload in another phase; anybody.
      const back = [...(side === 'from' ? opensTo : isOpen).get(label) ?? []]
      const drawn = take('reversed', back, reversedEach)
        + take('neighbours', (enclaves.get(workload.split('/')[0] ?? '') ?? []).map((c) => c.label), neighboursEach)
        + take('siblings', (phases.get(workload) ?? []).map((c) => c.label), siblingsEach)
        + take('strangers', labels, strangersEach)
      // Chance may have met only what is open.
      if (drawn === 0) take('whoever', labels.filter(refused).slice(0, 1), 1)
    }
  }
  const targets = new Map(labels.map((from) => [from, labels.filter((to) => chosen.get(from)?.has(to) === true)]))
  return { targets, tried: [...targets.values()].reduce((sum, list) => sum + list.length, 0), of }
}

function sets(labels: readonly string[]): Map<string, Set<string>> {
  return new Map(labels.map((label) => [label, new Set<string>()]))
}

/** More of a list than this is not looked through for those that fit. */
const mostLooked = 64

/** Up to `count` different ones that fit, each as likely as the other. */
function draw(random: () => number, list: readonly string[], count: number, fits: (item: string) => boolean): readonly string[] {
  const found: string[] = []
  // A shuffle of the list that is made only as far as it is looked at.
  const moved = new Map<number, number>()
  for (let i = 0; i < Math.min(list.length, mostLooked) && found.length < count; i++) {
    const j = i + Math.floor(random() * (list.length - i))
    const at = moved.get(j) ?? j
    moved.set(j, moved.get(i) ?? i)
    const item = list[at]
    if (item !== undefined && fits(item)) found.push(item)
  }
  return found
}

/** Numbers from 0 to 1 that look like chance and depend on the text alone (FNV-1a, then a Weyl sequence mixed by two multiplications). */
function randomFrom(text: string): () => number {
  let state = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x0100_0193)
  return () => {
    state = (state + 0x9e37_79b9) | 0
    let x = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35)
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32
  }
}

/** Which Externals share an address or a name: found from their sorted ranges and suffixes, not by trying each pair. */
import { formatDomainPattern } from '../net/domain.ts'
import { externalAddresses } from '../intent/externals.ts'
import type { Platform } from '../model/platform.ts'

/** For each of these Externals the others of them that overlap it, sorted; absent means none. */
export function overlaps(platform: Platform, names: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>()
  const note = (a: string, b: string): void => {
    if (a === b) return
    for (const [x, y] of [[a, b], [b, a]] as const) {
      const known = found.get(x)
      if (known === undefined) found.set(x, new Set([y]))
      else known.add(y)
    }
  }
  const externals = [...new Set(names)].flatMap((name) => platform.externals.get(name) ?? [])
  const addresses = externalAddresses(platform)
  const ranges = externals.flatMap((external) => addresses(external).map((range) => ({ ...range, name: external.name })))
  ranges.sort((a, b) => a.family - b.family || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  for (const [i, { family, last, name }] of ranges.entries()) {
    for (let j = i + 1; j < ranges.length; j++) {
      const other = ranges[j]
      if (other === undefined || other.family !== family || other.first > last) break
      note(name, other.name)
    }
  }

  const holders = new Map<string, string[]>()
  for (const { name, domains } of externals) {
    for (const domain of domains) {
      const text = formatDomainPattern(domain)
      const known = holders.get(text)
      if (known === undefined) holders.set(text, [name])
      else known.push(name)
    }
  }
  for (const [text, owners] of holders) {
    for (const same of owners) for (const owner of owners) note(owner, same)
    // Whatever a pattern stands for, the patterns above it stand for as well.
    for (const above of patternsAbove(text)) for (const outer of holders.get(above) ?? []) for (const owner of owners) note(owner, outer)
  }
  return new Map(Array.from(found, ([name, others]) => [name, [...others].sort()]))
}

function patternsAbove(text: string): readonly string[] {
  const labels = text.replace(/^\*\./, '').split('.')
  return labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join('.')}`)
}

/** Domain patterns: a name (`pypi.org`), or every name below it (`*.pypi.org`, which does not hold `pypi.org` itself). */

export interface DomainPattern {
  readonly kind: 'domain'
  /** Lower case, no trailing dot, without the leading `*.`. */
  readonly name: string
  readonly below: boolean
}

const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/

/** A wildcard stands alone as the first label and needs two labels after it, so `*` and `*.org` give `undefined`. */
export function parseDomainPattern(text: string): DomainPattern | undefined {
  const lower = text.toLowerCase()
  const below = lower.startsWith('*.')
  const name = parseDomain(below ? lower.slice(2) : lower)
  if (name === undefined || (below && !name.includes('.'))) return undefined
  return Object.freeze({ kind: 'domain', name, below })
}

/** A host name in lower case without its trailing dot, or `undefined`. */
export function parseDomain(text: string): string | undefined {
  const name = text.toLowerCase().replace(/\.$/, '')
  const labels = name.split('.')
  if (name.length > 253 || labels.length < 2 || !labels.every((part) => label.test(part))) return undefined
  return /^[0-9]+$/.test(labels.at(-1) ?? '') ? undefined : name
}

export function formatDomainPattern(pattern: DomainPattern): string {
  return pattern.below ? `*.${pattern.name}` : pattern.name
}

/** `name` as `parseDomain` gives it. */
export function domainMatches(pattern: DomainPattern, name: string): boolean {
  return pattern.below ? name.endsWith(`.${pattern.name}`) : name === pattern.name
}

/** True when some name matches both. */
export function domainsOverlap(a: DomainPattern, b: DomainPattern): boolean {
  if (a.below && b.below) return a.name === b.name || a.name.endsWith(`.${b.name}`) || b.name.endsWith(`.${a.name}`)
  if (a.below) return domainMatches(a, b.name)
  return domainMatches(b, a.name)
}

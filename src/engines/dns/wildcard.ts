/**
 * What a name under a `*.` pattern may look like before it is asked upstream. Whoever runs the servers of the pattern's domain
 * sees the name, so every free character is a way out; this bounds how much one name can carry, and `limits.ts` how many names.
 */

/** Labels before the pattern's own, characters of each, and of all together with their dots. */
const wildcardShape = Object.freeze({ labels: 3, labelCharacters: 40, characters: 63 })

/** `name` is canonical and ends in `.${below}`. */
export function fitsWildcard(name: string, below: string): boolean {
  const free = name.slice(0, -below.length - 1)
  const labels = free.split('.')
  return free.length <= wildcardShape.characters && labels.length <= wildcardShape.labels && labels.every((label) => label.length <= wildcardShape.labelCharacters)
}

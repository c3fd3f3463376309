/** Values that nobody can alter, so that what was validated is what is used. */

/** A Map without working `set`, `delete` and `clear`. Only `Map.prototype.set.call` gets past it, and nobody writes that by mistake. */
export function frozenMap<K, V>(entries: Iterable<readonly [K, V]>): ReadonlyMap<K, V> {
  const map = new Map(entries)
  for (const name of ['set', 'delete', 'clear']) Object.defineProperty(map, name, { value: refuse })
  return Object.freeze(map)
}

/** The same value with every object, array and Map in it frozen. Maps made elsewhere are replaced by `frozenMap`s first. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}

function refuse(): never {
  throw new TypeError('this map is frozen')
}

/** What a rule decides: the end of its chain, of its packet, or where evaluation goes on. */

export type Verdict =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'continue' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }

/** `undefined` when the statement is no verdict. `queue` is one, but not one that can be read: who holds the queue decides. */
export function parseVerdict(json: unknown): Verdict | undefined {
  if (typeof json !== 'object' || json === null) return undefined
  for (const kind of ['accept', 'drop', 'return', 'continue'] as const) if (kind in json) return { kind }
  for (const kind of ['jump', 'goto'] as const) {
    const body: unknown = (json as Record<string, unknown>)[kind]
    if (typeof body === 'object' && body !== null && 'target' in body && typeof body.target === 'string') return { kind, chain: body.target }
  }
  return undefined
}

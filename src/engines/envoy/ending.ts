/** Which connections a change of listeners ends, as Envoy compares them (pure). */

/** Chains of one listener whose connections end. */
export interface Ending {
  readonly listener: string
  readonly port: number
  /** As the access log calls them, sorted. */
  readonly chains: readonly string[]
}

interface Listener {
  readonly name: string
  readonly address?: { readonly socket_address?: { readonly port_value?: number } }
  readonly filter_chains?: readonly { readonly name?: string }[]
}

/** What of a listener may change without an end of all its connections: then those of the same chains stay. */
const inPlace = new Set(['filter_chains', 'filter_chain_matcher', 'default_filter_chain'])

/** `before` and `after` are the listeners' files; text that is none says nothing. */
export function endings(before: string, after: string): readonly Ending[] {
  // As with most changes; the files may be long.
  if (before === after) return []
  const next = new Map(listenersOf(after).map((listener) => [listener.name, listener]))
  return listenersOf(before).flatMap((old): readonly Ending[] => {
    const now = next.get(old.name)
    const kept = new Set(now !== undefined && frame(now) === frame(old) ? (now.filter_chains ?? []).map((chain) => JSON.stringify(chain)) : [])
    const chains = (old.filter_chains ?? []).filter((chain) => !kept.has(JSON.stringify(chain))).map(({ name }) => name ?? '').sort()
    return chains.length === 0 ? [] : [{ listener: old.name, port: old.address?.socket_address?.port_value ?? 0, chains }]
  })
}

/** The ports at which the listeners of a file take connections. Looked for in the text: it may be long, and is looked at with every change. */
export function listeningPorts(file: string): readonly number[] {
  return [...new Set(Array.from(file.matchAll(/"address":"0\.0\.0\.0","port_value":(\d+)/g), ([, port]) => Number(port)))]
}

/** A chain's name without what tells one content from another. */
export function ruleOf(chain: string): string {
  return chain.replace(/:[0-9a-f]{16}$/, '')
}

function listenersOf(file: string): readonly Listener[] {
  if (file === '') return []
  try {
    return (JSON.parse(file) as { readonly resources?: readonly Listener[] }).resources ?? []
  } catch {
    return []
  }
}

function frame(listener: Listener): string {
  return JSON.stringify(Object.entries(listener).filter(([key]) => !inPlace.has(key)))
}

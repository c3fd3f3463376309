/** Envoy's admin interface, asked over its socket. */
import { request } from 'node:http'
import { Fault } from '../../base/fault.ts'

/** What it answers to a GET; a Fault when nothing answers within `timeoutMs`. */
export function ask(socket: string, path: string, timeoutMs = 2_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(new Fault('gateway-silent', `the gateway does not answer: ${error.message}`, { cause: error }))
    // No connection is kept: the next socket of this name may be another gateway's, when its folder is named by a descriptor.
    const asked = request({ socketPath: socket, path, timeout: timeoutMs, agent: false }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part)).on('error', fail).on('end', () => resolve(Buffer.concat(parts).toString('utf8')))
    })
    asked.on('timeout', () => asked.destroy(new Error(`nothing within ${timeoutMs} ms`))).on('error', fail).end()
  })
}

export type Subscription = 'lds' | 'cds'

export interface SubscriptionState {
  /** The `version_info` of the file that is in force; empty before the first. */
  readonly version: string
  readonly rejected: number
  readonly failed: number
}

const prefixes: Readonly<Record<Subscription, string>> = { lds: 'listener_manager.lds', cds: 'cluster_manager.cds' }

/** `timeoutMs`: while Envoy reads a large configuration it answers nobody. */
export async function subscriptionState(socket: string, which: Subscription, timeoutMs?: number): Promise<SubscriptionState> {
  const prefix = prefixes[which]
  const text = await ask(socket, `/stats?filter=${encodeURIComponent(`^${prefix.replace('.', '\\.')}\\.`)}`, timeoutMs)
  const value = (name: string): string => new RegExp(`^${prefix.replaceAll('.', '\\.')}\\.${name}: (.*)$`, 'm').exec(text)?.[1] ?? ''
  return { version: value('version_text').replace(/^"|"$/g, ''), rejected: Number(value('update_rejected')), failed: Number(value('update_failure')) }
}

/** `LIVE` once every listener that it began with stands. */
export async function isReady(socket: string): Promise<boolean> {
  try {
    return (await ask(socket, '/ready', 1_000)).trim() === 'LIVE'
  } catch {
    return false
  }
}

interface Dumped {
  readonly name?: string
  readonly error_state?: { readonly details?: string }
}

/** What Envoy has against the listeners and clusters that it refused. */
export async function rejections(socket: string): Promise<readonly string[]> {
  const dump = JSON.parse(await ask(socket, '/config_dump', 10_000)) as { readonly configs?: readonly Record<string, unknown>[] }
  const entries = (dump.configs ?? []).flatMap((config) => ['dynamic_listeners', 'dynamic_active_clusters', 'dynamic_warming_clusters'].flatMap((key) => (config[key] ?? []) as readonly Dumped[]))
  return entries.flatMap(({ name, error_state: state }) => (state?.details === undefined ? [] : [`${name ?? ''}: ${state.details}`.replace(/^: /, '')]))
}

/** The names of the chains that listeners have, from what is in force. */
export async function chainsInForce(socket: string): Promise<readonly string[]> {
  const dump = JSON.parse(await ask(socket, '/config_dump?resource=dynamic_listeners', 10_000)) as {
    readonly configs?: readonly { readonly active_state?: { readonly listener?: { readonly filter_chains?: readonly { readonly name?: string }[] } } }[]
  }
  return (dump.configs ?? []).flatMap(({ active_state: state }) => (state?.listener?.filter_chains ?? []).flatMap(({ name }) => name ?? [])).sort()
}

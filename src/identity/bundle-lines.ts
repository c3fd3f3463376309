/** What an agent and the process that exchanges trust bundles for it tell each other, one JSON object a line. */
import type { BundleEndpoint } from './bundle-fetch.ts'

export interface BundleText {
  readonly trustDomain: string
  /** As `encodeBundle` writes it. */
  readonly document: string
}

/** By the agent. */
export type BundleOrder =
  /** The one thing to serve from now on, on each of these addresses. */
  | { readonly kind: 'serve'; readonly id: number; readonly bundle: BundleText; readonly listen: readonly string[]; readonly port: number; readonly chain: string; readonly key: string }
  | { readonly kind: 'serve-nothing'; readonly id: number }
  /** Fetch once; `held` are the bundles by which an endpoint's identity is judged. */
  | { readonly kind: 'fetch'; readonly id: number; readonly endpoint: BundleEndpoint; readonly held: readonly BundleText[]; readonly nameServers: readonly string[] }
  /** Nobody waits for that answer any more. */
  | { readonly kind: 'forget'; readonly id: number }

/** By the process. What it fetched is for the agent to judge once more. */
export type BundleReport =
  | { readonly kind: 'serving'; readonly id: number }
  | { readonly kind: 'not-serving'; readonly id: number; readonly reason: string }
  | { readonly kind: 'fetched'; readonly id: number; readonly document: string }
  | { readonly kind: 'not-fetched'; readonly id: number; readonly code: string; readonly reason: string; readonly help?: string }

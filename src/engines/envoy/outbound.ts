/** What every part of the outbound gateway's configuration is given, and what it adds to. */
import type { GatewayInventory } from './inventory.ts'
import type { JsonObject } from './json.ts'

export interface Chains {
  readonly chains: JsonObject[]
  /** By the name of a chain or route: the documents that opened it. */
  readonly rules: Map<string, readonly string[]>
}

export interface Way {
  readonly inventory: GatewayInventory
  readonly proxy: { readonly host: string; readonly port: number } | undefined
}

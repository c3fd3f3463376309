/** Rulesets as text, loaded by the real nft in a namespace of their own, listed, and read back. */
import { addressSet } from '../../../src/net/address-set.ts'
import { describePath, readRuleset } from '../../../src/engines/nftables/read.ts'
import { openSandbox } from './sandbox.ts'
import { prefix } from '../../../src/net/prefix.ts'
import type { Sandbox } from './sandbox.ts'
import type { ReadContext, ReadPath, ReadResult } from '../../../src/engines/nftables/read.ts'

export interface Listing {
  /** Replaces everything in the namespace by this text, and lists it. */
  readonly list: (text: string) => Promise<unknown>
  readonly close: () => Promise<void>
}

export async function openListing(): Promise<Listing> {
  const sandbox: Sandbox = await openSandbox()
  return {
    list: async (text) => {
      await sandbox.must(['nft', '-f', '-'], { input: `flush ruleset\n${text}` })
      return JSON.parse(await sandbox.must(['nft', '-j', 'list', 'ruleset'])) as unknown
    },
    close: sandbox.close,
  }
}

/** Groups 16, 17 and 18 behind `wa`, `wb` and `wc`, the outside behind `up`. */
export const host: ReadContext = {
  uplinkGroup: 1,
  groups: [1, 16, 17, 18],
  space: addressSet([prefix('10.1.0.0/16'), prefix('fd00::/64')]),
  interfaces: [
    { name: 'wa', group: 16, addresses: addressSet([prefix('10.1.0.2'), prefix('fd00::2')]) },
    { name: 'wb', group: 17, addresses: addressSet([prefix('10.1.0.3'), prefix('fd00::3')]) },
    { name: 'wc', group: 18, addresses: addressSet([prefix('10.1.0.4'), prefix('fd00::4')]) },
    { name: 'up', group: 1, addresses: undefined },
  ],
}

export function read(json: unknown, context: ReadContext = host): ReadResult {
  return readRuleset(json, context)
}

/** One line for each path: its ends, its traffic, and what is not as usual (both families, going on, replies passing). */
export function lines(paths: readonly ReadPath[]): readonly string[] {
  return paths.map((path) => {
    const notes = [
      path.families.length === 1 ? `v${path.families.join()}` : '',
      path.published === undefined ? '' : 'published',
      path.continues ? '' : 'stops',
      path.replies ? '' : 'no-replies',
      path.conditions.length > 0 ? `if ${path.conditions.join(' ')}` : '',
      path.expires === undefined ? '' : `within ${10 * Math.ceil(path.expires / 10)} s`,
    ]
    return [describePath(path), ...notes.filter((note) => note !== '')].join(' ')
  })
}

export function leaks(result: ReadResult): readonly string[] {
  return [...new Set(result.leaks.map(({ kind, path }) => `${kind}: ${describePath(path)}${path.families.length === 1 ? ` v${path.families.join()}` : ''}`))]
}

/**
 * A complete ruleset in several transactions, for whoever may not raise the buffer of a socket (nft 1.0.6 in a user namespace keeps
 * to `net.core.wmem_default`). From the first to the last nothing is forwarded, so that no part decides anything; what is in flight is
 * dropped, which TCP repeats, and not refused. Interrupted, it stays closed.
 */
import { tableFamily } from './render.ts'

/** Stands while the table is made in parts. */
export const holdTable = 'bulkhead-hold'

const elementsEach = 500

const hold = [
  `add table ${tableFamily} ${holdTable}`, `delete table ${tableFamily} ${holdTable}`, `table ${tableFamily} ${holdTable} {`,
  // Before every chain of ours, mangling included.
  '  chain forward {', '    type filter hook forward priority -400; policy drop;', '  }', '}', '',
].join('\n')

/** Takes the hold away, whether there is one or not. */
export const release = `add table ${tableFamily} ${holdTable}\ndelete table ${tableFamily} ${holdTable}\n`

/** `undefined` for a text that `render` has not made: changes of elements only make sense together. */
export function partsOf(ruleset: string): readonly string[] | undefined {
  const end = ruleset.indexOf('\n}\n')
  if (!ruleset.startsWith('add table ') || end < 0) return undefined
  const skeleton = ruleset.slice(0, end + 3)
  const elements = Array.from(ruleset.slice(end + 3).matchAll(/^(add element \S+ \S+ \S+ \{)\n([^{}]*)\n\}$/gm), ([, head = '', body = '']) => ({ head, texts: body.split(',\n') }))
  const chunks = elements.flatMap(({ head, texts }) =>
    Array.from({ length: Math.ceil(texts.length / elementsEach) }, (_, i) => `${head}\n${texts.slice(i * elementsEach, (i + 1) * elementsEach).join(',\n')}\n}\n`))
  return [hold, skeleton, ...chunks, release]
}

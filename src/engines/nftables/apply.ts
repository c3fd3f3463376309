/** Hands a ruleset to the kernel. A transaction is taken whole or not at all, and is in force when this returns. */
import { Fault } from '../../base/fault.ts'
import { run as runProcess } from '../../base/process.ts'
import { partsOf, release } from './parts.ts'
import type { Finished, RunOptions } from '../../base/process.ts'

export interface ApplyOptions {
  /** How `nft` is started: in another namespace perhaps. The host's own when unsaid. */
  readonly run?: (argv: readonly string[], options: RunOptions) => Promise<Finished>
  /** Milliseconds; 120,000 when unsaid. */
  readonly timeoutMs?: number
}

/**
 * The complete text of `render`, or the changes of `delta`. A Fault means that nothing of it is in force; when a complete one had to be
 * made in parts and fails between them, nothing is forwarded until one has been taken.
 */
export async function applyRuleset(text: string, options: ApplyOptions = {}): Promise<void> {
  const run = options.run ?? runProcess
  const take = async (part: string): Promise<string | undefined> => {
    const { code, stderr } = await run(['nft', '-f', '-'], { input: part, timeoutMs: options.timeoutMs ?? 120_000 })
    return code === 0 ? undefined : stderr.trim() === '' ? `nft ended with status ${code}` : stderr.trim()
  }
  let said = await take(text)
  const parts = said?.includes(tooLong) === true ? partsOf(text) : undefined
  if (parts !== undefined) {
    said = undefined
    for (const part of parts) said ??= await take(part)
  }
  if (said !== undefined) throw new Fault('nft-failed', `the kernel refused the ruleset: ${said}`, hint(said))
}

/** Ends what an interrupted change in parts has left. */
export async function releaseHold(): Promise<void> {
  await applyRuleset(release)
}

const tooLong = 'Message too long'

/** Without rights over the whole machine a transaction has to fit in a socket's buffer. */
function hint(said: string): { readonly help?: string } {
  return said.includes(tooLong) ? { help: 'raise the limit for one transaction, on the machine itself: sysctl -w net.core.wmem_default=4194304' } : {}
}

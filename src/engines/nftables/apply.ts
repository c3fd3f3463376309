/** Hands a ruleset to the kernel. A transaction is taken whole or not at all, and is in force when this returns. */
import { Fault } from '../../base/fault.ts'
import { run as runProcess } from '../../base/process.ts'
import type { Finished, RunOptions } from '../../base/process.ts'

export interface ApplyOptions {
  /** How `nft` is started: in another namespace perhaps. The host's own when unsaid. */
  readonly run?: (argv: readonly string[], options: RunOptions) => Promise<Finished>
  /** Milliseconds; 120,000 when unsaid. */
  readonly timeoutMs?: number
}

/** The complete text of `render`, or the changes of `delta`. A Fault means that nothing of it is in force. */
export async function applyRuleset(text: string, options: ApplyOptions = {}): Promise<void> {
  const run = options.run ?? runProcess
  const { code, stderr } = await run(['nft', '-f', '-'], { input: text, timeoutMs: options.timeoutMs ?? 120_000 })
  if (code === 0) return
  const said = stderr.trim()
  throw new Fault('nft-failed', `the kernel refused the ruleset: ${said === '' ? `nft ended with status ${code}` : said}`, hint(said))
}

/** Without rights over the whole machine a transaction has to fit in a socket's buffer. */
function hint(said: string): { readonly help?: string } {
  return said.includes('Message too long') ? { help: 'raise the limit for one transaction, on the machine itself: sysctl -w net.core.wmem_max=67108864' } : {}
}

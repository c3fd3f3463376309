/** `ip` in batches: one process for many changes, in the agent's namespace or a named one. */
import { Fault } from '../base/fault.ts'
import { run } from '../base/process.ts'

/** Runs all lines in order and stops at the first that fails. */
export async function ipBatch(lines: readonly string[], netns?: string): Promise<void> {
  if (lines.length === 0) return
  const argv = [...ipIn(netns), '-batch', '-']
  const { code, stderr } = await run(argv, { input: `${lines.join('\n')}\n` })
  if (code === 0) return
  const at = Number(/Command failed -:(\d+)/.exec(stderr)?.[1] ?? 0)
  throw new Fault('network-failed', `\`ip ${lines[at - 1] ?? '-batch'}\`${netns === undefined ? '' : ` in ${netns}`}: ${stderr.split('\n')[0] ?? 'failed'}`)
}

/** Runs all lines and goes on after a failure: for removals, where what is already gone is no error. */
export async function ipBatchForce(lines: readonly string[], netns?: string): Promise<void> {
  if (lines.length > 0) await run([...ipIn(netns), '-force', '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

/** The parsed answer of `ip -json ...`; an empty answer is an empty list. */
export async function ipJson(args: readonly string[], netns?: string): Promise<readonly Record<string, unknown>[]> {
  const { code, stdout, stderr } = await run([...ipIn(netns), '-json', ...args])
  if (code !== 0) throw new Fault('network-failed', `\`ip ${args.join(' ')}\`${netns === undefined ? '' : ` in ${netns}`}: ${stderr.trim()}`)
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as Record<string, unknown>[])
}

/** The command line that runs something in a named network namespace. */
export function inNetns(netns: string, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--net=${netnsPath(netns)}`, '--', ...argv]
}

export function netnsPath(netns: string): string {
  return netns.startsWith('/') ? netns : `/run/netns/${netns}`
}

function ipIn(netns: string | undefined): readonly string[] {
  if (netns === undefined) return ['ip']
  // `ip -n` takes names only; a path goes through nsenter.
  return netns.startsWith('/') ? ['nsenter', `--net=${netns}`, '--', 'ip'] : ['ip', '-n', netns]
}

/** Somebody with root inside the sandbox, who knows where things are and goes round Bulkhead. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../../src/base/process.ts'
import type { Finished } from '../../../src/base/process.ts'
import type { Instance } from './instance.ts'

/** Runs a program in the router's namespace, among the agent and the kernel's table. */
export async function inSandbox(instance: Instance, argv: readonly string[]): Promise<Finished> {
  const { init } = JSON.parse(readFileSync(join(instance.state, 'default', 'sandbox.json'), 'utf8')) as { init: { pid: number } }
  const enter = ['nsenter', `--target=${init.pid}`, '--user', '--preserve-credentials', '--net', '--mount', '--pid', '--']
  return run([...enter, ...argv], { signal: instance.signal })
}

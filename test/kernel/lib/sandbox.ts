/** A user, network and mount namespace of its own, in which a test may do what only root may, and nothing of the machine is touched. */
import { run, start } from '../../../src/base/process.ts'
import type { ChildProcess, Finished, RunOptions } from '../../../src/base/process.ts'

export interface Sandbox {
  readonly run: (argv: readonly string[], options?: RunOptions) => Promise<Finished>
  /** Runs a command that has to succeed, and gives its stdout. */
  readonly must: (argv: readonly string[], options?: RunOptions) => Promise<string>
  /** Starts a process whose stdin and stdout are pipes. */
  readonly start: (argv: readonly string[]) => ChildProcess
  readonly close: () => Promise<void>
}

export async function openSandbox(): Promise<Sandbox> {
  const script = 'mount -t tmpfs tmpfs /run && mkdir /run/netns && echo ready && exec cat'
  const holder = start(['unshare', '--user', '--map-root-user', '--net', '--mount', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  await firstLine(holder)
  const enter = ['nsenter', '--preserve-credentials', '--user', '--net', '--mount', '--target', String(holder.pid), '--']
  const inside = (argv: readonly string[], options: RunOptions = {}): Promise<Finished> => run([...enter, ...argv], options)
  return {
    run: inside,
    must: async (argv, options) => {
      const { code, stdout, stderr } = await inside(argv, options)
      if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
      return stdout
    },
    start: (argv) => start([...enter, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] }),
    close: () => {
      const ended = new Promise<void>((resolve) => holder.once('close', () => resolve()))
      holder.stdin?.end()
      return ended
    },
  }
}

function firstLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`the sandbox ended with status ${String(code)}`)))
    child.stdout?.once('data', () => resolve())
  })
}

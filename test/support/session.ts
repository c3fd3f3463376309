/**
 * A shell in namespaces of its own (user, PID, mount, network), as an ordinary user even when the tests run as root: nothing
 * that a command starts outlives the session, and none of it can touch this machine's network.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

export interface Session {
  /** Runs a command in the session's one shell, so `cd` and variables stay. Output is stdout and stderr as they came. */
  readonly run: (command: string, timeoutMs?: number) => Promise<Ended>
  readonly close: () => Promise<void>
}

export interface Ended {
  readonly code: number
  readonly output: string
}

/** What makes a process an ordinary user without capabilities, with all that it starts in a PID namespace that ends with it. */
export const asOrdinaryUser = [
  'unshare', '--user', '--map-user=1000', '--map-group=1000', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc',
] as const

export function openSession(folder: string, env: Readonly<Record<string, string>>): Session {
  const [program, ...args] = asOrdinaryUser
  const shell = spawn(program, [...args, 'sh', '-c', 'exec 2>&1; exec sh'], { cwd: folder, env, stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(shell, 'close')
  let output = ''
  let arrived = (): void => undefined
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    arrived()
  })
  shell.on('close', () => arrived())
  shell.stdin.on('error', () => undefined)

  async function run(command: string, timeoutMs = 120_000): Promise<Ended> {
    const mark = `--${randomBytes(9).toString('hex')}`
    output = ''
    shell.stdin.write(`{\n${command}\n} </dev/null\nprintf '%s %s\\n' '${mark}' "$?"\n`)
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const end = new RegExp(`${mark} ([0-9]+)\\n`).exec(output)
      if (end !== null) return { code: Number(end[1]), output: output.slice(0, end.index) }
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`no end after ${timeoutMs / 1000} s: ${command}\n${output}`)
      if (shell.exitCode !== null || shell.signalCode !== null) throw new Error(`the shell ended: ${command}\n${output}`)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, Math.min(left, 1000))
        arrived = () => {
          clearTimeout(timer)
          done()
        }
      })
    }
  }

  async function close(): Promise<void> {
    shell.kill('SIGKILL')
    shell.stdout.destroy()
    await closed
  }

  return { run, close }
}

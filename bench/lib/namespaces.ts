/** Namespaces for a benchmark that needs a kernel of its own: the program starts itself again inside them. */
import { execFileSync, spawnSync } from 'node:child_process'

const inside = 'BULKHEAD_BENCH_INSIDE'

/**
 * Returns only inside. Root keeps its own user namespace, because the kernel limits the size of a transaction without it;
 * networks, mounts and processes are new ones either way.
 */
export function insideNamespaces(): void {
  if (process.env[inside] === '1') return
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  const start = 'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && exec "$@"'
  const argv = [...user, '--net', '--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc', 'sh', '-c', start, 'bench', process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const { status } = spawnSync('unshare', argv, { stdio: 'inherit', env: { ...process.env, [inside]: '1' } })
  process.exit(status ?? 1)
}

/** Runs a command that has to succeed. */
export function must(argv: readonly string[], input?: string): string {
  const [program = '', ...args] = argv
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'], ...(input === undefined ? {} : { input }) })
}

/** True when a command runs and succeeds. */
export function works(argv: readonly string[], input?: string): boolean {
  try {
    must(argv, input)
    return true
  } catch {
    return false
  }
}

export function inNetns(netns: string, argv: readonly string[]): readonly string[] {
  return ['ip', 'netns', 'exec', netns, ...argv]
}

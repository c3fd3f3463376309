/**
 * On the machine itself, as root: the router and every place are named network namespaces of the instance. The machine's own
 * namespace, with its rules and addresses, is never touched, so nobody can be locked out of it.
 */
import { run, runOrFault } from '../base/process.ts'
import { ipJson } from './ip.ts'
import { releaseInterfaces } from './tap.ts'
import { makeUplink, removeUplink } from './uplink.ts'
import { stageFolder } from './drop-root.ts'
import { dropAllOwned } from './own-userns.ts'
import type { Instance } from './state.ts'

function routerNetns(name: string): string {
  return `bh-${name}-router`
}

/** What the names of the instance's place namespaces begin with. */
export function placePrefix(name: string): string {
  return `bh-${name}-`
}

export async function findRouter(instance: Instance): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const router = routerNetns(instance.name)
  return (await netnsNames()).includes(router) ? router : undefined
}

/** Also completes what was interrupted half-way. */
export async function startHost(instance: Instance): Promise<string> {
  const router = routerNetns(instance.name)
  if (!(await netnsNames()).includes(router)) await runOrFault(['ip', 'netns', 'add', router])
  await makeUplink(instance.name, router)
  return router
}

export function enterHost(router: string, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--net=/run/netns/${router}`, '--', ...argv]
}

/** Ends every process in the instance's namespaces, then the namespaces; their interfaces and tables go with them. */
export async function removeHost(instance: Instance, router: string): Promise<void> {
  const prefix = placePrefix(instance.name)
  // A dead agent has not given back what it took.
  await releaseInterfaces(router).catch(() => undefined)
  await removeUplink(instance.name)
  const names = (await netnsNames()).filter((n) => n.startsWith(prefix))
  // The router last: without places, nothing is left that it could forward.
  for (const netns of [...names.filter((n) => n !== router), router]) {
    for (let round = 0; round < 5; round++) {
      const { stdout } = await run(['ip', 'netns', 'pids', netns])
      const pids = stdout.split('\n').filter(Boolean).map(Number)
      if (pids.length === 0) break
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It ended by itself.
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await run(['ip', 'netns', 'del', netns])
  }
  await dropAllOwned(prefix)
  // Another instance may still use it; then it stays.
  await run(['rmdir', '--ignore-fail-on-non-empty', stageFolder])
}

async function netnsNames(): Promise<readonly string[]> {
  return (await ipJson(['netns', 'list'])).map((n) => String(n['name']))
}

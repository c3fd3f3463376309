/**
 * Namespaces of a client, a server and any number of gateways, with a router between them; and Envoys that run there. What a client
 * sends to `ledTo` of a gateway, that gateway's Envoy takes, as a router of a host leads it.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { envoyArguments } from '../../src/engines/envoy/bootstrap.ts'
import { namesDoors, namesPort } from '../../src/engines/envoy/inventory.ts'
import { isReady } from '../../src/engines/envoy/admin.ts'
import { prepare, untilReady } from '../../src/engines/envoy/apply.ts'
import { secretText } from '../../src/engines/envoy/secrets.ts'
import { inNetns, must } from './namespaces.ts'
import type { Certificate } from './plain-envoy.ts'
import type { ChildProcessByStdio } from 'node:child_process'
import type { GatewayFiles } from '../../src/engines/envoy/render.ts'
import type { Readable, Writable } from 'node:stream'

const hop = '169.254.1.1'

/** A namespace with these addresses, one of which may lead on what is for others: to one port, or as the outbound gateway of a host does. */
export function attach(name: string, addresses: readonly string[], led?: string, plainPort?: number): void {
  must(['ip', '-batch', '-'], [
    `netns add ${name}`, `link add name r-${name} type veth peer name eth0 netns ${name}`, `addr add ${hop}/32 dev r-${name}`, `link set r-${name} up`,
    ...addresses.map((address) => `route add ${address}/32 dev r-${name}`),
    ...(led === undefined ? [] : [`route add ${led}/32 via ${addresses[0] ?? ''} dev r-${name} onlink`]),
  ].join('\n'))
  must(['ip', '-n', name, '-batch', '-'], [
    'link set lo up', 'link set eth0 up', ...addresses.map((address) => `addr add ${address}/32 dev eth0`), `route add ${hop}/32 dev eth0`, `route add default via ${hop}`,
  ].join('\n'))
  const settings = ['net.ipv4.conf.all.rp_filter=0', 'net.ipv4.ip_local_port_range=10000 65000', 'net.core.somaxconn=4096']
  must(inNetns(name, ['sysctl', '-qw', ...settings]))
  const doors = Array.from({ length: namesDoors }, (_, i) => `0.0.0.${i} : ${namesPort + i}`)
  const door = plainPort ?? `ip saddr & 0.0.0.${namesDoors - 1} map { ${doors.join(', ')} }`
  if (led !== undefined) must(inNetns(name, ['nft', '-f', '-']), `table ip lead { chain p { type nat hook prerouting priority -100; ip daddr ${led} meta l4proto tcp redirect to :${door}; }; }\n`)
}

export function routing(): void {
  must(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0'])
}

export interface Running {
  readonly pid: number
  readonly folder: string
  /** Milliseconds from its start until it had taken everything. */
  readonly startMs: number
}

function launch(envoy: string, netns: string, folder: string): number {
  const log = openSync(join(folder, 'envoy.log'), 'a')
  const [program = '', ...args] = inNetns(netns, [envoy, ...envoyArguments(folder)])
  const { pid } = spawn(program, args, { stdio: ['ignore', log, log] })
  if (pid === undefined) throw new Error(`${program}: not started`)
  return pid
}

/** An Envoy with what a gateway is given. All secrets are one certificate. */
export async function startGateway(envoy: string, netns: string, folder: string, files: GatewayFiles, certificate: Certificate): Promise<Running> {
  mkdirSync(folder, { recursive: true })
  for (const need of files.needs) writeFileSync(join(folder, need.file), secretText(need, { kind: 'certificate', ...certificate }))
  await prepare(files, folder)
  const began = performance.now()
  const pid = launch(envoy, netns, folder)
  await untilReady(files, { folder, timeoutMs: 90_000 }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${readFileSync(join(folder, 'envoy.log'), 'utf8').slice(-2000)}`)
  })
  return { pid, folder, startMs: performance.now() - began }
}

export async function startPlain(envoy: string, netns: string, folder: string, bootstrap: string): Promise<Running> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'bootstrap.json'), bootstrap)
  const began = performance.now()
  const pid = launch(envoy, netns, folder)
  while (!(await isReady(join(folder, 'admin.sock')))) {
    if (performance.now() - began > 60_000) throw new Error(readFileSync(join(folder, 'envoy.log'), 'utf8').slice(-2000))
    await new Promise((later) => setTimeout(later, 20))
  }
  return { pid, folder, startMs: performance.now() - began }
}

/** Milliseconds of processor time of all threads of a process so far, as the scheduler counted them. */
export function processorMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`).map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]))
  return threads.reduce((sum, ns) => sum + ns, 0) / 1e6
}

/** Mebibytes that a process holds in memory. */
export function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

export interface Helper {
  readonly say: (order: unknown) => void
  readonly ask: <T>(order: unknown) => Promise<T>
  readonly ready: () => Promise<string>
}

/** A program of this folder in a namespace, asked and answering line by line. */
export function helper(netns: string, program: string, ...args: readonly string[]): Helper {
  const [run = '', ...rest] = inNetns(netns, [process.execPath, join(import.meta.dirname, '../load', program), ...args])
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(run, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ready = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`${program} has ended`)
    return String(value)
  }
  const say = (order: unknown): void => void child.stdin.write(`${JSON.stringify(order)}\n`)
  const ask = async <T>(order: unknown): Promise<T> => {
    say(order)
    const answer = JSON.parse(await ready()) as T & { readonly error?: string }
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer
  }
  return { say, ask, ready }
}

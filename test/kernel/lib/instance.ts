/** A real instance, driven as a user would, with a door into its namespaces for tests that do harm. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import assert from 'node:assert/strict'
import { after } from 'node:test'
import { run, start } from '../../../src/base/process.ts'
import { enter, findInstance } from '../../../src/host/instance.ts'
import type { ChildProcess, Finished } from '../../../src/base/process.ts'
import type { AgentStatus, ApplyReport } from '../../../src/host/report.ts'
import type { Evidence } from '../../../src/host/verification.ts'

const bulkheadProgram = fileURLToPath(new URL('../../../bin/bulkhead', import.meta.url))

export interface TestInstance {
  readonly state: string
  /** What the names of its places' namespaces begin with. */
  readonly prefix: string
  /** What `up` is told about where to run. */
  readonly flags: readonly string[]
  /** The folder that `write` fills. */
  readonly directory: string
  readonly write: (text: string) => void
  readonly bulkhead: (...argv: readonly string[]) => Promise<Finished>
  readonly up: (text: string, ...argv: readonly string[]) => Promise<ApplyReport>
  readonly apply: (text: string) => Promise<ApplyReport>
  readonly status: () => Promise<AgentStatus>
  readonly verify: () => Promise<Evidence & { readonly good: boolean }>
  /** Runs something in the router namespace, as the one who may do everything there. */
  readonly router: (...argv: readonly string[]) => Promise<Finished>
  readonly exec: (workload: string, ...argv: readonly string[]) => Promise<Finished>
  /** The same, without waiting; its stdout and stderr are piped. */
  readonly spawn: (workload: string, ...argv: readonly string[]) => ChildProcess
  /** The same with stdin piped too; `--outside` instead of a workload is the outside. */
  readonly converse: (workload: string, ...argv: readonly string[]) => ChildProcess
  /** A command of `bulkhead` itself, without waiting; its stdout and stderr are piped. */
  readonly spawnCommand: (...argv: readonly string[]) => ChildProcess
  /** Ends the agent as a crash would. */
  readonly killAgent: () => Promise<void>
}

/** Runs `work` with an instance of its own and takes everything away afterwards, whatever happens. */
export async function withInstance(work: (instance: TestInstance) => Promise<void>, house?: House): Promise<void> {
  const { instance, close } = openInstance(house)
  try {
    await work(instance)
  } finally {
    await close()
  }
}

/** Where an instance runs: in a sandbox of its own, or on a machine that a test has made. */
export interface House {
  /** The command line that runs something where `bulkhead` is called. */
  readonly enter: (argv: readonly string[]) => readonly string[]
  /** The command line that runs something in the router namespace. */
  readonly router: (state: string, argv: readonly string[]) => Promise<readonly string[]>
  /** The command line that runs something outside of the platform. */
  readonly outside: (argv: readonly string[]) => readonly string[] | undefined
  readonly flags: readonly string[]
  readonly prefix: string
}

const sandbox: House = {
  enter: (argv) => argv,
  router: async (state, argv) => {
    const where = await findInstance({ name: 'default', folder: join(state, 'default') })
    assert.ok(where, 'the instance runs')
    return enter(where, argv)
  },
  outside: () => undefined,
  flags: ['--sandbox'],
  prefix: '',
}

/** For several tests that share one; whoever opens it closes it. */
export function openInstance(house: House = sandbox): { readonly instance: TestInstance; readonly close: () => Promise<void> } {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-test-'))
  const instance = make(root, house)
  return {
    instance,
    close: async () => {
      const down = await instance.bulkhead('down')
      rmSync(root, { recursive: true, force: true })
      assert.equal(down.code, 0, down.stderr)
    },
  }
}

/** One instance for all tests of a file, taken away after the last. It costs nothing until something is brought up. */
export function instanceOfFile(): TestInstance {
  const { instance, close } = openInstance()
  after(close)
  return instance
}

/** Brings up what this machine has to carry whole. */
export async function upWhole(i: TestInstance, set: string, ...argv: readonly string[]): Promise<void> {
  const { applied, failed, refused } = await i.up(set, ...argv)
  assert.deepEqual([applied, failed, refused], [true, [], []])
}

function make(root: string, house: House): TestInstance {
  const directory = join(root, 'documents')
  const state = join(root, 'state')
  mkdirSync(directory)
  const env = { ...process.env, BULKHEAD_STATE: state }
  const argv = (words: readonly string[]): readonly string[] => house.enter([bulkheadProgram, ...words])
  const bulkhead = (...words: readonly string[]): Promise<Finished> => run(argv(words), { env, timeoutMs: 600_000 })
  const json = async <T>(...words: readonly string[]): Promise<T> => {
    const { stdout, stderr } = await bulkhead(...words, '--json')
    try {
      return JSON.parse(stdout) as T
    } catch {
      throw new Error(`no JSON from ${words.join(' ')}: ${stdout}${stderr}`)
    }
  }
  const write = (text: string): void => writeFileSync(join(directory, 'set.yaml'), text)
  const router = async (...words: readonly string[]): Promise<Finished> => run(await house.router(state, words))
  const joined = (workload: string, words: readonly string[]): readonly string[] => (workload === '--outside' ? house.outside(words) : undefined) ?? argv(['exec', workload, '--', ...words])
  const status = async (): Promise<AgentStatus> => (await json<{ agent: AgentStatus }>('status')).agent
  return {
    state,
    prefix: house.prefix,
    flags: house.flags,
    directory,
    write,
    bulkhead,
    up: (text, ...words) => {
      write(text)
      return json('up', directory, ...house.flags, ...words)
    },
    apply: (text) => {
      write(text)
      return json('apply', directory)
    },
    status,
    verify: () => json('verify'),
    router,
    exec: (workload, ...words) => bulkhead('exec', workload, '--', ...words),
    spawn: (workload, ...words) => start(argv(['exec', workload, '--', ...words]), { env, stdio: ['ignore', 'pipe', 'pipe'] }),
    spawnCommand: (...words) => start(argv(words), { env, stdio: ['ignore', 'pipe', 'pipe'] }),
    converse: (workload, ...words) => start(joined(workload, words), { env, stdio: 'pipe' }),
    killAgent: async () => {
      const { pid } = await status()
      await router('kill', '-9', String(pid))
      const after = await bulkhead('status')
      assert.equal(after.code, 1, 'without an agent, status is not well')
    },
  }
}

export interface WorkloadSpec {
  readonly script?: string
  readonly ports?: string
  readonly extra?: string
}

/** Documents of one enclave `lab`: workloads that run node scripts, then whatever else is given. */
export function lab(workloads: Readonly<Record<string, WorkloadSpec>>, ...policies: readonly string[]): string {
  const documents = Object.entries(workloads).map(([name, { script = idle, ports = '[]', extra = '' }]) =>
    `apiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: { name: ${name}, enclave: lab }\nspec:\n  ports: ${ports}\n  run: { command: [node, -e, ${JSON.stringify(script)}] }\n${extra}`,
  )
  return ['apiVersion: bulkhead.dev/v1\nkind: Enclave\nmetadata: { name: lab }\nspec: {}', ...documents, ...policies].join('\n---\n')
}

export function policy(source: string, destination: string, port: number | string, protocol = 'tcp'): string {
  return `policy: { source: ${source}, destination: ${destination}, protocol: ${protocol}, port: ${port}, action: allow }`
}

/** A document of the enclave `lab` if it is a policy, and of the platform otherwise. */
export function document(kind: string, name: string, spec: string): string {
  return `apiVersion: bulkhead.dev/v1\nkind: ${kind}\nmetadata: { name: ${name}${/Policy$/.test(kind) ? ', enclave: lab' : ''} }\nspec: ${spec}`
}

/** A path by mutual TLS. */
export function encrypted(name: string, source: string, destination: string, port: number): string {
  return document('ServicePolicy', name, `{ source: ${source}, destination: ${destination}, protocol: tcp, port: ${port}, encryption: required }`)
}

export const idle = 'setInterval(() => {}, 1e9)'

/** Echoes on these TCP ports, both families, and keeps idle connections. */
export function echo(...ports: readonly number[]): string {
  return `for (const p of ${JSON.stringify(ports)}) require('net').createServer(s => { s.on('error', () => {}); s.pipe(s) }).listen(p, '::')`
}

/** Connects once and says `open` or the error's code. */
export function dial(host: string, port: number, timeoutMs = 3000): readonly string[] {
  return ['node', '-e', `const s=require('net').connect({host:${JSON.stringify(host)},port:${port}});s.setTimeout(${timeoutMs},()=>{console.log('timeout');process.exit()});s.on('connect',()=>{console.log('open');process.exit()});s.on('error',e=>{console.log(e.code??e.errors?.[0]?.code);process.exit()})`]
}

/** Waits until a child has said a line that matches; gives all that it said. */
export function said(child: ChildProcess, pattern: RegExp, timeoutMs = 60_000): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const timer = setTimeout(() => reject(new Error(`did not say ${pattern.source}: ${text}`)), timeoutMs)
  const hear = (chunk: Buffer): void => {
    text += chunk.toString('utf8')
    if (!pattern.test(text)) return
    clearTimeout(timer)
    resolve(text)
  }
  child.stdout?.on('data', hear)
  child.stderr?.on('data', hear)
  return promise
}

/** Tries until it holds; the last failure is the error. */
export async function eventually(check: () => Promise<void>, timeoutMs = 60_000): Promise<void> {
  const end = Date.now() + timeoutMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

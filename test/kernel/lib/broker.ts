/** A real NATS server with the identities of a real authority, configured as the documents say. */
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { apply, replaceFile } from '../../../src/engines/nats/apply.ts'
import { render } from '../../../src/engines/nats/render.ts'
import { openAuthority } from '../../../src/identity/authority.ts'
import { bundlePem } from '../../../src/identity/bundle.ts'
import { workloadSpiffeId } from '../../../src/model/workload-id.ts'
import { svidFileNames, writeSvidFolder } from '../../../src/identity/svid-files.ts'
import { compile } from '../../../src/intent/compile.ts'
import { loadPlatform } from '../../../src/model/load.ts'
import { connect } from './nats-client.ts'
import type { Applied } from '../../../src/engines/nats/apply.ts'
import type { Authority } from '../../../src/identity/authority.ts'
import type { WorkloadId } from '../../../src/model/platform.ts'
import type { Client, Credentials } from './nats-client.ts'

export const broker: WorkloadId = 'e/bus'

export interface RealBroker {
  readonly port: number
  readonly authority: Authority
  readonly credentials: (workload: WorkloadId, by?: Authority) => Credentials
  /** Connects as a workload; the connection ends with the test. */
  readonly client: (workload: WorkloadId) => Promise<Client>
  /** Puts the policies in force; they are bare documents in flow style. */
  readonly policies: (...policies: readonly string[]) => Promise<Applied>
  /** Puts any text in force. */
  readonly apply: (text: string) => Promise<Applied>
  readonly log: () => string
}

const workloads = ['a', 'b', 'c', 'd']

/** The enclave `e` with the broker `bus` and the workloads `a` to `d`. */
export async function startBroker(t: TestContext, first: readonly string[]): Promise<RealBroker> {
  const program = findServer() ?? ''
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-nats-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const authority = authorityOf(join(folder, 'authority'), 'test.internal')
  const identity = join(folder, 'svid')
  writeSvidFolder(identity, authority.issue(workloadSpiffeId('test.internal', broker)), authority.bundle())
  const port = await freePort()
  const file = join(folder, 'nats.conf')

  const textOf = (policies: readonly string[]): string => {
    const document = (kind: string, metadata: string, spec: string): string => `---\napiVersion: bulkhead.dev/v1\nkind: ${kind}\nmetadata: {${metadata}}\nspec: ${spec}\n`
    const set = [
      document('Platform', 'name: test', '{}'), document('Enclave', 'name: e', '{}'),
      document('Workload', 'name: bus, enclave: e', `{broker: nats, ports: [{name: nats, port: ${port}}]}`),
      ...workloads.map((name) => document('Workload', `name: ${name}, enclave: e`, '{}')),
      ...policies.map((policy) => `---\npolicy: {destination: bus, protocol: nats, ${policy}}\n`),
    ].join('')
    const { platform, diagnostics } = loadPlatform([{ path: 'set.yaml', absolute: '/documents/set.yaml', text: set }], { now: Date.now() })
    if (platform === undefined) throw new Error(JSON.stringify(diagnostics))
    const name = (which: keyof typeof svidFileNames): string => join(identity, svidFileNames[which])
    const placed = { listen: '127.0.0.1', certificateFile: name('chain'), keyFile: name('key'), bundleFile: name('bundle') }
    return render(platform, compile(platform).intent, { brokers: new Map([[broker, placed]]) }, { now: Date.now() }).configurations.get(broker) ?? ''
  }

  writeFileSync(file, textOf(first))
  const server = spawn(program, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  t.after(() => void server.kill('SIGKILL'))
  for (let i = 0; !log.includes('Server is ready'); i++) {
    if (i > 500 || server.exitCode !== null) throw new Error(`the server has not started: ${log}`)
    await sleep(20)
  }
  const put = (text: string): Promise<Applied> => apply(text, {
    write: (marked) => replaceFile(file, marked), reload: () => void server.kill('SIGHUP'),
    listen: () => {
      const mark = log.length
      return () => log.slice(mark)
    },
  }, { timeoutMs: 10_000 })
  const credentials = (workload: WorkloadId, by = authority): Credentials => {
    const svid = by.issue(workloadSpiffeId(by === authority ? 'test.internal' : 'other.internal', workload))
    return { ca: bundlePem(authority.bundle()), cert: svid.chain, key: svid.key.reveal() }
  }
  return {
    port, authority, credentials, apply: put, log: () => log,
    policies: (...policies) => put(textOf(policies)),
    client: async (workload) => {
      const client = await connect(port, credentials(workload))
      t.after(client.close)
      return client
    },
  }
}

export function authorityOf(folder: string, trustDomain: string): Authority {
  return openAuthority({ folder, trustDomain, supplied: undefined, svidSeconds: 3600 })
}

/** Why tests with a real server cannot run here, or `false`. */
export function withoutServer(): string | false {
  return findServer() === undefined ? 'no nats-server: run bin/setup' : false
}

function findServer(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, 'nats-server')).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/**
 * Nine pods in three namespaces, imported from manifests and brought up as processes in namespaces of their own. Changes
 * go the way an operator's would: manifests, `bulkhead import`, `bulkhead apply`.
 */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openProber } from './prober.ts'
import { withInstance } from '../../kernel/lib/instance.ts'
import { openSctp } from './sctp.ts'
import type { Prober } from './prober.ts'
import type { TestInstance } from '../../kernel/lib/instance.ts'
import type { Sctp } from './sctp.ts'

export const podNames = ['x', 'y', 'z'].flatMap((namespace) => ['a', 'b', 'c'].map((pod) => `${namespace}/${pod}`))
export const ports = [80, 81] as const

export interface State {
  /** NetworkPolicies as `namespace: spec`, in any number. */
  readonly policies: readonly (readonly [namespace: string, spec: string])[]
  /** Labels beside those that all pods have, as `y/a: {key: value}`. */
  readonly podLabels?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly namespaceLabels?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export type ProbeProtocol = 'tcp' | 'udp' | 'sctp'

export interface TestCluster {
  /** The IPv4 address of a pod, as its status would say. */
  readonly address: (pod: string) => string
  /** Puts just these policies and labels in force. */
  readonly put: (state: State) => Promise<void>
  /** Every pod tries every other; the answers as `x/a -> y/b` of those that came through. */
  readonly probe: (protocol: ProbeProtocol, port: number) => Promise<ReadonlySet<string>>
}

export async function withCluster(work: (cluster: TestCluster) => Promise<void>): Promise<void> {
  await withInstance(async (instance) => {
    const addresses = new Map<string, string>()
    await put(instance, addresses, 'up', { policies: [] })
    for (const { workload, ipv4 } of (await instance.status()).workloads) addresses.set(workload, ipv4)
    const probers = new Map<string, Prober>()
    let sctp: Sctp | undefined
    try {
      await Promise.all(podNames.map(async (pod) => probers.set(pod, await openProber(instance.state, pod, ports))))
      await work({
        address: (pod) => addresses.get(pod) ?? '',
        put: (state) => put(instance, addresses, 'apply', state),
        probe: async (protocol, port) => {
          if (protocol === 'sctp') return (sctp ??= await openSctp(instance.state, addresses)).probe(port)
          return everyPair(probers, addresses, protocol, port)
        },
      })
    } finally {
      await sctp?.close()
      await Promise.all(Array.from(probers.values(), (prober) => prober.close()))
    }
  })
}

async function everyPair(probers: ReadonlyMap<string, Prober>, addresses: ReadonlyMap<string, string>, protocol: 'tcp' | 'udp', port: number): Promise<ReadonlySet<string>> {
  const open = new Set<string>()
  await Promise.all(Array.from(probers, async ([source, prober]) => {
    const targets = podNames.filter((pod) => pod !== source).map((pod) => ({ pod, address: addresses.get(pod) ?? '' }))
    for (const pod of await prober.reach(protocol, port, targets)) open.add(`${source} -> ${pod}`)
  }))
  return open
}

async function put(instance: TestInstance, addresses: ReadonlyMap<string, string>, command: 'up' | 'apply', state: State): Promise<void> {
  const [manifests, documents] = [join(instance.directory, 'manifests'), join(instance.directory, 'documents')]
  mkdirSync(manifests, { recursive: true })
  rmSync(documents, { recursive: true, force: true })
  writeFileSync(join(manifests, 'cluster.yaml'), manifestsOf(addresses, state))
  const imported = await instance.bulkhead('import', 'kubernetes', manifests, '--out', documents)
  assert.equal(imported.code, 0, imported.stderr)
  const done = await instance.bulkhead(command, documents, ...(command === 'up' ? ['--sandbox'] : []))
  assert.equal(done.code, 0, `${done.stdout}${done.stderr}`)
}

function manifestsOf(addresses: ReadonlyMap<string, string>, { policies, podLabels = {}, namespaceLabels = {} }: State): string {
  const json = (value: unknown): string => JSON.stringify(value)
  const containerPorts = ports.flatMap((port) => ['TCP', 'UDP', 'SCTP'].map((protocol) => ({ name: `serve-${port}-${protocol.toLowerCase()}`, containerPort: port, protocol })))
  const namespaces = ['x', 'y', 'z'].map((name) => json({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ns: name, ...namespaceLabels[name] } } }))
  const pods = podNames.map((id) => {
    const [namespace = '', name = ''] = id.split('/')
    const ip = addresses.get(id)
    return json({
      apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { pod: name, ...podLabels[id] } },
      spec: { containers: [{ name: 'serve', image: 'none', ports: containerPorts }] }, ...(ip === undefined ? {} : { status: { podIP: ip, podIPs: [{ ip }] } }),
    })
  })
  const rules = policies.map(([namespace, spec], i) => `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p${i}, namespace: ${namespace} }\nspec: ${spec}`)
  return `${[...namespaces, ...pods, ...rules].join('\n---\n')}\n`
}

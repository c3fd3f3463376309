/** Platforms of any size that look like real ones: many small enclaves, layered services, a few shared ones, some ways out and in. */
import { egress, external, federation, ingress, platformOf, service, workload } from '../../src/model/testing.ts'
import type { EgressPolicy, FederationPolicy, Guardrail, IngressPolicy, Platform, ServicePolicy, WorkloadId } from '../../src/model/platform.ts'
import { place, scope } from '../../src/model/testing.ts'

/** Workloads in one enclave, as many as a team looks after. */
const perEnclave = 20
const layersOfEnclave = ['web', 'api', 'job', 'db'] as const

/** A generator that gives the same numbers on every machine (a linear congruence modulo 2^32). */
export function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 4_294_967_296) * below)
  }
}

/** `policies` counts documents; a federation is two. About one path in ten leaves its enclave. */
export function randomPlatform(workloads: number, policies: number, seed = 1): Platform {
  const next = numbers(seed)
  const enclaves = Math.max(1, Math.round(workloads / perEnclave))
  const all = Array.from({ length: workloads }, (_, i) => {
    const layer = layersOfEnclave[i % layersOfEnclave.length] ?? 'web'
    const id: WorkloadId = `e${String(Math.floor(i / perEnclave) % enclaves)}/${layer}-${i}`
    return workload(id, { labels: { layer }, ports: [{ name: 'main', port: 8000 + (i % 50), protocol: 'tcp' }, { name: undefined, port: 53, protocol: 'udp' }] })
  })
  const byEnclave = new Map<string, WorkloadId[]>()
  for (const { enclave, id } of all) {
    const known = byEnclave.get(enclave)
    if (known === undefined) byEnclave.set(enclave, [id])
    else known.push(id)
  }
  const names = [...byEnclave.keys()]
  const someone = (enclave: string): WorkloadId => {
    const members = byEnclave.get(enclave) ?? []
    return members[next(members.length)] ?? 'e0/web-0'
  }
  const externals = Array.from({ length: Math.max(4, Math.round(enclaves / 10)) }, (_, i) =>
    external(`x${i}`, [`198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`, `x${i}.example.org`]),
  )
  const servicePolicies: ServicePolicy[] = []
  const egressPolicies: EgressPolicy[] = []
  const ingressPolicies: IngressPolicy[] = []
  const federationPolicies: FederationPolicy[] = []
  const traffic = (): string => ['tcp main', 'tcp 8000-8049', 'tcp any', 'udp 53', 'tcp 443,8443'][next(5)] ?? 'tcp main'
  for (let i = 0; i < policies; i++) {
    const enclave = names[next(names.length)] ?? 'e0'
    const at = { at: place(i + 1, `${enclave}.yaml`) }
    const kind = next(100)
    if (kind < 60) servicePolicies.push(service(`${enclave}/p${i}`, someone(enclave), someone(enclave), traffic(), at))
    else if (kind < 75) {
      const [from = 'web', to = 'db'] = [layersOfEnclave[next(4)], layersOfEnclave[next(4)]]
      servicePolicies.push(service(`${enclave}/p${i}`, `labels:${enclave}:layer=${from}`, `labels:${enclave}:layer=${to}`, traffic(), at))
    } else if (kind < 83) egressPolicies.push(egress(`${enclave}/p${i}`, someone(enclave), `external:x${next(externals.length)}`, 'tcp 443', at))
    else if (kind < 86) ingressPolicies.push(ingress(`${enclave}/p${i}`, `external:x${next(externals.length)}`, someone(enclave), 'tcp main', undefined, at))
    else {
      const other = names[next(names.length)] ?? 'e0'
      if (other === enclave || i + 1 >= policies) continue
      const [source, destination] = [someone(enclave), someone(other)]
      federationPolicies.push(federation(`${enclave}/p${i}`, { imports: [[source, destination, 'tcp main']] }, at))
      federationPolicies.push(federation(`${other}/p${++i}`, { exports: [[source, destination, 'tcp any']] }, { at: place(i + 1, `${other}.yaml`) }))
    }
  }
  return platformOf({ workloads: all, externals, servicePolicies, egressPolicies, ingressPolicies, federationPolicies })
}

/** Statements that follow chains through the whole platform; all forms in turn. */
export function randomGuardrails(platform: Platform, count: number, seed = 2): readonly Guardrail[] {
  const next = numbers(seed)
  const enclaves = [...platform.enclaves.keys()]
  const some = (): string => `${enclaves[next(enclaves.length)] ?? 'e0'}/*`
  return Array.from({ length: count }, (_, i): Guardrail => {
    const base = { kind: 'Guardrail', name: `g${i}`, at: place(i + 1, 'guardrails.yaml') } as const
    const [source, destination] = [[scope(some())], [scope(some())]]
    switch (i % 4) {
      case 0:
        return { ...base, assert: 'never', source, destination }
      case 1:
        return { ...base, assert: 'noFlow', source, destination, relays: [scope('external:*')] }
      case 2:
        return { ...base, assert: 'onlyVia', source: [scope('*')], destination: [scope('external:*')], via: [scope(some())] }
      default:
        return { ...base, assert: 'isolated', between: [source, destination, [scope(some())]] }
    }
  })
}

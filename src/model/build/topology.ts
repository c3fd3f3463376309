/** What a platform consists of, from documents that their schemas accept. */
import { quote } from '../../base/diagnostic.ts'
import { didYouMean } from '../../base/suggest.ts'
import { addressSet } from '../../net/address-set.ts'
import { parseDomainPattern } from '../../net/domain.ts'
import { parsePrefix } from '../../net/prefix.ts'
import { frozenMap } from '../frozen.ts'
import { parseInstant, resolveBeside } from '../lexical.ts'
import { brokerPort } from '../platform.ts'
import { defaultReplicas } from '../schema/topology.ts'
import { checkName } from './context.ts'
import { enclaveOf, resolve } from './references.ts'
import type { Location } from '../../base/location.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { SpecOf } from '../schema/kinds.ts'
import type { Enclave, Environment, External, Group, GroupRef, IsolationSegment, Peer, RiskRecord, Stack, Start, Workload, WorkloadPort, WorkloadRef } from '../platform.ts'
import type { Context } from './context.ts'

/** Texts that the schema has accepted as prefixes. */
export function addresses(texts: readonly string[]): AddressSet {
  return addressSet(texts.map(parsePrefix).filter((p) => p.kind === 'prefix'))
}

/** A text that the schema has accepted as `host:port`. */
export function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) }
}

export function buildStack({ doc }: Context<'Stack'>): Stack {
  const { spec, name, at } = doc
  return {
    kind: 'Stack', name, at,
    tenancy: spec.tenancy ?? 'shared',
    cidrs: addresses(spec.cidrs ?? []),
    peeredCidrs: addresses(spec.peeredCidrs ?? []),
    layers: [...new Set(spec.layers ?? [])].sort(),
    account: spec.account,
    layerHosts: spec.layerHosts ?? 'shared',
  }
}

export function buildEnvironment(context: Context<'Environment'>): Environment {
  const { spec, name, at } = context.doc
  const stack = spec.stack ?? 'default'
  checkName(context, ['stack'], 'Stack', stack)
  if (spec.defaultSegment !== undefined) checkName(context, ['defaultSegment'], 'IsolationSegment', spec.defaultSegment)
  return { kind: 'Environment', name, at, stack, owner: spec.owner, defaultSegment: spec.defaultSegment, isolation: spec.isolation, members: spec.members ?? [] }
}

export function buildSegment(context: Context<'IsolationSegment'>): IsolationSegment {
  const { spec, name, at } = context.doc
  spec.entitled?.forEach((environment, i) => checkName(context, ['entitled', i], 'Environment', environment))
  return {
    kind: 'IsolationSegment', name, at,
    instances: spec.instances,
    instanceType: spec.instanceType,
    egress: spec.egress ?? 'open',
    entitled: spec.entitled === undefined ? undefined : [...new Set(spec.entitled)].sort(),
    replicasPerInstance: spec.capacity?.replicasPerInstance ?? defaultReplicas,
  }
}

export function buildEnclave(context: Context<'Enclave'>): Enclave {
  const { spec, name, at } = context.doc
  const environment = spec.environment ?? 'default'
  checkName(context, ['environment'], 'Environment', environment)
  if (spec.segment !== undefined) checkName(context, ['segment'], 'IsolationSegment', spec.segment)
  return { kind: 'Enclave', name, at, environment, segment: spec.segment }
}

/** `segment` is the workload's own; the enclave's takes its place when all documents are built. */
export function buildWorkload(context: Context<'Workload'>): Workload {
  const { spec, name, enclave = '', at, labels } = context.doc
  if (spec.segment !== undefined) checkName(context, ['segment'], 'IsolationSegment', spec.segment)
  const groups = spec.groups ?? []
  groups.forEach((group, i) => {
    if (context.declared.hasIn('Group', enclave, group)) return
    const help = didYouMean(group, context.declared.namesIn('Group', enclave)) ?? 'add the Group, or correct the name'
    context.problem(['groups', i], 'unknown-reference', `no group ${quote(group)} in enclave ${quote(enclave)}`, help, group)
  })
  const replicas = spec.replicas ?? 1
  if (spec.privileged === true && spec.run === undefined) context.problem(['privileged'], 'conflicting-fields', 'rights belong to a process that is started here', 'add `run`, or remove `privileged`')
  if (spec.attach !== undefined && replicas !== 1) context.problem(['replicas'], 'conflicting-fields', 'one namespace or interface is one replica', 'declare a Workload for each')
  const spread = spec.spread ?? 1
  if (spread > Math.max(replicas, 1)) context.problem(['spread'], 'conflicting-fields', `${replicas} replicas cannot be on ${spread} hosts`, 'raise `replicas`, or lower `spread`')
  return {
    kind: 'Workload', id: context.declared.workload(enclave, name) ?? `${enclave}/${name}`, enclave, name, at, replicas, spread,
    labels: frozenMap(Object.entries(labels)),
    ports: portsOf(context),
    phase: spec.phase ?? 'running',
    groups: [...new Set(groups)].sort(),
    layer: spec.layer,
    segment: spec.segment,
    broker: brokerOf(context),
    start: startOf(context.doc.raw.file.absolute, spec),
  }
}

/** A broker is reached at one port, which policies do not repeat. */
function brokerOf(context: Context<'Workload'>): 'nats' | undefined {
  const { broker, ports = [] } = context.doc.spec
  if (broker === undefined) return undefined
  const found = ports.filter((p) => typeof p !== 'number' && p.name === brokerPort && (p.protocol ?? 'tcp') === 'tcp')
  if (found.length !== 1) {
    const message = `a broker has one tcp port called \`${brokerPort}\``
    context.problem(['broker'], 'conflicting-fields', found.length === 0 ? `${message}, and this one has none` : `${message}, and this one has several`, `declare \`ports: [{ name: ${brokerPort}, port: 4222 }]\``)
  }
  return broker
}

/** Two ports of one name, protocol and number would be one; a name may stand for several numbers. */
function portsOf(context: Context<'Workload'>): readonly WorkloadPort[] {
  const seen = new Set<string>()
  return (context.doc.spec.ports ?? []).flatMap((written, i) => {
    const port: WorkloadPort = typeof written === 'number' ? { name: undefined, port: written, protocol: 'tcp' } : { name: written.name, port: written.port, protocol: written.protocol ?? 'tcp' }
    const key = `${port.name ?? ''} ${port.port} ${port.protocol}`
    if (!seen.has(key)) return (seen.add(key), [port])
    context.problem(['ports', i], 'duplicate-name', `the port \`${port.port}/${port.protocol}\` is declared twice`, 'remove one of them', String(port.port))
    return []
  })
}

function startOf(file: string, { run, attach, privileged }: SpecOf<'Workload'>): Start {
  if (run !== undefined) {
    return {
      kind: 'run',
      command: run.command,
      env: frozenMap(Object.entries(run.env ?? {})),
      workdir: run.workdir,
      mounts: (run.mounts ?? []).map(({ from, to }) => ({ from: resolveBeside(file, from), to })),
      privileged: privileged ?? false,
    }
  }
  if (attach?.netns !== undefined) return { kind: 'attach-netns', netns: attach.netns }
  if (attach?.interface !== undefined) return { kind: 'attach-interface', interface: attach.interface }
  return { kind: 'none' }
}

export function buildGroup(context: Context<'Group'>): Group {
  const { spec, name, enclave = '', at } = context.doc
  const members = spec.members.flatMap((written, i): readonly (WorkloadRef | GroupRef)[] => {
    const ref = resolve(context, written, ['members', i])
    if (ref === undefined) return []
    if ((ref.kind === 'workload' || ref.kind === 'group') && enclaveOf(ref) === enclave) return [ref]
    const code = ref.kind === 'workload' ? 'crosses-enclaves' : 'invalid-reference'
    context.problem(['members', i], code, `${quote(written)} cannot be a member`, 'members are workloads of this enclave, or `group:NAME`', written)
    return []
  })
  const exceptions = (spec.exceptions ?? []).flatMap((exception, i) => {
    const ref = resolve(context, exception.with, ['exceptions', i, 'with'])
    return ref === undefined || ref.kind === 'every-workload' || ref.kind === 'every-external' || ref.kind === 'environment' || ref.kind === 'stack' || ref.kind === 'segment'
      ? []
      : [{ with: ref, direction: exception.direction ?? 'both', at: context.place(['exceptions', i]) } as const]
  })
  return { kind: 'Group', enclave, name, members, exceptions, at }
}

export function buildExternal({ doc }: Context<'External'>): External {
  const { spec, name, at } = doc
  return {
    kind: 'External', name, at,
    domains: (spec.domains ?? []).flatMap((d) => parseDomainPattern(d) ?? []),
    cidrs: addresses(spec.cidrs ?? []),
    infrastructure: spec.infrastructure ?? false,
    telemetry: spec.telemetry ?? false,
  }
}

export function buildPeer(context: Context<'Peer'>): Peer {
  const { spec, name, at } = context.doc
  if (spec.trustDomain === context.trustDomain) context.problem(['trustDomain'], 'duplicate-name', `${quote(spec.trustDomain)} is this platform's own trust domain`, undefined, spec.trustDomain)
  else if (context.peerDomains.get(spec.trustDomain) !== name) {
    context.problem(['trustDomain'], 'duplicate-name', `another Peer has the trust domain ${quote(spec.trustDomain)}`, 'an identity would belong to two platforms', spec.trustDomain)
  }
  const { url, profile = 'https_web', spiffeId } = spec.bundleEndpoint
  const who = ['bundleEndpoint', 'spiffeId'] as const
  if (spiffeId !== undefined && profile === 'https_web') {
    context.problem(who, 'conflicting-fields', 'who serves the bundle is asked with `https_spiffe` alone', 'write `profile: https_spiffe`, or leave `spiffeId` out')
  } else if (spiffeId !== undefined && !spiffeId.startsWith(`spiffe://${spec.trustDomain}/`)) {
    context.problem(who, 'unknown-subject', `no authority of ${quote(spec.trustDomain)} certifies ${quote(spiffeId)}`, `write \`spiffe://${spec.trustDomain}/PATH\``, spiffeId)
  }
  return {
    kind: 'Peer', name, at,
    trustDomain: spec.trustDomain,
    bundleEndpoint: { url, profile, ...(spiffeId === undefined ? {} : { spiffeId }) },
    gateway: hostAndPort(spec.gateway),
  }
}

export function buildRisk(context: Context<'RiskRecord'>): RiskRecord {
  const { spec, name, at } = context.doc
  checkName(context, ['external'], 'External', spec.external)
  return {
    kind: 'RiskRecord', name, at,
    external: spec.external,
    software: spec.software,
    owner: spec.owner,
    sends: spec.sends,
    where: spec.where,
    legalBasis: spec.legalBasis,
    acceptedBy: spec.acceptedBy,
    mitigations: spec.mitigations,
    until: parseInstant(spec.until) ?? 0,
  }
}

/** The Stack and the Environment that are there without being written. */
const builtIn: Location = Object.freeze({ file: 'built-in', line: 1, column: 1 })
export const defaultStack: Stack = { kind: 'Stack', name: 'default', tenancy: 'shared', cidrs: [], peeredCidrs: [], layers: [], account: undefined, layerHosts: 'shared', at: builtIn }
export const defaultEnvironment: Environment = { kind: 'Environment', name: 'default', stack: 'default', owner: undefined, defaultSegment: undefined, isolation: undefined, members: [], at: builtIn }

/** Documents to one Platform, and what can be judged only when all of them are there. */
import { compareText } from '../base/location.ts'
import { quote } from '../base/diagnostic.ts'
import { buildGuardrail, buildTest } from './build/assertions.ts'
import { expandBare } from './build/bare.ts'
import { checkOwner, contextOf } from './build/context.ts'
import { buildHost } from './build/host.ts'
import { machineryOf } from './build/platform.ts'
import { buildEgress, buildFederation, buildIngress, buildService } from './build/policies.ts'
import { buildEnclave, buildEnvironment, buildExternal, buildGroup, buildPeer, buildRisk, buildSegment, buildStack, buildWorkload, defaultEnvironment, defaultStack } from './build/topology.ts'
import { cyclicGroups } from './check/groups.ts'
import { ingressConflicts } from './check/ingress.ts'
import { hostsOfSegments, tenantsNamingHosts } from './check/hosts.ts'
import { mixedHalves, telemetryRisks } from './check/owners.ts'
import { undeclaredPorts } from './check/ports.ts'
import { gatewayAddresses, publishedAddresses } from './check/published.ts'
import { routesOutside } from './check/routes.ts'
import { fullSegments, placement } from './check/segments.ts'
import { deepFreeze, frozenMap } from './frozen.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Context, Surroundings } from './build/context.ts'
import type { Declared } from './declared.ts'
import type { Checked, Read } from './documents.ts'
import type { KindName } from './schema/kinds.ts'
import type { Platform, Workload, WorkloadId } from './platform.ts'

/** Adds what it finds to `diagnostics`, and tells which share of the documents is built. The Platform is whole only when nothing was found here or before. */
export function assemble(read: readonly Read[], declared: Declared, now: number, diagnostics: Diagnostic[], progress: (share: number) => void): Platform {
  const checked = [...read.flatMap((r) => r.checked ?? []), ...bareForms(read, declared, diagnostics)]
  const home = checked.find((doc) => doc.kind === 'Platform')
  const name = home?.name ?? 'bulkhead'
  const peerDomains = new Map<string, string>()
  for (const doc of checked) if (doc.kind === 'Peer' && !peerDomains.has(doc.spec.trustDomain)) peerDomains.set(doc.spec.trustDomain, doc.name)
  const around: Surroundings = { declared, now, trustDomain: home?.spec.trustDomain ?? `${name}.internal`, peerDomains, report: (d) => diagnostics.push(d) }
  diagnostics.push(...read.flatMap((r) => (r.outline === undefined ? [] : (checkOwner(declared, r.outline) ?? []))))

  let built = 0
  function all<K extends KindName, T>(kind: K, build: (context: Context<K>) => T | undefined): readonly T[] {
    return checked.filter((doc) => doc.kind === kind).flatMap((doc) => {
      progress(++built / checked.length)
      return build(contextOf(around, doc as unknown as Checked<K>)) ?? []
    })
  }
  const environments = byName(all('Environment', buildEnvironment), defaultEnvironment)
  const enclaves = byName(all('Enclave', buildEnclave).map((e) => ({ ...e, segment: e.segment ?? environments.get(e.environment)?.defaultSegment })))
  const workloads = keyed<WorkloadId, Workload>(
    all('Workload', buildWorkload).map((w) => [w.id, { ...w, segment: w.segment ?? enclaves.get(w.enclave)?.segment }] as const),
  )
  const platform: Platform = {
    kind: 'Platform',
    name,
    trustDomain: around.trustDomain,
    ...machineryOf(home === undefined ? undefined : contextOf(around, home as unknown as Checked<'Platform'>)),
    stacks: byName(all('Stack', buildStack), defaultStack),
    environments,
    segments: byName(all('IsolationSegment', buildSegment)),
    hosts: byName(all('Host', buildHost)),
    enclaves,
    workloads,
    groups: keyed(all('Group', buildGroup).map((g) => [`${g.enclave}/${g.name}`, g] as const)),
    externals: byName(all('External', buildExternal)),
    peers: byName(all('Peer', buildPeer)),
    riskRecords: sorted(all('RiskRecord', buildRisk)),
    servicePolicies: sorted(all('ServicePolicy', buildService)),
    ingressPolicies: sorted(all('IngressPolicy', buildIngress)),
    egressPolicies: sorted(all('EgressPolicy', buildEgress)),
    federationPolicies: sorted(all('FederationPolicy', buildFederation)),
    guardrails: sorted(all('Guardrail', buildGuardrail)),
    policyTests: sorted(all('PolicyTest', (context) => buildTest(context, workloads))),
  }
  // What an invalid document would have declared is not known, so nothing is said about what seems to be missing.
  const incomplete = new Set(read.flatMap((r) => (r.checked === undefined && r.outline !== undefined ? [r.outline.kind] : [])))
  diagnostics.push(
    ...cyclicGroups(platform.groups),
    ...publishedAddresses(platform),
    ...gatewayAddresses(platform),
    ...ingressConflicts(platform),
    ...mixedHalves(platform.federationPolicies),
    ...placement(platform),
    ...fullSegments(platform),
    ...hostsOfSegments(platform),
    ...tenantsNamingHosts(read.flatMap((r) => r.outline ?? []), declared),
    ...(incomplete.has('Workload') || incomplete.has('Group') ? [] : [...undeclaredPorts(platform), ...routesOutside(platform)]),
    ...(incomplete.has('RiskRecord') ? [] : telemetryRisks(platform, now)),
  )
  return platform
}

/** Bare policies as full ones. Two that say the same are two of one name. */
function bareForms(read: readonly Read[], declared: Declared, diagnostics: Diagnostic[]): readonly Checked<'ServicePolicy'>[] {
  const taken = new Set(read.flatMap((r) => (r.outline?.kind === 'ServicePolicy' ? [`${r.outline.enclave ?? ''}/${r.outline.name}`] : [])))
  return read.flatMap((r) => {
    if (r.bare === undefined) return []
    const made = expandBare(r.bare, declared)
    if ('code' in made) {
      diagnostics.push(made)
      return []
    }
    const key = `${made.enclave ?? ''}/${made.name}`
    if (taken.has(key)) {
      diagnostics.push({ code: 'duplicate-name', severity: 'error', message: `this policy is written twice: its name is ${quote(made.name)}`, at: made.at, help: 'remove one of them' })
    }
    taken.add(key)
    return [made]
  })
}

function byName<T extends { readonly name: string }>(values: readonly T[], otherwise?: T): ReadonlyMap<string, T> {
  const own = values.map((value) => [value.name, value] as const)
  return keyed(otherwise === undefined || values.some((v) => v.name === otherwise.name) ? own : [...own, [otherwise.name, otherwise]])
}

/** Maps are walked in the order of their keys, whatever the order of files. */
function keyed<K extends string, V>(entries: readonly (readonly [K, V])[]): ReadonlyMap<K, V> {
  return frozenMap([...entries].sort(([a], [b]) => compareText(a, b)).map(([k, v]) => [k, deepFreeze(v)] as const))
}

function sorted<T extends { readonly name: string; readonly enclave?: string }>(values: readonly T[]): readonly T[] {
  return [...values].sort((a, b) => compareText(a.enclave ?? '', b.enclave ?? '') || compareText(a.name, b.name))
}

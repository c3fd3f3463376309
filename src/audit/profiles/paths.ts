/** Questions that documents and Intent answer (pure). */
import { endsOf, formatChain, shortestChain } from '../../analysis/chain.ts'
import { documentRefs } from '../../analysis/document-ref.ts'
import { graphOf } from '../../analysis/graph.ts'
import { formatVia } from '../../analysis/matrix.ts'
import { formatInstant } from '../../base/clock.ts'
import { compareText } from '../../base/location.ts'
import { formatEnd, formatTraffic } from '../../intent/format.ts'
import { formatPrefix } from '../../net/prefix.ts'
import { familyWidth } from '../../net/address.ts'
import { subtractAddresses, toPrefixes, unionAddresses } from '../../net/address-set.ts'
import { privateAddresses } from '../../net/private.ts'
import { decider } from '../../intent/decide.ts'
import { judgeGuardrails } from '../../analysis/guardrails.ts'
import { runPolicyTests } from '../../analysis/policy-tests.ts'
import { isExpired } from '../../model/platform.ts'
import { externalAddresses, overlappingExternals } from '../../intent/externals.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { Intent, Path } from '../../intent/intent.ts'
import type { External, Guardrail, Platform, Scope } from '../../model/platform.ts'
import type { Family } from '../../net/address.ts'
import type { Fact, Finding } from './answer.ts'

export interface Asked {
  readonly platform: Platform
  readonly intent: Intent
  /** Milliseconds since the epoch. */
  readonly now: number
}

function fact(path: Path): Fact {
  return { what: `${formatEnd(path.source)} -> ${formatEnd(path.destination)} ${formatTraffic(path)}, ${formatVia(path.via)}`, documents: documentRefs(path.origin) }
}

function inForce({ intent, now }: Asked): readonly Path[] {
  return intent.paths.filter((p) => !isExpired(p, now))
}

/** Networks shorter than these are more than anybody can mean by a destination. */
const widest = { 4: 8, 6: 16 } as const

function isInternet(external: External): boolean {
  return toPrefixes(external.cidrs).some((p) => p.length < widest[p.family])
}

export function outboundDenied(asked: Asked): Finding {
  const outward = inForce(asked).filter((p) => p.destination.kind === 'external' || p.destination.kind === 'peer')
  const wide = outward.filter((p) => {
    const external = p.destination.kind === 'external' ? asked.platform.externals.get(p.destination.external) : undefined
    return external !== undefined && isInternet(external)
  })
  const manyParts = wideInParts(asked, outward.filter((p) => !wide.includes(p)))
  if (wide.length + manyParts.length > 0) return { outcome: 'fail', facts: [...wide.map((p) => ({ ...fact(p), what: `${fact(p).what}: this External holds ${widestOf(asked.platform, p)}` })), ...manyParts] }
  return { outcome: 'pass', facts: [{ what: `what no policy names is denied; ${outward.length === 0 ? 'no path leads outward' : `${outward.length} ${outward.length === 1 ? 'path leads' : 'paths lead'} outward, each to what it names`}` }, ...outward.map(fact)] }
}

/** Public addresses that a workload reaches by several networks, where together they are more than one network may be. */
function wideInParts({ platform }: Asked, outward: readonly Path[]): readonly Fact[] {
  const addressesOf = externalAddresses(platform)
  const known = new Map<string, Family | undefined>()
  return [...Map.groupBy(outward, (p) => formatEnd(p.source))].sort(([a], [b]) => compareText(a, b)).flatMap(([source, paths]) => {
    const names = [...new Set(paths.flatMap((p) => (p.destination.kind === 'external' && (platform.externals.get(p.destination.external)?.cidrs.length ?? 0) > 0 ? [p.destination.external] : [])))].sort(compareText)
    const key = names.join(' ')
    if (!known.has(key)) known.set(key, widerFamily(unionAddresses(...names.flatMap((name) => platform.externals.get(name) ?? []).map(addressesOf))))
    const family = known.get(key)
    if (family === undefined) return []
    return [{ what: `${source} reaches more than an IPv${family} /${widest[family]} of public addresses by ${names.map((n) => `external:${n}`).join(' and ')}`, documents: documentRefs(paths.filter((p) => p.destination.kind === 'external' && names.includes(p.destination.external)).flatMap((p) => p.origin)) }]
  })
}

function widerFamily(addresses: AddressSet): Family | undefined {
  const open = subtractAddresses(addresses, privateAddresses)
  return ([4, 6] as const).find((family) => open.reduce((sum, r) => (r.family === family ? sum + r.last - r.first + 1n : sum), 0n) > 1n << BigInt(familyWidth(family) - widest[family]))
}

function widestOf(platform: Platform, path: Path): string {
  const external = path.destination.kind === 'external' ? platform.externals.get(path.destination.external) : undefined
  const [first] = external === undefined ? [] : toPrefixes(external.cidrs).filter((p) => p.length < widest[p.family])
  return first === undefined ? '' : formatPrefix(first)
}

/** Named ones; else those that Guardrails keep apart from each other; else every enclave with workloads. */
export function projectsOf(platform: Platform, named: readonly string[] | undefined): { readonly projects: readonly string[]; readonly why: string } {
  if (named !== undefined) return { projects: [...named].sort(compareText), why: 'as the profile names them' }
  const kept = new Set<string>()
  for (const guardrail of platform.guardrails) for (const name of keptApart(guardrail).flat()) kept.add(name)
  if (kept.size >= 2) return { projects: [...kept].sort(compareText), why: 'the enclaves that Guardrails keep apart' }
  const all = new Set([...platform.workloads.values()].map((w) => w.enclave))
  return { projects: [...all].sort(compareText), why: 'every enclave, as no Guardrail says which are projects' }
}

/** The sets of whole enclaves that a Guardrail keeps apart; a set with anything else in it says nothing of projects. */
function keptApart(guardrail: Guardrail): readonly (readonly string[])[] {
  const sets = guardrail.assert === 'isolated' ? guardrail.between : guardrail.assert === 'noFlow' || guardrail.assert === 'never' ? [guardrail.source, guardrail.destination] : []
  const enclaves = sets.map(enclavesOf)
  return enclaves.every((e) => e.length > 0) ? enclaves : []
}

function enclavesOf(scopes: readonly Scope[]): readonly string[] {
  return scopes.every((s) => s.kind === 'enclave') ? scopes.flatMap((s) => (s.kind === 'enclave' ? [s.enclave] : [])) : []
}

export function projectsApart(asked: Asked, named: readonly string[] | undefined): Finding {
  const { projects, why } = projectsOf(asked.platform, named)
  const missing = projects.filter((p) => !asked.platform.enclaves.has(p))
  if (missing.length > 0) return { outcome: 'fail', facts: missing.map((p) => ({ what: `there is no enclave ${p}` })) }
  if (projects.length < 2) return { outcome: 'not applicable', facts: [{ what: `${projects.length === 0 ? 'there is no project' : 'there is one project'}: ${why}` }] }
  const graph = graphOf(asked.platform, { ...asked.intent, paths: inForce(asked) })
  const nodes = new Map(projects.map((p) => [p, new Set([...asked.platform.workloads.values()].filter((w) => w.enclave === p).flatMap((w) => graph.nodeOf(w.id) ?? []))]))
  const facts: Fact[] = []
  for (const a of projects) {
    for (const b of projects) {
      if (a === b) continue
      const chain = shortestChain(graph, { sources: nodes.get(a) ?? new Set(), destinations: nodes.get(b) ?? new Set() })
      if (chain !== undefined) facts.push({ what: `${endsOf(chain).first} reaches ${endsOf(chain).last}: ${formatChain(chain)}`, documents: documentRefs(chain.flatMap((h) => h.path.origin)) })
    }
  }
  if (facts.length > 0) return { outcome: 'fail', facts }
  const guards = asked.platform.guardrails.filter((g) => keptApart(g).length > 1 && keptApart(g).flat().every((name) => projects.includes(name)))
  return {
    outcome: 'pass',
    facts: [
      { what: `no chain of paths joins two of ${projects.join(', ')} (${why})` },
      ...guards.map((g) => ({ what: `Guardrail ${g.name} holds of every change (${g.assert})`, documents: [{ kind: 'Guardrail', name: g.name, ...g.at }] })),
      ...sharedServices(asked, new Set(projects)),
    ],
  }
}

/** Whom two projects both reach: nothing leads on from there by a path, but a service may pass on what it is told. */
function sharedServices(asked: Asked, projects: ReadonlySet<string>): readonly Fact[] {
  const callers = new Map<string, Set<string>>()
  for (const { source, destination } of inForce(asked)) {
    if (source.kind !== 'workload' || destination.kind !== 'workload') continue
    const [from, to] = [source.workload, destination.workload].map((id) => asked.platform.workloads.get(id)?.enclave ?? '')
    if (from !== undefined && projects.has(from) && to !== undefined && !projects.has(to)) callers.set(destination.workload, (callers.get(destination.workload) ?? new Set()).add(from))
  }
  return [...callers].filter(([, from]) => from.size > 1).sort(([a], [b]) => compareText(a, b)).map(([to, from]) => ({ what: `${to} is reached by ${[...from].sort(compareText).join(' and ')}` }))
}

export function projectsClosed(asked: Asked, named: readonly string[] | undefined): Finding {
  const { projects, why } = projectsOf(asked.platform, named)
  const inside = (end: Path['source']): boolean => end.kind === 'workload' && projects.includes(asked.platform.workloads.get(end.workload)?.enclave ?? '')
  const crossing = inForce(asked).filter((p) => (inside(p.source) && p.destination.kind !== 'workload') || (inside(p.destination) && p.source.kind !== 'workload'))
  if (crossing.length > 0) return { outcome: 'fail', facts: crossing.map(fact) }
  return { outcome: 'pass', facts: [{ what: `no path joins the outside and ${projects.join(', ')} (${why})` }] }
}

/** What leads to telemetry under another External's name leads to telemetry. */
export function telemetryAccepted(asked: Asked, prohibit: boolean): Finding {
  const { platform, now } = asked
  const byName = Map.groupBy(inForce(asked).filter((p) => p.destination.kind === 'external'), (p) => (p.destination.kind === 'external' ? p.destination.external : ''))
  const used = new Map<string, { readonly paths: readonly Path[]; readonly others: readonly string[] }>()
  for (const external of [...platform.externals.values()].filter((e) => e.telemetry)) {
    const open = overlappingExternals(platform, external).filter(({ name }) => byName.has(name))
    if (open.length > 0) used.set(external.name, { paths: open.flatMap(({ name }) => byName.get(name) ?? []), others: open.filter((e) => e !== external).map((e) => e.name).sort(compareText) })
  }
  if (used.size === 0) return { outcome: 'not applicable', facts: [{ what: 'no policy opens an External with `telemetry`' }] }
  const facts = [...used].sort(([a], [b]) => compareText(a, b)).map(([name, { paths, others }]) => {
    const record = platform.riskRecords.filter((r) => r.external === name).sort((a, b) => b.until - a.until)[0]
    const documents = [...documentRefs(paths.flatMap((p) => p.origin)), ...(record === undefined ? [] : [{ kind: 'RiskRecord', name: record.name, ...record.at }])]
    const good = !prohibit && record !== undefined && record.until > now
    const state = prohibit ? 'is open, and the profile prohibits telemetry' : record === undefined ? 'has no RiskRecord' : `is accepted by ${record.acceptedBy} until ${formatInstant(record.until)}${record.until > now ? '' : ', which has passed'}`
    return { good, fact: { what: `external:${name}${others.length === 0 ? '' : `, which shares names or addresses with ${others.map((o) => `external:${o}`).join(' and ')},`} ${state}`, documents } }
  })
  return { outcome: facts.every((f) => f.good) ? 'pass' : 'fail', facts: facts.map((f) => f.fact) }
}

export function testsPass({ platform, intent, now }: Asked): Finding {
  const tests = runPolicyTests(platform, decider(platform, intent), now)
  const guardrails = judgeGuardrails(platform, intent)
  if (tests.length + guardrails.length === 0) return { outcome: 'fail', facts: [{ what: 'there is no PolicyTest and no Guardrail' }] }
  const broken = [
    ...tests.filter((t) => !t.passed).map((t) => ({ what: `PolicyTest ${t.test.name} fails`, documents: [{ kind: 'PolicyTest', name: t.test.name, ...t.case.at }] })),
    ...guardrails.filter((g) => g.broken !== undefined).map(({ guardrail }) => ({ what: `Guardrail ${guardrail.name} is broken`, documents: [{ kind: 'Guardrail', name: guardrail.name, ...guardrail.at }] })),
  ]
  if (broken.length > 0) return { outcome: 'fail', facts: broken }
  return { outcome: 'pass', facts: [{ what: `${tests.length} cases of ${platform.policyTests.length} PolicyTests and ${guardrails.length} Guardrails hold` }] }
}

export function inboundEncrypted(asked: Asked): Finding {
  const inward = inForce(asked).filter((p) => p.source.kind === 'external')
  if (inward.length === 0) return { outcome: 'not applicable', facts: [{ what: 'nothing comes in from outside' }] }
  const clear = inward.filter((p) => p.via.kind === 'publish' || (p.via.kind === 'proxy' && p.via.proxy.tls.mode === 'none'))
  const facts = inward.map((p) => ({ ...fact(p), what: `${fact(p).what}: ${clear.includes(p) ? (p.via.kind === 'publish' ? 'connections are led on as they come, encrypted or not' : 'without TLS') : 'TLS'}` }))
  if (clear.some((p) => p.via.kind === 'proxy')) return { outcome: 'fail', facts }
  return { outcome: clear.length > 0 ? 'needs a person' : 'pass', facts }
}

export function haveOwners({ platform }: Asked): Finding {
  const used = new Set([...platform.enclaves.values()].map((e) => e.environment))
  const facts = [...used].sort(compareText).map((name) => ({ name, owner: platform.environments.get(name)?.owner, at: platform.environments.get(name)?.at }))
  if (facts.length === 0) return { outcome: 'not applicable', facts: [{ what: 'there is no environment' }] }
  return {
    outcome: facts.every((f) => f.owner !== undefined) ? 'pass' : 'fail',
    facts: facts.map(({ name, owner, at }) => ({ what: `environment ${name} ${owner === undefined ? 'names no owner' : `belongs to ${owner}`}`, ...(at === undefined ? {} : { documents: [{ kind: 'Environment', name, ...at }] }) })),
  }
}

/** Policies that are not wrong and yet not right: they do nothing, nothing more, too much, or not for long. */
import { formatInstant } from '../base/clock.ts'
import { sortDiagnostics } from '../base/diagnostic.ts'
import { compareText } from '../base/location.ts'
import { overlappingExternals } from '../intent/externals.ts'
import { selector } from '../intent/select.ts'
import { refText } from '../model/reference-text.ts'
import { allPolicies, isExpired } from '../model/platform.ts'
import { leastSeparation } from './isolation/least.ts'
import { gatewayFindings } from './lint-gateways.ts'
import { portFindings } from './lint-ports.ts'
import { documentOf, whatIf } from './what-if.ts'
import type { ErrorCode } from '../base/catalogue.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Location } from '../base/location.ts'
import type { Intent, Path, PathEnd } from '../intent/intent.ts'
import type { Selector } from '../intent/select.ts'
import type { Platform, Policy, Ref } from '../model/platform.ts'

/** `now` in milliseconds since the epoch; `soon` in milliseconds from then. Every finding is a warning. */
export function lint(platform: Platform, intent: Intent, now: number, soon: number): readonly Diagnostic[] {
  const policies = allPolicies(platform)
  const select = selector(platform)
  const paths = pathsByDocument(intent)
  const between = pathsBetween(platform, intent)
  const without = whatIf(platform, intent)
  const changesWithout = (policy: Policy): boolean => without({ remove: [policy] }, now).changes.length > 0
  const found = policies.flatMap((policy): readonly Diagnostic[] => {
    if (isExpired(policy, now)) {
      return [warning('expired-policy', policy.at, `the policy \`${policy.name}\` has expired and opens nothing`, 'remove it, or set a new `expires`')]
    }
    const mine = paths.get(documentOf(policy)) ?? []
    const empty = emptyReferences(select, policy)
    return [
      ...empty,
      ...(mine.length > 0 ? contained(policy, mine, between, changesWithout) : empty.length > 0 || policy.kind === 'FederationPolicy' ? [] : [nothing(policy)]),
      ...portFindings(select, policy),
      ...gatewayFindings(platform, policy, mine, between),
      ...endsSoon(policy.expires, now, soon, policy.at, `${policy.kind} \`${policy.name}\``),
    ]
  })
  const risks = platform.riskRecords.flatMap((risk) => endsSoon(risk.until, now, soon, risk.at, `the risk accepted in \`${risk.name}\``))
  return sortDiagnostics([...found, ...risks, ...leastSeparation(platform, intent).filter((d) => d.severity === 'warning')])
}

function pathsByDocument(intent: Intent): ReadonlyMap<string, readonly Path[]> {
  const found = new Map<string, Path[]>()
  for (const path of intent.paths) {
    for (const { document } of path.origin) {
      const known = found.get(document)
      if (known === undefined) found.set(document, [path])
      else if (known.at(-1) !== path) known.push(path)
    }
  }
  return found
}

/** Removing it would change nothing. That two halves meet nobody is told where halves are told. */
function contained(policy: Policy, mine: readonly Path[], between: (path: Path) => readonly Path[], changesWithout: (policy: Policy) => boolean): readonly Diagnostic[] {
  // Without it the path would lose its encryption, which is no other path.
  if ('encryption' in policy && policy.encryption !== undefined) return []
  if (changesWithout(policy)) return []
  const own = documentOf(policy)
  const others = mine.flatMap((path) => between(path).filter((other) => shareTraffic(path, other) && !other.origin.some((o) => o.document === own)))
  const names = [...new Set(others.flatMap(({ origin }) => origin.map((o) => o.document)))].sort(compareText)
  const shown = names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
  if (names.length === 0) return policy.kind === 'EgressPolicy' || policy.kind === 'IngressPolicy' ? [nothing(policy)] : []
  return [warning('contained', policy.at, `${policy.kind} \`${policy.name}\` opens nothing that others do not open: ${shown}`, 'remove it, or the wider ones')]
}

function shareTraffic(a: Path, b: Path): boolean {
  return a.protocol === b.protocol && (a.protocol === 'icmp' || a.ports.some((p) => b.ports.some((q) => p.from <= q.to && q.from <= p.to)))
}

/** All paths with the same inner ends and, where the other is outside, with some of it in common. Built when the first policy asks, because most sets have no idle ones. */
function pathsBetween(platform: Platform, intent: Intent): (path: Path) => readonly Path[] {
  let index: Map<string, Path[]> | undefined
  const overlapping = new Map<string, ReadonlySet<string>>()
  const overlap = (name: string): ReadonlySet<string> => {
    let known = overlapping.get(name)
    const external = platform.externals.get(name)
    if (known === undefined) overlapping.set(name, (known = new Set(external === undefined ? [] : overlappingExternals(platform, external).map((one) => one.name))))
    return known
  }
  const meet = (a: PathEnd, b: PathEnd): boolean =>
    (a.kind !== 'external' || b.kind !== 'external' || overlap(a.external).has(b.external)) && (a.kind !== 'peer' || b.kind !== 'peer' || samePeer(a, b))
  return (path) => {
    if (index === undefined) {
      index = new Map()
      for (const one of intent.paths) {
        const key = pairOf(one)
        const known = index.get(key)
        if (known === undefined) index.set(key, [one])
        else known.push(one)
      }
    }
    return (index.get(pairOf(path)) ?? []).filter((other) => meet(path.source, other.source) && meet(path.destination, other.destination))
  }
}

type PeerEnd = Extract<PathEnd, { readonly kind: 'peer' }>

function samePeer(a: PeerEnd, b: PeerEnd): boolean {
  return a.peer === b.peer && a.enclave === b.enclave && (a.workload === b.workload || a.workload === '*' || b.workload === '*')
}

/** What is outside may overlap under several names, so of that only the kind counts here. */
function pairOf({ source, destination }: Path): string {
  const end = (one: PathEnd): string => (one.kind === 'workload' ? one.workload : one.kind)
  return `${end(source)} ${end(destination)}`
}

function nothing(policy: Policy): Diagnostic {
  return warning('opens-nothing', policy.at, `${policy.kind} \`${policy.name}\` opens nothing`, 'correct its ends or its ports, or remove it')
}

function emptyReferences(select: Selector, policy: Policy): readonly Diagnostic[] {
  const refs: readonly Ref[] = policy.kind === 'FederationPolicy'
    ? [...policy.imports, ...policy.exports].flatMap((half) => [...half.source, ...half.destination])
    : [...policy.source, ...policy.destination]
  return refs.flatMap((ref) => {
    if (ref.kind === 'external' || ref.kind === 'peer' || select.workloads([ref]).length > 0) return []
    return [warning('selects-nothing', ref.at, `\`${refText(ref)}\` selects no workload`)]
  })
}

function endsSoon(until: number | undefined, now: number, soon: number, at: Location, what: string): readonly Diagnostic[] {
  if (until === undefined || until <= now || until > now + soon) return []
  const days = Math.floor((until - now) / 86_400_000)
  const left = days === 0 ? 'less than a day' : days === 1 ? '1 day' : `${days} days`
  return [warning('expires-soon', at, `${what} ends at ${formatInstant(until)}, in ${left}`)]
}

function warning(code: ErrorCode, at: Location, message: string, help?: string): Diagnostic {
  return { code, severity: 'warning', message, at, ...(help === undefined ? {} : { help }) }
}

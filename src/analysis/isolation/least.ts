/**
 * Whether each environment is as separate from those of other owners as it asks for (`Environment.spec.isolation`). What the
 * documents contradict is an error; what they do not show is a warning.
 */
import { compareText } from '../../base/location.ts'
import { host, stack } from './layers-places.ts'
import { party } from './party.ts'
import { placesOf } from './places.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Intent } from '../../intent/intent.ts'
import type { Environment, Platform, Separation, WorkloadId } from '../../model/platform.ts'
import type { IsolationContext } from './context.ts'
import type { Party } from './party.ts'

/** Sorted by environment. Paths of every phase count, expired or not: who asks for none wants none written down. */
export function leastSeparation(platform: Platform, intent: Intent): readonly Diagnostic[] {
  const asking = [...platform.environments.values()].filter((e) => e.isolation !== undefined).sort((a, b) => compareText(a.name, b.name))
  if (asking.length === 0) return []
  const parties = new Map([...platform.environments.keys()].map((name) => [name, party(platform, 'environment', name)]))
  const joined = joinedEnvironments(platform, intent)
  const places = placesOf(platform)
  return asking.flatMap((mine) =>
    [...platform.environments.values()].filter((other) => other !== mine && isAnother(mine, other)).sort((a, b) => compareText(a.name, b.name)).flatMap((other) => {
      const between = [parties.get(mine.name), parties.get(other.name)] as [Party, Party]
      if (between.some(({ workloads }) => workloads.length === 0)) return []
      return judge({ platform, parties: between, places, live: undefined }, mine, other, joined.get(pairOf(mine.name, other.name)))
    }),
  )
}

function judge(context: IsolationContext, mine: Environment, other: Environment, path: string | undefined): readonly Diagnostic[] {
  const least = mine.isolation ?? 'network'
  const who = `environment \`${mine.name}\` asks for isolation \`${least}\``
  const whose = other.owner === undefined ? `\`${other.name}\`` : `\`${other.name}\` of ${other.owner}`
  const unmet = (message: string): Diagnostic => ({ code: 'isolation-unmet', severity: 'error', message: `${who}, and ${message}`, at: mine.at, given: least })
  const out: Diagnostic[] = []
  if (path !== undefined) out.push(unmet(`a path joins it with ${whose}: ${path}`))
  if (includes(least, 'host')) {
    const { sharing } = host(context)
    if (sharing === 'shared' || sharing === 'partly') out.push(unmet(`workloads of it and of ${whose} are on one host`))
    else if (sharing === 'unknown') {
      const crowded = onlyHost(context)
      if (crowded !== undefined) out.push(unmet(`it is with ${whose} on the segment \`${crowded}\`, which has one instance`))
      else out.push({ code: 'isolation-open', severity: 'warning', message: `${who}, and nothing keeps ${whose} off its hosts`, at: mine.at, given: least, help: 'assign the workloads in Host documents, or use a segment or a stack of its own' })
    }
  }
  if (includes(least, 'dedicated')) {
    const { sharing } = stack(context)
    const tenancy = context.platform.stacks.get(mine.stack)?.tenancy
    if (sharing !== 'separate') out.push(unmet(`it shares the network of its stack \`${mine.stack}\` with ${whose}`))
    else if (tenancy !== 'dedicated') out.push(unmet(`its stack \`${mine.stack}\` is open to others: its tenancy is \`${tenancy ?? 'shared'}\``))
  }
  return out
}

const order: readonly Separation[] = ['network', 'host', 'dedicated']

function includes(asked: Separation, one: Separation): boolean {
  return order.indexOf(asked) >= order.indexOf(one)
}

/** Where no owner is named, every other environment is another owner's. */
function isAnother(a: Environment, b: Environment): boolean {
  return a.owner === undefined || b.owner === undefined || a.owner !== b.owner
}

/** A segment of one host that holds workloads of both. */
function onlyHost({ platform, parties: [a, b] }: IsolationContext): string | undefined {
  const segments = (one: Party): ReadonlySet<string> => new Set(one.workloads.flatMap((w) => w.segment ?? []))
  return [...segments(a).intersection(segments(b))].sort().find((name) => platform.segments.get(name)?.instances === 1)
}

/** The first path that joins two environments, for each two that any joins. */
function joinedEnvironments(platform: Platform, intent: Intent): ReadonlyMap<string, string> {
  const environmentOf = (id: WorkloadId): string => platform.enclaves.get(platform.workloads.get(id)?.enclave ?? '')?.environment ?? 'default'
  const found = new Map<string, string>()
  for (const { source, destination } of intent.paths) {
    if (source.kind !== 'workload' || destination.kind !== 'workload') continue
    const [from, to] = [environmentOf(source.workload), environmentOf(destination.workload)]
    const pair = pairOf(from, to)
    if (from !== to && !found.has(pair)) found.set(pair, `\`${source.workload}\` -> \`${destination.workload}\``)
  }
  return found
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}

/** `bulkhead names`: what the resolver tells one workload, read back from its zones and held against a second opinion. */
import { readEnd } from '../analysis/ends.ts'
import { canonicalJson } from '../base/canonical-json.ts'
import { quote } from '../base/diagnostic.ts'
import { insideName, render } from '../engines/dns/render.ts'
import { readZones } from '../engines/dns/read.ts'
import { phases } from '../model/platform.ts'
import { addressFromBits } from '../net/address.ts'
import { compareNames } from '../verify/names.ts'
import { usage } from './arguments.ts'
import { instantOption } from './instant.ts'
import { askedSet, brokenJson } from './load.ts'
import type { DnsInventory } from '../engines/dns/inventory.ts'
import type { ZoneAsker } from '../engines/dns/zones.ts'
import type { Phase, Platform, WorkloadId } from '../model/platform.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'names',
  summary: 'list the names that a workload is told, and the policies that allow each',
  usage: 'names DIR WORKLOAD [--phase PHASE] [--at INSTANT]',
  example:
    'bulkhead names examples/tre platform/package-mirror     what the mirror can look up, inside and outside\n' +
    'Every other name is refused. Exit status 1 when the names differ from what the documents mean.',
  positionals: [2, 2],
  options: {
    phase: { type: 'string', value: 'PHASE', help: `the workload's phase (${phases.join(', ')}); its declared one when left out` },
    at: { type: 'string', value: 'INSTANT', help: 'answer for this date or instant; now when left out' },
  },
  run,
}

interface NameRow {
  readonly name: string
  readonly place: 'inside' | 'outside'
  readonly policies: readonly string[]
}

async function run(context: CommandContext): Promise<ExitCode> {
  const [directory = '', text = ''] = context.args
  const now = instantOption(command, context)
  const set = askedSet(context, directory)
  if (set === undefined) return 1
  const { platform, intent } = set
  const workload = workloadOf(platform, text)
  const phase = phaseOf(context.options['phase']) ?? platform.workloads.get(workload)?.phase ?? 'running'
  const { zones } = render(platform, intent, everywhere(platform, workload, phase), { now })
  const asker = zones.askers.find((each) => each.asker === `${workload}@${phase}`)
  const askers = readZones(canonicalJson(zones)).filter((each) => each.asker === asker?.asker)
  const { compared, differences } = compareNames(platform, askers, now)
  const rows = asker === undefined ? [] : rowsOf(asker, workload)
  if (context.json) context.out.json({ workload, phase, names: rows, compared, differences, ...brokenJson(set) })
  else {
    const width = Math.max(4, ...rows.map(({ name }) => name.length))
    context.out.line(`${'NAME'.padEnd(width)}  WHERE    ALLOWED BY`)
    for (const { name, place, policies } of rows) context.out.line(`${name.padEnd(width)}  ${place.padEnd(7)}  ${policies.join(', ') || 'its own name'}`)
    for (const { kind, name } of differences) context.out.line(`${context.out.paint('red', kind)}: ${quote(name)} is ${kind === 'wider' ? 'told, but nothing allows it' : 'allowed, but not told'}`)
    context.out.line(`${compared} names compared with the documents, ${differences.length} differences`)
  }
  return differences.length === 0 ? 0 : 1
}

function workloadOf(platform: Platform, text: string): WorkloadId {
  const reading = readEnd(platform, text)
  if (!reading.ok) throw usage(command, reading.message, reading.help)
  if (reading.value.kind !== 'workload') throw usage(command, `${quote(text)} is not a workload`)
  return reading.value.workload
}

function phaseOf(text: unknown): Phase | undefined {
  if (text === undefined) return undefined
  const phase = phases.find((known) => known === text)
  if (phase === undefined) throw usage(command, `${quote(String(text))} is not a phase`, `allowed: ${phases.join(', ')}`)
  return phase
}

/** One place for each workload and each workload of a peer; which addresses they have does not matter here. */
function everywhere(platform: Platform, asked: WorkloadId, phase: Phase): DnsInventory {
  let last = 0n
  const next = (): Pick<DnsInventory['peers'][number], 'ipv4' | 'ipv6'> => {
    last += 1n
    return { ipv4: addressFromBits(4, last), ipv6: addressFromBits(6, last) }
  }
  const peers = platform.federationPolicies.flatMap(({ imports }) => imports.flatMap(({ destination }) => destination.flatMap((ref) => (ref.kind === 'peer' && ref.workload !== '*' ? [ref] : []))))
  return {
    places: [...platform.workloads.values()].map((each) => ({ workload: each.id, phase: each.id === asked ? phase : each.phase, probe: false, ...next() })),
    peers: peers.map(({ peer, enclave, workload }) => ({ peer, enclave, workload, ...next() })),
    gateways: [],
  }
}

function rowsOf(asker: ZoneAsker, workload: WorkloadId): readonly NameRow[] {
  const own = insideName(workload)
  const documents = (grants: readonly { readonly documents: readonly string[] }[]): readonly string[] => [...new Set(grants.flatMap((grant) => grant.documents))].sort()
  const hosts = asker.hosts.map(({ name, grants }): NameRow => ({ name, place: 'inside', policies: documents(grants) }))
  const inside = hosts.some(({ name }) => name === own) ? hosts : [{ name: own, place: 'inside', policies: [] } as const, ...hosts]
  const outside = Map.groupBy(asker.outside, ({ domain }) => domain)
  return [
    ...inside,
    ...[...outside].map(([domain, entries]): NameRow => ({ name: domain, place: 'outside', policies: documents(entries.flatMap(({ grants }) => grants)) })),
  ]
}

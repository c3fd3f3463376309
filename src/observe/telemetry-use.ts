/** What was really sent to software that phones home, from the records on disk. */
import { domainMatches } from '../net/domain.ts'
import { readRecords } from './read.ts'
import type { SeenUse, TelemetryUse } from '../analysis/risk/register.ts'
import type { External, Platform } from '../model/platform.ts'
import type { VerdictRecord } from './verdict.ts'

/** Telemetry Externals and those with a RiskRecord. Bytes are counted when a connection ends. */
export async function telemetryUse(folder: string, platform: Platform, signal: AbortSignal): Promise<SeenUse> {
  const recorded = new Set(platform.riskRecords.map((record) => record.external))
  const watched = [...platform.externals.values()].filter((external) => external.telemetry || recorded.has(external.name))
  const uses = new Map<string, TelemetryUse>()
  let since: number | undefined
  for await (const line of readRecords(folder, { follow: false, signal })) {
    if (line === 'caught-up' || line.kind === 'position') continue
    since ??= Date.parse(line.time)
    if (line.kind !== 'verdict' || line.verdict !== 'allow' || line.probe) continue
    for (const external of watched) if (leadsTo(external, line)) uses.set(external.name, added(uses.get(external.name), line))
  }
  return { uses, since }
}

/** By the name that the outbound gateway read, or by the address where the kernel carries it. */
function leadsTo(external: External, { gateway, name, destination }: VerdictRecord): boolean {
  if (gateway === 'outbound') return name !== undefined && external.domains.some((pattern) => domainMatches(pattern, name.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '')))
  return gateway === undefined && destination.gateway === undefined && destination.externals?.includes(external.name) === true
}

/** The kernel tells of a connection twice, when it begins and with its bytes when it ends; a gateway once. */
function added(before: TelemetryUse | undefined, { time, count, event, bytes = 0 }: VerdictRecord): TelemetryUse {
  const at = Date.parse(time)
  return {
    connections: (before?.connections ?? 0) + (event === 'end' ? 0 : count),
    bytes: (before?.bytes ?? 0) + bytes,
    first: Math.min(before?.first ?? at, at),
    last: Math.max(before?.last ?? at, at),
  }
}

/**
 * What a change of gateways ends: which of their rules are replaced or gone, and how many connections were open at their doors. Which
 * rule a connection was let in by only Envoy knows, so the number is a bound; who reads records finds each one that ended.
 */
import { endings, listeningPorts, ruleOf } from '../../engines/envoy/ending.ts'
import { spawners } from '../spawners.ts'
import { inNetns } from '../ip.ts'
import type { GatewayEnding } from '../report.ts'

export interface Doors {
  /** The listeners' file that was in force. */
  readonly file: string
  /** Connections by the port at which they were taken. */
  readonly open: ReadonlyMap<number, number>
}

/** `file` is the listeners' file; empty where there is none yet. Whoever cannot be asked has no connections. */
export async function openDoors(netns: string, file: string): Promise<Doors> {
  const ports = new Set(listeningPorts(file))
  if (ports.size === 0) return { file, open: new Map() }
  const { stdout } = await spawners.run(inNetns(netns, ['ss', '-H', '-n', '-t', 'state', 'established']))
  const local = stdout.split('\n').flatMap((line) => {
    const port = Number(/:(\d+)$/.exec(line.trim().split(/\s+/)[2] ?? '')?.[1])
    return ports.has(port) ? [port] : []
  })
  return { file, open: new Map([...Map.groupBy(local, (port) => port)].map(([port, all]) => [port, all.length])) }
}

/** `documents` tells who opened a chain, if that is known. */
export function endedAt(gateway: string, { file, open }: Doors, next: string, why: GatewayEnding['why'], documents: (chain: string) => readonly string[]): readonly GatewayEnding[] {
  if (open.size === 0) return []
  return endings(file, why === 'changed' ? next : '').flatMap(({ port, chains }): readonly GatewayEnding[] => {
    const connections = open.get(port) ?? 0
    // Those of verification are nobody's.
    const rules = chains.filter((chain) => !chain.startsWith('try:'))
    if (connections === 0 || rules.length === 0) return []
    return [{ gateway, why, rules: [...new Set(rules.map(ruleOf))], documents: [...new Set(rules.flatMap(documents))].sort(), connections }]
  })
}

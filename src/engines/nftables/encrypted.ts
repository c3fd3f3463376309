/**
 * Direct paths beside what is to be encrypted. What one policy encrypts another does not open in the clear: not while gateways
 * carry it, nor while there is nothing to carry it.
 */
import { intersectPorts, subtractPorts } from '../../net/ports.ts'
import type { Path } from '../../intent/intent.ts'

/** Which of `paths` encrypt something that a direct path opens between the same ends. */
export function encryptedBeside(paths: readonly Path[]): (path: Path) => readonly Path[] {
  const encrypted = Map.groupBy(paths.filter((path) => path.via.kind === 'mutual-tls'), ends)
  return (path) => {
    if (path.via.kind !== 'direct' || path.protocol !== 'tcp') return []
    return (encrypted.get(ends(path)) ?? []).filter((other) => intersectPorts(path.ports, other.ports).length > 0)
  }
}

/**
 * The direct paths without what is led to be encrypted for as long as they last: nobody can open that in the clear, so nobody is
 * answered there either. What lasts longer than its encryption opens then, and stays.
 */
export function withoutEncrypted(carried: readonly Path[], led: readonly Path[]): readonly Path[] {
  const beside = encryptedBeside(led)
  return carried.filter((path) => path.via.kind === 'direct').map((path) => {
    const longer = beside(path).filter(({ expires, phases }) =>
      (expires === undefined || (path.expires !== undefined && path.expires <= expires)) && path.phases.every((phase) => phases.includes(phase)))
    return longer.length === 0 ? path : { ...path, ports: longer.reduce((left, { ports }) => subtractPorts(left, ports), path.ports) }
  }).filter((path) => path.ports.length > 0 || path.protocol === 'icmp')
}

function ends({ source, destination }: Path): string {
  return source.kind === 'workload' && destination.kind === 'workload' ? `${source.workload} ${destination.workload}` : ''
}

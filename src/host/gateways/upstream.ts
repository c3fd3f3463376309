/** The name servers of the machine, for a Platform that names none. */
import { readFileSync } from 'node:fs'
import { parseAddress } from '../../net/address.ts'
import type { Upstream } from '../../model/platform.ts'

/** The stub of systemd-resolved listens on the machine's loopback alone; whom it asks stands in the second file. */
const files = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']

export function machineServers(read: (path: string) => string = (path) => readFileSync(path, 'utf8')): readonly Upstream[] {
  for (const file of files) {
    try {
      const servers = nameServers(read(file))
      if (servers.length > 0) return servers
    } catch {
      // The next one, or none: then every outside name is refused.
    }
  }
  return []
}

/** Those of a resolv.conf(5) that a namespace of its own can reach: at most three, as everybody else takes. */
export function nameServers(text: string): readonly Upstream[] {
  return text
    .split('\n')
    .flatMap((line) => {
      const address = parseAddress(/^nameserver\s+(\S+)\s*$/.exec(line)?.[1] ?? '')
      return address === undefined || isLoopback(address.family, address.bits) ? [] : [{ address, port: 53 }]
    })
    .slice(0, 3)
}

function isLoopback(family: 4 | 6, bits: bigint): boolean {
  return family === 4 ? bits >> 24n === 127n : bits === 1n
}

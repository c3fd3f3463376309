/** The /etc of a confined process (pure): it can name exactly the workloads that it may reach, and itself. */
import { formatAddress } from '../net/address.ts'
import { compareText } from '../base/location.ts'
import { isExpired } from '../model/platform.ts'
import { insideUid } from './bwrap.ts'
import type { AddressPair } from '../net/address.ts'
import type { Intent } from '../intent/intent.ts'
import type { WorkloadId } from '../model/platform.ts'
import type { Place } from './plan.ts'

const domainSuffix = 'internal'

/** The workloads that one workload has any open path to at that instant, whatever the protocol. */
export function reachable(intent: Intent, from: WorkloadId, now: number): ReadonlySet<WorkloadId> {
  const found = new Set<WorkloadId>()
  for (const path of intent.paths) {
    if (path.source.kind !== 'workload' || path.source.workload !== from || path.destination.kind !== 'workload') continue
    if (!isExpired(path, now)) found.add(path.destination.workload)
  }
  return found
}

/** Short names within the enclave only: `postgres-db` of another enclave is another workload. */
export function hostsFile(self: Place, places: readonly Place[], names: ReadonlySet<WorkloadId>): string {
  const enclave = self.workload.split('/')[0]
  const others = places.filter((p) => p.key !== self.key && names.has(p.workload)).sort((a, b) => compareText(a.key, b.key))
  const lines = [self, ...others].flatMap((p) => {
    const [theirs = '', name = ''] = p.workload.split('/')
    const full = `${name}.${theirs}.${domainSuffix}`
    const all = theirs === enclave ? `${full} ${name}` : full
    return [`${formatAddress(p.ipv4)} ${all}`, `${formatAddress(p.ipv6)} ${all}`]
  })
  return ['127.0.0.1 localhost', '::1 localhost', ...lines, ''].join('\n')
}

/** Without a resolver, a name that is not in the hosts file does not exist. */
export function resolverFiles(resolver: AddressPair | undefined): Readonly<Record<string, string>> {
  const hosts = resolver === undefined ? 'files' : 'files dns'
  const servers = resolver === undefined ? [] : [resolver.ipv4, resolver.ipv6].map((a) => `nameserver ${formatAddress(a)}\n`)
  return {
    'resolv.conf': servers.length === 0 ? '' : `${servers.join('')}options timeout:2 attempts:2 edns0\n`,
    'nsswitch.conf': `passwd: files\ngroup: files\nhosts: ${hosts}\nservices: files\nprotocols: files\n`,
  }
}

/** The files that are the same for everyone. */
export const fixedFiles: Readonly<Record<string, string>> = {
  passwd: `workload:x:${insideUid}:${insideUid}:workload:/data:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n`,
  group: `workload:x:${insideUid}:\nnogroup:x:65534:\n`,
  'host.conf': 'multi on\n',
}

/** What the last live verification found on one path (pure). Nothing is called open or closed that it did not try. */
import { setContains } from '../net/address-set.ts'
import { parseAddress } from '../net/address.ts'
import { hasPort } from '../net/ports.ts'
import type { Path, PathEnd } from '../intent/intent.ts'
import type { Platform } from '../model/platform.ts'
import type { Verification } from './verification.ts'

export interface Probed {
  readonly result: 'open' | 'not as it should be' | 'not tried'
  /** Which attempts, or why there were none. */
  readonly what: string
}

/** `documents` is the hash of the set that is in force: what was found of another set says nothing of this one. */
export function probedPath(platform: Platform, path: Path, verification: Verification | undefined, documents: string | undefined): Probed {
  if (verification === undefined) return { result: 'not tried', what: 'there is no verification' }
  if (verification.documents.sha256 !== documents) return { result: 'not tried', what: 'the last verification was of other documents' }
  const wrong = verification.mismatches.filter((m) => isEnd(platform, path.source, m.from) && isEnd(platform, path.destination, m.to) && carries(path, m.protocol, m.port))
  if (wrong.length > 0) return { result: 'not as it should be', what: [...new Set(wrong.map((m) => `${traffic(m.protocol, m.port)} was ${m.outcome}`))].join(', ') }
  const open = verification.matrix
    .filter((cell) => isEnd(platform, path.source, cell.from) && isEnd(platform, path.destination, cell.to))
    .flatMap((cell) => cell.open.filter((text) => carries(path, ...parsed(text))))
  if (open.length > 0) return { result: 'open', what: [...new Set(open)].sort().join(' ') }
  const lost = verification.trials.mismatches.filter((m) => isEnd(platform, path.source, m.from))
  if (path.via.kind !== 'direct' && lost.length > 0) return { result: 'not as it should be', what: lost.map((m) => `${m.what} was ${m.found}`).join(', ') }
  if (path.via.kind === 'egress' || path.via.kind === 'proxy' || path.via.kind === 'peer') return { result: 'not tried', what: `not by itself: of what goes through gateways, ${verification.trials.tried} were tried and ${verification.trials.mismatches.length} were wrong` }
  return { result: 'not tried', what: path.via.kind === 'publish' ? 'published addresses are read back, not opened' : 'no attempt was made on it' }
}

function traffic(protocol: string, port: number): string {
  return protocol === 'icmp' ? 'icmp' : `${protocol}/${port}`
}

function parsed(text: string): readonly [string, number] {
  const [protocol = '', port = '0'] = text.split('/')
  return [protocol, Number(port)]
}

function carries(path: Path, protocol: string, port: number): boolean {
  return path.protocol === protocol && (protocol === 'icmp' || hasPort(path.ports, port))
}

/** Labels are `enclave/workload@phase`, or an address outside. */
function isEnd(platform: Platform, end: PathEnd, label: string): boolean {
  if (end.kind === 'workload') return label.startsWith(`${end.workload}@`)
  if (end.kind === 'peer') return false
  const address = parseAddress(label)
  const external = platform.externals.get(end.external)
  return address !== undefined && external !== undefined && setContains(external.cidrs, address)
}

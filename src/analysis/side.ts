/** One of the two sets that are compared, prepared so that the paths of any end are found without looking at others. */
import { canonicalJson } from '../base/canonical-json.ts'
import { compareText } from '../base/location.ts'
import { formatAddress } from '../net/address.ts'
import { subtractAddresses, unionAddresses } from '../net/address-set.ts'
import { externalAddresses, publishedAddresses } from '../intent/externals.ts'
import { formatEnd } from '../intent/format.ts'
import { isExpired } from '../model/platform.ts'
import { plainProxy } from '../model/ingress-proxy.ts'
import { always, encrypted, maskOf } from './grants.ts'
import type { Intent, Path, PathEnd } from '../intent/intent.ts'
import type { Authentication, Phase, Platform } from '../model/platform.ts'
import type { Condition, Grant } from './grants.ts'
import type { Extent } from './outside.ts'

export interface Side {
  readonly platform: Platform
  readonly intent: Intent
  /** In order of their texts: every end from which a path leads, with its paths in the Intent's order. */
  readonly sources: ReadonlyMap<string, readonly Path[]>
  /** Sources that are Externals or peers, for what comes in. */
  readonly outsiders: readonly string[]
  /** What an External means as a far end of real packets: as a destination (`out`) or as a source (`in`). */
  readonly extent: (external: string, direction: 'in' | 'out') => Extent
  /** What the path opens at that instant; nothing once it has expired. */
  readonly grants: (path: Path, now: number) => readonly Grant[]
}

const nobody: Extent = Object.freeze({ addresses: Object.freeze([]), domains: Object.freeze([]) })

export function sideOf(platform: Platform, intent: Intent): Side {
  const sources = new Map<string, readonly Path[]>()
  const outsiders: string[] = []
  let from = 0
  for (const [at, path] of intent.paths.entries()) {
    if (path.source === intent.paths[at + 1]?.source) continue
    const text = formatEnd(path.source)
    // Two ends that are equal but not the same object stand beside each other, because paths are sorted by the text.
    const run = intent.paths.slice(from, at + 1)
    const known = sources.get(text)
    sources.set(text, known === undefined ? run : [...known, ...run])
    if (known === undefined && path.source.kind !== 'workload') outsiders.push(text)
    from = at + 1
  }
  return { platform, intent, sources, outsiders, extent: extentReader(platform), grants: grantReader(platform) }
}

/** The platform's own addresses are never outside, and published ones answer only from there. */
export function extentReader(platform: Platform): Side['extent'] {
  const addresses = externalAddresses(platform)
  const never = { in: platform.addresses, out: unionAddresses(platform.addresses, publishedAddresses(platform)) }
  const known = { in: new Map<string, Extent>(), out: new Map<string, Extent>() }
  return (name, direction) => {
    let extent = known[direction].get(name)
    if (extent === undefined) {
      const external = platform.externals.get(name)
      extent = external === undefined ? nobody : { addresses: subtractAddresses(addresses(external), never[direction]), domains: external.domains }
      known[direction].set(name, extent)
    }
    return extent
  }
}

/** Paths of one source, or of a run of them, to one destination. */
export function pathsTo(paths: readonly Path[], destination: string): readonly Path[] {
  let low = 0
  let high = paths.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareText(endText(paths[middle]?.destination), destination) < 0) low = middle + 1
    else high = middle
  }
  let end = low
  while (end < paths.length && endText(paths[end]?.destination) === destination) end++
  return paths.slice(low, end)
}

function endText(end: PathEnd | undefined): string {
  return end === undefined ? '' : formatEnd(end)
}

export function grantReader(platform: Platform): (path: Path, now: number) => readonly Grant[] {
  return (path, now) => {
    if (isExpired(path, now)) return []
    const { protocol, ports, source } = path
    const declared: Phase | undefined = source.kind === 'workload' ? platform.workloads.get(source.workload)?.phase : undefined
    const base = { protocol, ports, phases: maskOf(path.phases, declared), until: path.expires ?? Infinity }
    return conditionsOf(path).map((condition) => ({ ...base, condition }))
  }
}

function conditionsOf(path: Path): readonly Condition[] {
  const { via } = path
  switch (via.kind) {
    case 'direct': {
      const { messages } = via
      // Two halves that agree on no subject still open the port.
      if (messages === undefined || messages.publish.length + messages.subscribe.length === 0) return [always]
      return (['publish', 'subscribe'] as const).flatMap((action) => messages[action].map((subject) => ({ kind: 'message' as const, action, subject })))
    }
    case 'peer':
      return [always]
    case 'mutual-tls':
      return [encrypted]
    case 'egress':
      return [via.http === undefined ? always : { kind: 'http', match: via.http }]
    case 'publish':
      return via.addresses.map((address) => {
        const text = `${address.family === 4 ? formatAddress(address) : `[${formatAddress(address)}]`}:${via.port}`
        return { kind: 'entrance', id: `publish ${text}`, text: `by ${text}` }
      })
    case 'proxy': {
      const { hosts, authentication, listenPort } = via.proxy
      const id = canonicalJson({ ...via.proxy, hosts: [] })
      const plain = canonicalJson(plainProxy([], plainCaller(authentication)))
      const names = hosts.length === 0 ? [`port ${listenPort ?? ''}`] : hosts
      return names.map((host) => ({
        kind: 'entrance',
        id: `proxy ${host} ${id}`,
        text: `by ${host}, authentication ${via.authentication}${id === plain ? '' : `, gateway settings ${digest(id)}`}`,
      }))
    }
  }
}

/** The shortest way to write that kind of authentication; what has no short way counts as settings. */
function plainCaller({ kind }: Authentication): Authentication {
  return kind === 'mtls' ? { kind, caFile: undefined, subjects: [] } : { kind: 'none' }
}

/** Eight letters that tell one text from another for a reader (FNV-1a, 32 bits); nothing is decided by them. */
function digest(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}

/** Host documents against the segments and stacks they belong to, and tenants who name one. */
import { quote } from '../../base/diagnostic.ts'
import { didYouMean } from '../../base/suggest.ts'
import { isMapping } from '../source.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Declared } from '../declared.ts'
import type { Outline } from '../documents.ts'
import type { Host, Platform } from '../platform.ts'
import type { KindName } from '../schema/kinds.ts'
import type { Path } from '../source.ts'

/** Hosts of another kind than their segment, or more of them than it has, and layers that their stack does not have. */
export function hostsOfSegments({ hosts, segments, stacks }: Pick<Platform, 'hosts' | 'segments' | 'stacks'>): readonly Diagnostic[] {
  const out: Diagnostic[] = []
  const seen = new Map<string, Host[]>()
  for (const host of hosts.values()) {
    const layers = stacks.get(host.stack)?.layers ?? []
    if (host.layer !== undefined && layers.length > 0 && !layers.includes(host.layer)) {
      const message = `the stack ${quote(host.stack)} of host ${quote(host.name)} has no layer ${quote(host.layer)}`
      out.push({ code: 'unknown-reference', severity: 'error', message, at: host.at, given: host.layer, help: didYouMean(host.layer, layers) ?? `allowed: ${layers.join(', ')}` })
    }
    const segment = host.segment === undefined ? undefined : segments.get(host.segment)
    if (segment === undefined) continue
    seen.set(segment.name, [...(seen.get(segment.name) ?? []), host])
    if (host.instanceType !== undefined && host.instanceType !== segment.instanceType) {
      const message = `host ${quote(host.name)} is of instance type ${quote(host.instanceType)}, and its segment ${quote(segment.name)} of ${quote(segment.instanceType)}`
      out.push({ code: 'host-instance-type', severity: 'error', message, at: host.at, given: host.instanceType })
    }
  }
  for (const [name, members] of seen) {
    const segment = segments.get(name)
    if (segment === undefined || members.length <= segment.instances) continue
    const names = members.map((h) => quote(h.name)).join(', ')
    const message = `segment ${quote(name)} has ${segment.instances} ${segment.instances === 1 ? 'instance' : 'instances'}, and ${members.length} Hosts are in it: ${names}`
    out.push({ code: 'too-many-hosts', severity: 'error', message, at: members[segment.instances]?.at ?? segment.at })
  }
  return out
}

/** Kinds whose names may be the same as a Host's: a text that names one of them is not a Host's name. */
const otherNames: readonly KindName[] = ['Enclave', 'Environment', 'External', 'IsolationSegment', 'Peer', 'Stack']

/** A text in a tenant's document, wherever it stands, that is the name of a Host and of nothing else. */
export function tenantsNamingHosts(outlines: readonly Outline[], declared: Declared): readonly Diagnostic[] {
  const hosts = new Set(declared.names('Host').filter((name) => !otherNames.some((kind) => declared.has(kind, name)) && declared.enclavesOf(name).length === 0))
  if (hosts.size === 0) return []
  return outlines.flatMap(({ kind, name, enclave, raw }) => {
    if (enclave === undefined) return []
    return texts(raw.value, []).flatMap(([text, path]) => {
      if (!hosts.has(text) || isOwnName(path) || declared.hasIn('Group', enclave, text)) return []
      const message = `${kind} ${quote(name)} of enclave ${quote(enclave)} names the host ${quote(text)}`
      return [{ code: 'host-named', severity: 'error', message, at: raw.locate(path), given: text, help: 'name an IsolationSegment; which host it is on is the operator\'s to decide' } as const]
    })
  })
}

/** What the document and its ports are called is theirs. */
function isOwnName(path: Path): boolean {
  const last = path.at(-1)
  return (path[0] === 'metadata' && path.length === 2) || last === 'name' || last === 'port' || (typeof last === 'number' && path.at(-2) === 'port')
}

function texts(value: unknown, path: Path): readonly (readonly [string, Path])[] {
  if (typeof value === 'string') return [[value, path]]
  if (Array.isArray(value)) return value.flatMap((each, i) => texts(each, [...path, i]))
  return isMapping(value) ? Object.entries(value).flatMap(([key, each]) => texts(each, [...path, key])) : []
}

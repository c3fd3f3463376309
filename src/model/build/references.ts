/** References as written to references that exist. A dangling one is reported and left out. */
import { quote } from '../../base/diagnostic.ts'
import { didYouMean } from '../../base/suggest.ts'
import { frozenMap } from '../frozen.ts'
import { parseReference } from '../lexical.ts'
import type { Location } from '../../base/location.ts'
import type { RefText } from '../lexical.ts'
import type { ExternalRef, LocalRef, PeerRef, Scope } from '../platform.ts'
import type { Path } from '../source.ts'
import type { Context } from './context.ts'

export type WrittenRef = string | { readonly labels: Readonly<Record<string, string>> }
export type WrittenRefs = WrittenRef | readonly WrittenRef[]

/** Each reference with its path inside `spec`. */
export function each<T>(written: T | readonly T[], path: Path): readonly (readonly [T, Path])[] {
  return Array.isArray(written) ? written.map((one: T, i) => [one, [...path, i]] as const) : [[written as T, path] as const]
}

/** Any reference at all; Guardrails take them all. */
export function resolveScopes(context: Context, written: WrittenRefs, path: Path): readonly Scope[] {
  return each(written, path).flatMap(([one, at]) => resolve(context, one, at) ?? [])
}

/** Workloads of the document's own enclave. */
export function resolveOwn(context: Context, written: WrittenRefs, path: Path): readonly LocalRef[] {
  return each(written, path).flatMap(([one, at]) => {
    const ref = resolve(context, one, at)
    if (ref === undefined) return []
    if (!isLocal(ref)) {
      const text = quote(String(one))
      if (ref.kind === 'external') context.problem(at, 'crosses-enclaves', `${text} is outside the enclave`, 'write an EgressPolicy for the way out, an IngressPolicy for the way in', String(one))
      else if (ref.kind === 'peer') context.problem(at, 'crosses-enclaves', `${text} is on another platform`, 'write a FederationPolicy', String(one))
      else context.problem(at, 'invalid-reference', `${text} is not a reference to a workload of this enclave`, 'allowed: `workload`, `enclave/*`, `group:NAME`, labels', String(one))
      return []
    }
    const enclave = enclaveOf(ref)
    if (enclave === context.doc.enclave) return [ref]
    const help = `a path between enclaves needs a FederationPolicy on each side: \`${enclave}\` and \`${context.doc.enclave ?? ''}\``
    context.problem(at, 'crosses-enclaves', `${quote(String(one))} is in enclave ${quote(enclave)}, this policy in ${quote(context.doc.enclave ?? '')}`, help, String(one))
    return []
  })
}

/** Externals, for the far ends of ingress and egress. */
export function resolveExternals(context: Context, written: WrittenRefs, path: Path): readonly ExternalRef[] {
  return each(written, path).flatMap(([one, at]) => {
    if (typeof one === 'string' && !one.includes(':') && context.declared.has('External', one)) {
      context.problem(at, 'not-an-external', `${quote(one)} is not a reference to an External`, `did you mean \`external:${one}\`?`, one)
      return []
    }
    const ref = resolve(context, one, at)
    if (ref === undefined || ref.kind === 'external') return ref ?? []
    const far = ref.kind === 'peer' || (isLocal(ref) && enclaveOf(ref) !== context.doc.enclave)
    const help = far ? 'write a FederationPolicy for another enclave or platform' : 'name an External as `external:NAME`; inside the enclave a ServicePolicy opens paths'
    const text = typeof one === 'string' ? quote(one) : 'a label selector'
    context.problem(at, 'not-an-external', `${text} is not an External`, help, typeof one === 'string' ? one : undefined)
    return []
  })
}

/** Workloads of any enclave, and of peers: the ends of federation halves. */
export function resolveFederated(context: Context, written: WrittenRefs, path: Path): readonly (readonly [LocalRef | PeerRef, Path])[] {
  return each(written, path).flatMap(([one, at]) => {
    const ref = resolve(context, one, at)
    if (ref === undefined) return []
    if (ref.kind === 'peer' || isLocal(ref)) return [[ref, at] as const]
    context.problem(at, 'invalid-reference', `${quote(String(one))} is not a workload`, 'a FederationPolicy joins workloads; Externals have IngressPolicy and EgressPolicy', String(one))
    return []
  })
}

export function isLocal(ref: Scope): ref is LocalRef {
  return ref.kind === 'workload' || ref.kind === 'enclave' || ref.kind === 'group' || ref.kind === 'labels'
}

export function enclaveOf(ref: LocalRef): string {
  switch (ref.kind) {
    case 'workload':
      return ref.workload.slice(0, ref.workload.indexOf('/'))
    case 'group':
      return ref.group.slice(0, ref.group.indexOf('/'))
    case 'enclave':
    case 'labels':
      return ref.enclave
  }
}

/** What a reference names, or `undefined` once its problem is reported. */
export function resolve(context: Context, written: WrittenRef, path: Path): Scope | undefined {
  const at = context.place(path)
  const own = context.doc.enclave
  if (typeof written !== 'string') {
    if (own !== undefined) return { kind: 'labels', enclave: own, labels: frozenMap(Object.entries(written.labels)), at }
    context.problem(path, 'invalid-reference', 'labels select inside the document\'s own enclave, and this document has none', 'name the workloads, or `ENCLAVE/*`')
    return undefined
  }
  const text = parseReference(written)
  if (text === undefined) return undefined
  switch (text.form) {
    case 'every-workload':
    case 'every-external':
    case 'environment':
    case 'stack':
    case 'segment':
      return resolveWide(context, text, written, path, at)
    case 'workload':
      return resolveWorkload(context, text.enclave ?? own, text.workload, written, path, at)
    case 'spiffe':
      return resolveSpiffe(context, text, written, path, at)
    case 'enclave':
      if (context.declared.has('Enclave', text.enclave)) return { kind: 'enclave', enclave: text.enclave, at }
      return unknown(context, path, `no Enclave ${quote(text.enclave)}`, text.enclave, context.declared.names('Enclave'), written)
    case 'group':
      return resolveGroup(context, text.enclave ?? own, text.group, written, path, at)
    case 'external':
      if (context.declared.has('External', text.external)) return { kind: 'external', external: text.external, at }
      return unknown(context, path, `no External ${quote(text.external)}`, text.external, context.declared.names('External'), written)
    case 'peer':
      if (context.declared.has('Peer', text.peer)) return { kind: 'peer', peer: text.peer, enclave: text.enclave, workload: text.workload, at }
      return unknown(context, path, `no Peer ${quote(text.peer)}`, text.peer, context.declared.names('Peer'), written)
  }
}

type WideText = Extract<RefText, { readonly form: 'every-workload' | 'every-external' | 'environment' | 'stack' | 'segment' }>

/** Sets that only statements about every policy may use: in a policy they would grow by themselves. */
function resolveWide(context: Context, text: WideText, written: string, path: Path, at: Location): Scope | undefined {
  if (context.doc.kind !== 'Guardrail') {
    context.problem(path, 'invalid-reference', `${quote(written)} is for Guardrails`, 'a policy names workloads, `enclave/*`, groups, labels or Externals', written)
    return undefined
  }
  switch (text.form) {
    case 'every-workload':
    case 'every-external':
      return { kind: text.form, at }
    case 'environment':
      if (context.declared.has('Environment', text.name)) return { kind: 'environment', environment: text.name, at }
      return unknown(context, path, `no Environment ${quote(text.name)}`, text.name, context.declared.names('Environment'), written)
    case 'stack':
      if (context.declared.has('Stack', text.name)) return { kind: 'stack', stack: text.name, at }
      return unknown(context, path, `no Stack ${quote(text.name)}`, text.name, context.declared.names('Stack'), written)
    case 'segment':
      if (context.declared.has('IsolationSegment', text.name)) return { kind: 'segment', segment: text.name, at }
      return unknown(context, path, `no IsolationSegment ${quote(text.name)}`, text.name, context.declared.names('IsolationSegment'), written)
  }
}

function resolveWorkload(context: Context, enclave: string | undefined, name: string, written: string, path: Path, at: Location): Scope | undefined {
  const { declared } = context
  if (enclave === undefined) return needsEnclave(context, path, written, declared.enclavesOf(name).map((e) => `${e}/${name}`))
  const workload = declared.workload(enclave, name)
  if (workload !== undefined) return { kind: 'workload', workload, at }
  if (!declared.has('Enclave', enclave)) {
    // An owner that does not exist is reported once, where it is named.
    if (enclave === context.doc.enclave) return undefined
    return unknown(context, path, `no Enclave ${quote(enclave)}`, enclave, declared.names('Enclave'), written)
  }
  const elsewhere = declared.enclavesOf(name)
  const near = didYouMean(name, declared.namesIn('Workload', enclave))
  const other = elsewhere.length > 0 ? `enclave ${elsewhere.map(quote).join(', ')} has one; a path between enclaves needs a FederationPolicy` : 'add the Workload, or correct the name'
  const hint = declared.has('External', name) ? `did you mean \`external:${name}\`?` : (near ?? other)
  context.problem(path, 'unknown-reference', `no workload ${quote(name)} in enclave ${quote(enclave)}`, hint, written)
  return undefined
}

function resolveSpiffe(context: Context, text: Extract<RefText, { readonly form: 'spiffe' }>, written: string, path: Path, at: Location): Scope | undefined {
  if (text.trustDomain === context.trustDomain) return resolveWorkload(context, text.enclave, text.workload, written, path, at)
  const peer = context.peerDomains.get(text.trustDomain)
  if (peer !== undefined) return { kind: 'peer', peer, enclave: text.enclave, workload: text.workload, at }
  const known = [context.trustDomain, ...context.peerDomains.keys()]
  return unknown(context, path, `the trust domain ${quote(text.trustDomain)} is neither this platform's nor a Peer's`, text.trustDomain, known, written)
}

function resolveGroup(context: Context, enclave: string | undefined, name: string, written: string, path: Path, at: Location): Scope | undefined {
  const { declared, doc } = context
  if (enclave === undefined) return needsEnclave(context, path, written, [])
  if (doc.enclave !== undefined && enclave !== doc.enclave) {
    context.problem(path, 'invalid-reference', `${quote(written)} is a group of another enclave`, 'across a boundary name the workloads', written)
    return undefined
  }
  if (declared.hasIn('Group', enclave, name)) return { kind: 'group', group: `${enclave}/${name}`, at }
  return unknown(context, path, `no group ${quote(name)} in enclave ${quote(enclave)}`, name, declared.namesIn('Group', enclave), written)
}

function needsEnclave(context: Context, path: Path, written: string, candidates: readonly string[]): undefined {
  const help = candidates.length > 0 ? `did you mean ${candidates.map(quote).join(' or ')}?` : 'write the enclave too: `enclave/workload`, `group:enclave/name`'
  context.problem(path, 'invalid-reference', `${quote(written)} does not say in which enclave, and this document belongs to none`, help, written)
}

function unknown(context: Context, path: Path, message: string, name: string, candidates: readonly string[], written: string): undefined {
  context.problem(path, 'unknown-reference', message, didYouMean(name, candidates) ?? 'add the document that declares it, or correct the name', written)
}

/** The bare form `policy: {...}`: a ServicePolicy of the one enclave that holds both of its names. */
import { quote } from '../../base/diagnostic.ts'
import { didYouMean } from '../../base/suggest.ts'
import { parseReference } from '../lexical.ts'
import { each } from './references.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Declared } from '../declared.ts'
import type { Bare, Checked } from '../documents.ts'
import type { WrittenRef } from './references.ts'

/** The full document that a bare one stands for, or why there is none. */
export function expandBare({ spec, raw }: Bare, declared: Declared): Checked<'ServicePolicy'> | Diagnostic {
  const ends = [...each<WrittenRef>(spec.source, ['policy', 'source']), ...each<WrittenRef>(spec.destination, ['policy', 'destination'])]
  const wanted = ends.map(([written]) => candidates(written, declared))
  const enclaves = declared.names('Enclave').filter((enclave) => wanted.every((holds) => holds === 'any' || holds.includes(enclave)))
  const [enclave] = enclaves
  if (enclave !== undefined && enclaves.length === 1) {
    return { kind: 'ServicePolicy', name: nameOf(spec), enclave, labels: {}, spec, raw, specPath: ['policy'], at: raw.at }
  }
  const names = ends.map(([written]) => (typeof written === 'string' ? quote(written) : '`labels`')).join(' and ')
  const [last, lastPath] = ends.at(-1) ?? ['', ['policy']]
  const there = { at: raw.locate(lastPath), ...(typeof last === 'string' ? { given: last } : {}) }
  if (enclaves.length > 1) {
    const help = 'write a full ServicePolicy with `metadata.enclave`, or `enclave/workload`'
    return { code: 'ambiguous-enclave', severity: 'error', message: `${names} are in more than one enclave: ${enclaves.map(quote).join(', ')}`, ...there, help }
  }
  const lost = ends.find((_, i) => wanted[i]?.length === 0)
  if (lost === undefined) {
    return { code: 'crosses-enclaves', severity: 'error', message: `no enclave holds both ${names}`, ...there, help: 'a path between enclaves needs a FederationPolicy on each side' }
  }
  const [written, path] = lost
  const text = typeof written === 'string' ? written : ''
  const external = declared.has('External', text.replace(/^external:/, ''))
  const known = declared.names('Enclave').flatMap((e) => [...declared.namesIn('Workload', e), ...declared.namesIn('Workload', e).map((w) => `${e}/${w}`)])
  const help = external ? 'write an EgressPolicy for the way out, an IngressPolicy for the way in' : (didYouMean(text, known) ?? 'add the Workload, or correct the name')
  return { code: 'unknown-reference', severity: 'error', message: `no enclave has a workload ${quote(text)}`, at: raw.locate(path), help, given: text }
}

/** Enclaves in which this reference means something; labels may match anywhere and so say nothing. */
function candidates(written: WrittenRef, declared: Declared): readonly string[] | 'any' {
  const text = typeof written === 'string' ? parseReference(written) : undefined
  if (typeof written !== 'string') return 'any'
  switch (text?.form) {
    case 'workload':
      return text.enclave === undefined ? declared.enclavesOf(text.workload) : declared.hasIn('Workload', text.enclave, text.workload) ? [text.enclave] : []
    case 'spiffe':
    case 'enclave':
      return declared.has('Enclave', text.enclave) ? [text.enclave] : []
    case 'group':
      return declared.names('Enclave').filter((enclave) => declared.hasIn('Group', enclave, text.group))
    default:
      return []
  }
}

const longestName = 63

/** Made from the content, so that it stays the same wherever the document stands. */
function nameOf(spec: Bare['spec']): string {
  const text = (value: unknown): string => (Array.isArray(value) ? value.map(text).join('-') : typeof value === 'object' ? JSON.stringify(value) : String(value))
  const traffic = [spec.port, spec.publish, spec.subscribe].filter((part) => part !== undefined)
  const parts = [text(spec.source), 'to', text(spec.destination), spec.protocol, ...traffic.map(text)]
  const whole = parts.join('-')
  const name = whole.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  return name.length <= longestName ? name : `${name.slice(0, longestName - 9).replace(/-$/, '')}-${shortHash(whole)}`
}

/** FNV-1a, 32 bits: tells long names apart that begin alike. Nothing rests on it being hard to invert. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0
  return hash.toString(16).padStart(8, '0')
}

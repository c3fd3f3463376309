/** What building one document needs: its place, the names around it, and where problems go. */
import { quote } from '../../base/diagnostic.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { ErrorCode } from '../../base/catalogue.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Location } from '../../base/location.ts'
import type { Declared } from '../declared.ts'
import type { Checked, Outline } from '../documents.ts'
import type { KindName } from '../schema/kinds.ts'
import type { Path } from '../source.ts'

export interface Surroundings {
  readonly declared: Declared
  readonly trustDomain: string
  /** Peers by their trust domain. */
  readonly peerDomains: ReadonlyMap<string, string>
  readonly now: number
  readonly report: (diagnostic: Diagnostic) => void
}

/** One document while it is built. Paths are relative to its `spec`. */
export interface Context<K extends KindName = KindName> extends Surroundings {
  readonly doc: Checked<K>
  readonly place: (path: Path) => Location
  readonly problem: (path: Path, code: ErrorCode, message: string, help?: string, given?: string) => void
}

export function contextOf<K extends KindName>(around: Surroundings, doc: Checked<K>): Context<K> {
  const place = (path: Path): Location => doc.raw.locate([...doc.specPath, ...path])
  return {
    ...around,
    doc,
    place,
    problem: (path, code, message, help, given) =>
      around.report({ code, severity: 'error', message, at: place(path), ...(help === undefined ? {} : { help }), ...(given === undefined ? {} : { given }) }),
  }
}

/** A plain name of another document; a name that nothing declares is reported. */
export function checkName(context: Context, path: Path, kind: 'Environment' | 'External' | 'IsolationSegment' | 'Stack', name: string): void {
  if (context.declared.has(kind, name)) return
  const help = didYouMean(name, context.declared.names(kind)) ?? `add the ${kind}, or correct the name`
  // A segment that goes away is missed far from where it was: say by whom.
  const by = kind === 'IsolationSegment' ? `, which ${context.doc.kind} ${quote(context.doc.name)} uses` : ''
  context.problem(path, 'unknown-reference', `no ${kind} ${quote(name)}${by}`, help, name)
}

/** The enclave that a document names as its owner; asked of invalid documents too. */
export function checkOwner(declared: Declared, { enclave, raw }: Outline): Diagnostic | undefined {
  if (enclave === undefined || declared.has('Enclave', enclave)) return undefined
  const help = didYouMean(enclave, declared.names('Enclave')) ?? 'add the Enclave, or correct the name'
  return { code: 'unknown-reference', severity: 'error', message: `no Enclave ${quote(enclave)}`, at: raw.locate(['metadata', 'enclave']), help, given: enclave }
}

/** What is declared by name, in valid and invalid documents alike, so that a reference is judged by its own mistake only. */
import { quote } from '../base/diagnostic.ts'
import { formatLocation } from '../base/location.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Outline } from './documents.ts'
import type { KindName } from './schema/kinds.ts'
import type { WorkloadId } from './workload-id.ts'

export interface Declared {
  readonly has: (kind: KindName, name: string) => boolean
  readonly names: (kind: KindName) => readonly string[]
  /** Names of that kind in one enclave. */
  readonly hasIn: (kind: 'Workload' | 'Group', enclave: string, name: string) => boolean
  /** One text for one workload, however many references name it; `undefined` when there is none. */
  readonly workload: (enclave: string, name: string) => WorkloadId | undefined
  readonly namesIn: (kind: 'Workload' | 'Group', enclave: string) => readonly string[]
  /** Enclaves that hold a workload of this name. */
  readonly enclavesOf: (workload: string) => readonly string[]
}

export function declaredNames(outlines: readonly Outline[]): Declared {
  const plain = new Map<KindName, Set<string>>([['Stack', new Set(['default'])], ['Environment', new Set(['default'])]])
  const inside = new Map<string, Set<string>>()
  const holders = new Map<string, Set<string>>()
  const ids = new Map<string, Map<string, WorkloadId>>()
  for (const { kind, name, enclave } of outlines) {
    if (enclave === undefined) add(plain, kind, name)
    else add(inside, `${kind} ${enclave}`, name)
    if (kind !== 'Workload' || enclave === undefined) continue
    add(holders, name, enclave)
    let here = ids.get(enclave)
    if (here === undefined) ids.set(enclave, (here = new Map<string, WorkloadId>()))
    here.set(name, `${enclave}/${name}`)
  }
  const list = (set: ReadonlySet<string> | undefined): readonly string[] => [...(set ?? [])].sort()
  return {
    has: (kind, name) => plain.get(kind)?.has(name) ?? false,
    names: (kind) => list(plain.get(kind)),
    hasIn: (kind, enclave, name) => inside.get(`${kind} ${enclave}`)?.has(name) ?? false,
    workload: (enclave, name) => ids.get(enclave)?.get(name),
    namesIn: (kind, enclave) => list(inside.get(`${kind} ${enclave}`)),
    enclavesOf: (workload) => list(holders.get(workload)),
  }
}

/** Two documents of one kind and enclave under one name; there is one Platform whatever it is called. */
export function duplicateNames(outlines: readonly Outline[]): readonly Diagnostic[] {
  const first = new Map<string, Outline>()
  return outlines.flatMap((outline) => {
    const { kind, name, enclave, raw } = outline
    const key = kind === 'Platform' ? kind : `${kind} ${enclave ?? ''}/${name}`
    const before = first.get(key)
    if (before === undefined) {
      first.set(key, outline)
      return []
    }
    const what = enclave === undefined ? `${kind} ${quote(name)}` : `${kind} ${quote(name)} of enclave ${quote(enclave)}`
    const place = formatLocation(before.raw.at)
    const message = kind === 'Platform' ? `a second Platform: the first is at ${place}` : `${what} is declared twice: first at ${place}`
    const at = raw.locate(['metadata', 'name'])
    return [{ code: 'duplicate-name', severity: 'error', message, at, given: name, help: 'rename or remove one of them' } as const]
  })
}

function add<K>(to: Map<K, Set<string>>, key: K, value: string): void {
  const known = to.get(key)
  if (known === undefined) to.set(key, new Set([value]))
  else known.add(value)
}

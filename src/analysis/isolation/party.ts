/** One of the two whose separation is asked about, and the workloads that it stands for. */
import { quote } from '../../base/diagnostic.ts'
import { compareText } from '../../base/location.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { Platform, Workload } from '../../model/platform.ts'
import type { Reading } from '../ends.ts'

export const partyKinds = ['workload', 'enclave', 'environment', 'stack', 'platform', 'peer'] as const
export type PartyKind = (typeof partyKinds)[number]

export interface Party {
  readonly kind: PartyKind
  readonly name: string
  /** As a person writes it: `environment:alpha`, `enclave:a`, `a/notebook`. */
  readonly text: string
  /** Sorted by id; empty for a peer, whose workloads are not ours to know. */
  readonly workloads: readonly Workload[]
}

/** `enclave/workload`, `enclave:NAME` (or `NAME/*`), `environment:NAME`, `stack:NAME`, `peer:NAME`, `platform`; or a name alone that means one of them only. */
export function readParty(platform: Platform, text: string): Reading<Party> {
  if (text === 'platform') return { ok: true, value: party(platform, 'platform', platform.name) }
  const [, prefix, rest = ''] = /^(workload|enclave|environment|stack|peer):(.*)$/s.exec(text) ?? []
  if (prefix !== undefined) return named(platform, prefix as PartyKind, rest)
  if (text.endsWith('/*')) return named(platform, 'enclave', text.slice(0, -2))
  if (text.includes('/')) return named(platform, 'workload', text)
  const found = partyKinds.flatMap((kind) => namesOf(platform, kind).filter((name) => (kind === 'workload' ? name.split('/')[1] : name) === text).map((name) => party(platform, kind, name)))
  const [only, another] = found
  if (only === undefined) {
    const known = partyKinds.flatMap((kind) => namesOf(platform, kind))
    return { ok: false, message: `${quote(text)} is not a workload, enclave, environment, stack or peer`, help: didYouMean(text, known) ?? 'write `enclave/workload`, `enclave:NAME`, `environment:NAME`, `stack:NAME`, `peer:NAME` or `platform`' }
  }
  if (another === undefined) return { ok: true, value: only }
  return { ok: false, message: `${quote(text)} is the name of ${found.length} things`, help: `write one of ${found.slice(0, 5).map((one) => `\`${one.text}\``).join(', ')}` }
}

function named(platform: Platform, kind: PartyKind, name: string): Reading<Party> {
  const known = namesOf(platform, kind)
  if (known.includes(name)) return { ok: true, value: party(platform, kind, name) }
  const help = didYouMean(name, known)
  return { ok: false, message: `no ${kind} is called ${quote(name)}`, ...(help === undefined ? {} : { help }) }
}

function namesOf(platform: Platform, kind: PartyKind): readonly string[] {
  switch (kind) {
    case 'workload': return [...platform.workloads.keys()]
    case 'enclave': return [...platform.enclaves.keys()]
    case 'environment': return [...platform.environments.keys()]
    case 'stack': return [...platform.stacks.keys()]
    case 'peer': return [...platform.peers.keys()]
    case 'platform': return [platform.name]
  }
}

export function party(platform: Platform, kind: PartyKind, name: string): Party {
  const within = (workload: Workload): boolean => {
    const environment = platform.enclaves.get(workload.enclave)?.environment ?? 'default'
    switch (kind) {
      case 'workload': return workload.id === name
      case 'enclave': return workload.enclave === name
      case 'environment': return environment === name
      case 'stack': return (platform.environments.get(environment)?.stack ?? 'default') === name
      case 'platform': return true
      case 'peer': return false
    }
  }
  const workloads = [...platform.workloads.values()].filter(within).sort((a, b) => compareText(a.id, b.id))
  return Object.freeze({ kind, name, text: kind === 'workload' ? name : kind === 'platform' ? 'platform' : `${kind}:${name}`, workloads: Object.freeze(workloads) })
}

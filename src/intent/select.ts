/** What references select. Built once for a platform, so that a hundred thousand policies cost one look-up each. */
import { compareText } from '../base/location.ts'
import { membership } from './groups.ts'
import type { LabelsRef, Platform, Ref, Workload } from '../model/platform.ts'
import type { Membership } from './groups.ts'

export interface Selector {
  readonly membership: Membership
  /** The workloads that one of the references selects, each once; Externals and peers' workloads are none of ours. */
  readonly workloads: (refs: readonly Ref[]) => readonly Workload[]
  /** Every workload of an enclave, sorted. */
  readonly enclave: (name: string) => readonly Workload[]
}

const nobody: readonly Workload[] = Object.freeze([])

export function selector(platform: Platform): Selector {
  const groups = membership(platform)
  const byEnclave = indexBy(platform, (workload) => [workload.enclave])
  let byLabel: ReadonlyMap<string, readonly Workload[]> | undefined

  const enclave = (name: string): readonly Workload[] => byEnclave.get(name) ?? nobody

  function labelled(ref: LabelsRef): readonly Workload[] {
    byLabel ??= indexBy(platform, (workload) => Array.from(workload.labels, ([key, value]) => labelKey(workload.enclave, key, value)))
    let fewest = enclave(ref.enclave)
    for (const [key, value] of ref.labels) {
      const carriers = byLabel.get(labelKey(ref.enclave, key, value)) ?? nobody
      if (carriers.length < fewest.length) fewest = carriers
    }
    return fewest.filter((workload) => [...ref.labels].every(([key, value]) => workload.labels.get(key) === value))
  }

  function one(ref: Ref): readonly Workload[] {
    switch (ref.kind) {
      case 'workload': {
        const workload = platform.workloads.get(ref.workload)
        return workload === undefined ? nobody : [workload]
      }
      case 'enclave':
        return enclave(ref.enclave)
      case 'group':
        return groups.members.get(ref.group) ?? nobody
      case 'labels':
        return labelled(ref)
      case 'external':
      case 'peer':
        return nobody
    }
  }

  function workloads(refs: readonly Ref[]): readonly Workload[] {
    const [first, second] = refs
    if (first !== undefined && second === undefined) return one(first)
    return [...new Set(refs.flatMap(one))]
  }

  return { membership: groups, workloads, enclave }
}

function indexBy(platform: Platform, keysOf: (workload: Workload) => readonly string[]): ReadonlyMap<string, readonly Workload[]> {
  const index = new Map<string, Workload[]>()
  for (const workload of platform.workloads.values()) {
    for (const key of keysOf(workload)) {
      const known = index.get(key)
      if (known === undefined) index.set(key, [workload])
      else known.push(workload)
    }
  }
  for (const list of index.values()) list.sort((a, b) => compareText(a.id, b.id))
  return index
}

function labelKey(enclave: string, key: string, value: string): string {
  return JSON.stringify([enclave, key, value])
}

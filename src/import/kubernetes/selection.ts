/** Finds the pods that selections mean, by the rarest label instead of one after the other; equal selections are worked out once. */
import { selects } from './selector.ts'
import type { PodSelection, Selector } from './selector.ts'
import type { Namespace, Pod } from './workloads.ts'

export interface PodIndex {
  readonly pods: readonly Pod[]
  /** Positions in `pods`, ascending. */
  readonly select: (selection: PodSelection) => readonly number[]
  /** True when the selection holds of a pod without labels in a namespace without labels. */
  readonly selectsAnonymous: (selection: PodSelection) => boolean
}

export function podIndex(pods: readonly Pod[], namespaces: readonly Namespace[]): PodIndex {
  const inNamespace = new Map<string, number[]>()
  const withLabel = new Map<string, number[]>()
  const add = (map: Map<string, number[]>, key: string, pod: number): void => {
    const known = map.get(key)
    if (known === undefined) map.set(key, [pod])
    else known.push(pod)
  }
  pods.forEach((pod, i) => {
    add(inNamespace, pod.namespace, i)
    for (const [key, value] of pod.labels) {
      add(withLabel, `${key}=${value}`, i)
      add(withLabel, `${pod.namespace} ${key}=${value}`, i)
    }
  })
  const all = pods.map((_, i) => i)
  const known = new Map<string, readonly number[]>()
  const namespacesOf = remember((selector: Selector) => new Set(namespaces.filter(({ labels }) => selects(selector, labels)).map(({ name }) => name)))

  const onHost = pods.some((pod) => pod.hostNetwork)

  const find = ({ namespaces: where, pods: which }: PodSelection): readonly number[] => {
    const names = where.kind === 'named' ? new Set([where.name]) : namespacesOf(where.selector)
    const [name] = names
    const single = names.size === 1 ? name : undefined
    if (names.size === 0) return []
    let candidates = single !== undefined ? (inNamespace.get(single) ?? []) : all
    for (const { key, operator, values } of which.requirements) {
      if (operator !== 'In') continue
      const lists = values.map((value) => withLabel.get(single === undefined ? `${key}=${value}` : `${single} ${key}=${value}`) ?? [])
      const count = lists.reduce((sum, list) => sum + list.length, 0)
      if (count < candidates.length) candidates = lists.length === 1 ? (lists[0] ?? []) : [...new Set(lists.flat())].sort((a, b) => a - b)
    }
    const everywhere = single !== undefined || names.size === namespaces.length
    if (which.requirements.length === 0 && everywhere) return candidates
    return candidates.filter((i) => {
      const pod = pods[i]
      return pod !== undefined && (everywhere || names.has(pod.namespace)) && selects(which, pod.labels)
    })
  }
  return {
    pods,
    select: (selection) => {
      const key = `${selection.namespaces.kind === 'named' ? `=${selection.namespaces.name}` : selection.namespaces.selector.key}|${selection.pods.key}${onHost && selection.notOnHostNetwork === true ? '|not on hosts' : ''}`
      let found = known.get(key)
      if (found === undefined) known.set(key, (found = onHost && selection.notOnHostNetwork === true ? find(selection).filter((i) => pods[i]?.hostNetwork === false) : find(selection)))
      return found
    },
    selectsAnonymous: ({ namespaces: where, pods: which }) => where.kind === 'selected' && selects(where.selector, new Map()) && selects(which, new Map()),
  }
}

function remember<T>(work: (selector: Selector) => T): (selector: Selector) => T {
  const known = new Map<string, T>()
  return (selector) => {
    let found = known.get(selector.key)
    if (found === undefined) known.set(selector.key, (found = work(selector)))
    return found
  }
}

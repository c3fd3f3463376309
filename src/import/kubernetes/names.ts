/** Kubernetes names as names of documents: DNS labels, each once. */
import type { Pod } from './workloads.ts'

const longest = 63

/** Gives a name that was not given before, as near as possible to the one wanted; the same wishes in the same order give the same names. */
export function namer(): (wanted: string) => string {
  const given = new Set<string>()
  return (wanted) => {
    const base = label(wanted)
    let name = base
    for (let i = 2; given.has(name); i++) name = `${base.slice(0, longest - 1 - String(i).length).replace(/-+$/, '')}-${i}`
    given.add(name)
    return name
  }
}

function label(text: string): string {
  const cleaned = text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, longest).replace(/-+$/, '')
  return cleaned === '' ? 'unnamed' : cleaned
}

/** The workload's name for each pod, by position: unique in its namespace. Pods whose names are free as they are come first. */
export function workloadNames(pods: readonly Pod[]): readonly string[] {
  const namers = new Map<string, (wanted: string) => string>()
  const names: string[] = []
  const order = pods.map((_, i) => i).sort((a, b) => Number(isPlain(pods[b])) - Number(isPlain(pods[a])) || a - b)
  for (const i of order) {
    const pod = pods[i]
    if (pod === undefined) continue
    let give = namers.get(pod.namespace)
    if (give === undefined) namers.set(pod.namespace, (give = namer()))
    names[i] = give(pod.called)
  }
  return names
}

function isPlain(pod: Pod | undefined): boolean {
  return pod !== undefined && label(pod.called) === pod.called
}

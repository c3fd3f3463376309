/** Everything that can be reached from somewhere, or reaches it, through any number of paths: blast radius and lateral movement. */
import { isExpired } from '../model/platform.ts'
import { overlappingExternals } from '../intent/externals.ts'
import { externalHolds } from '../intent/path-index.ts'
import { formatFlowEnd } from '../intent/format.ts'
import { graphOf } from './graph.ts'
import type { Intent } from '../intent/intent.ts'
import type { FlowEnd, Platform } from '../model/platform.ts'
import type { Hop } from './chain.ts'
import type { Graph } from './graph.ts'

export interface Reached {
  /** As a reference is written. */
  readonly end: string
  /** A shortest chain, from the end asked about to this one; with `to`, from this one to the end asked about. */
  readonly chain: readonly Hop[]
}

export interface Reach {
  readonly direction: 'from' | 'to'
  readonly asked: readonly string[]
  /** Sorted by length of the chain, then by end. */
  readonly reached: readonly Reached[]
}

/**
 * `direction` `from`: what the ends reach together; `to`: what reaches one of them. Paths that are open at `now` in any
 * phase of their source count, because an intruder waits for the phase that suits.
 */
export function reach(platform: Platform, intent: Intent, ends: readonly FlowEnd[], direction: 'from' | 'to', now: number): Reach {
  const graph = graphOf(platform, intent, (path) => !isExpired(path, now))
  return reachIn(platform, graph, ends, direction)
}

export function reachIn(platform: Platform, graph: Graph, ends: readonly FlowEnd[], direction: 'from' | 'to'): Reach {
  const starts = nodesFor(platform, graph, ends)
  const before = new Map<number, Step | undefined>(starts.asked.map((node) => [node, undefined]))
  let level = starts.all
  const reached: Reached[] = []
  while (level.length > 0) {
    const found: number[] = []
    for (const { node, names } of level) {
      for (const name of names) {
        for (const { other, path } of direction === 'from' ? graph.outward(name) : graph.inward(name)) {
          if (before.has(other)) continue
          before.set(other, { node, hop: { path, forward: true } })
          found.push(other)
        }
      }
    }
    found.sort((a, b) => a - b)
    reached.push(...found.map((node) => ({ end: graph.texts[node] ?? '', chain: chainTo(before, node, direction) })))
    level = found.map((node) => ({ node, names: [node, ...graph.twins(node)] }))
  }
  return { direction, asked: ends.map(formatFlowEnd), reached }
}

interface Step {
  readonly node: number
  readonly hop: Hop
}

function chainTo(before: ReadonlyMap<number, Step | undefined>, last: number, direction: 'from' | 'to'): readonly Hop[] {
  const hops: Hop[] = []
  for (let step = before.get(last); step !== undefined; step = before.get(step.node)) {
    if (direction === 'from') hops.unshift(step.hop)
    else hops.push(step.hop)
  }
  return hops
}

interface Starts {
  readonly asked: readonly number[]
  /** Each node with all nodes that it is known by; an end that has no path of its own is -1. */
  readonly all: readonly { readonly node: number; readonly names: readonly number[] }[]
}

/** An outside address or name means every External that holds it; a peer's workload also its enclave's wildcard. */
function nodesFor(platform: Platform, graph: Graph, ends: readonly FlowEnd[]): Starts {
  const holds = externalHolds(platform)
  const asked = new Set<number>()
  const names = new Set<number>()
  const add = (node: number | undefined): void => {
    if (node === undefined) return
    asked.add(node)
    for (const one of [node, ...graph.twins(node)]) names.add(one)
  }
  for (const end of ends) {
    if (end.kind === 'address' || end.kind === 'name') {
      for (const name of platform.externals.keys()) {
        const node = holds(name, end) ? graph.nodeOf(`external:${name}`) : undefined
        // Whatever else these Externals overlap does not hold the address or name, or is among them.
        if (node === undefined) continue
        asked.add(node)
        names.add(node)
      }
      continue
    }
    add(graph.nodeOf(formatFlowEnd(end)))
    if (end.kind === 'peer') names.add(graph.nodeOf(`peer:${end.peer}/${end.enclave}/*`) ?? -1)
    // An External without paths of its own is still reached under the names of those that overlap it.
    const external = end.kind === 'external' ? platform.externals.get(end.external) : undefined
    if (external !== undefined) for (const { name } of overlappingExternals(platform, external)) names.add(graph.nodeOf(`external:${name}`) ?? -1)
  }
  names.delete(-1)
  return { asked: [...asked], all: [{ node: -1, names: [...names].sort((a, b) => a - b) }] }
}

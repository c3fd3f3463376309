/** Which nodes of the graph the scopes of an assertion mean. */
import { overlappingExternals } from '../intent/externals.ts'
import { selector } from '../intent/select.ts'
import type { Platform, Scope, WorkloadId } from '../model/platform.ts'
import type { Graph } from './graph.ts'

/** An External stands for all that overlap it: a second name for the same addresses must not get round an assertion. */
export function scopeReader(platform: Platform, graph: Graph): (scopes: readonly Scope[]) => ReadonlySet<number> {
  const select = selector(platform)

  const byKind = { workload: [] as number[], external: [] as number[], peer: [] as number[] }
  for (const [node, end] of graph.ends.entries()) byKind[end.kind].push(node)

  function nodesOf(scope: Scope): readonly number[] {
    switch (scope.kind) {
      case 'workload':
      case 'enclave':
      case 'group':
      case 'labels':
        return ofWorkloads(select.workloads([scope]).map((w) => w.id))
      case 'every-workload':
        return byKind.workload
      case 'environment':
        return ofWorkloads(workloadsOn((environment) => environment === scope.environment))
      case 'stack':
        return ofWorkloads(workloadsOn((environment) => (platform.environments.get(environment)?.stack ?? 'default') === scope.stack))
      case 'segment':
        return ofWorkloads([...platform.workloads.values()].filter((w) => w.segment === scope.segment).map((w) => w.id))
      case 'every-external':
        return byKind.external
      case 'external': {
        const external = platform.externals.get(scope.external)
        return (external === undefined ? [] : overlappingExternals(platform, external)).flatMap((e) => graph.nodeOf(`external:${e.name}`) ?? [])
      }
      case 'peer':
        return byKind.peer.filter((node) => {
          const end = graph.ends[node]
          return (
            end?.kind === 'peer' && end.peer === scope.peer && end.enclave === scope.enclave &&
            (end.workload === scope.workload || end.workload === '*' || scope.workload === '*')
          )
        })
    }
  }

  function ofWorkloads(ids: readonly WorkloadId[]): readonly number[] {
    return ids.flatMap((id) => graph.nodeOf(id) ?? [])
  }

  function workloadsOn(wanted: (environment: string) => boolean): readonly WorkloadId[] {
    return [...platform.enclaves.values()].filter((e) => wanted(e.environment)).flatMap((e) => select.enclave(e.name).map((w) => w.id))
  }

  let everyWorkload: ReadonlySet<number> | undefined
  return (scopes) => {
    const [first, second] = scopes
    if (first?.kind === 'every-workload' && second === undefined) return (everyWorkload ??= new Set(byKind.workload))
    return new Set(scopes.flatMap((scope) => nodesOf(scope)))
  }
}

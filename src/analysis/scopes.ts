/** Which nodes of the graph the scopes of an assertion mean. */
import { overlappingExternals } from '../intent/externals.ts'
import { selector } from '../intent/select.ts'
import type { PathEnd } from '../intent/intent.ts'
import type { Platform, Scope, WorkloadId } from '../model/platform.ts'
import type { Graph } from './graph.ts'

/** An External stands for all that overlap it: a second name for the same addresses must not get round an assertion. */
export function scopeReader(platform: Platform, graph: Graph): (scopes: readonly Scope[]) => ReadonlySet<number> {
  const select = selector(platform)

  function means(scope: Scope): (end: PathEnd) => boolean {
    switch (scope.kind) {
      case 'workload':
      case 'enclave':
      case 'group':
      case 'labels':
        return anyOf(select.workloads([scope]).map((w) => w.id))
      case 'every-workload':
        return (end) => end.kind === 'workload'
      case 'environment':
        return anyOf(workloadsOn((environment) => environment === scope.environment))
      case 'stack':
        return anyOf(workloadsOn((environment) => (platform.environments.get(environment)?.stack ?? 'default') === scope.stack))
      case 'segment':
        return anyOf([...platform.workloads.values()].filter((w) => w.segment === scope.segment).map((w) => w.id))
      case 'every-external':
        return (end) => end.kind === 'external'
      case 'external': {
        const external = platform.externals.get(scope.external)
        const names = new Set(external === undefined ? [] : overlappingExternals(platform, external).map((e) => e.name))
        return (end) => end.kind === 'external' && names.has(end.external)
      }
      case 'peer':
        return (end) =>
          end.kind === 'peer' && end.peer === scope.peer && end.enclave === scope.enclave &&
          (end.workload === scope.workload || end.workload === '*' || scope.workload === '*')
    }
  }

  function workloadsOn(wanted: (environment: string) => boolean): readonly WorkloadId[] {
    return [...platform.enclaves.values()].filter((e) => wanted(e.environment)).flatMap((e) => select.enclave(e.name).map((w) => w.id))
  }

  return (scopes) => {
    const tests = scopes.map(means)
    return new Set(graph.ends.flatMap((end, node) => (tests.some((holds) => holds(end)) ? [node] : [])))
  }
}

function anyOf(ids: readonly WorkloadId[]): (end: PathEnd) => boolean {
  const wanted = new Set(ids)
  return (end) => end.kind === 'workload' && wanted.has(end.workload)
}

/** A machine and what the operator puts on it, from a document that its schema accepts. */
import { quote } from '../../base/diagnostic.ts'
import { compareText } from '../../base/location.ts'
import { didYouMean } from '../../base/suggest.ts'
import { frozenMap } from '../frozen.ts'
import { checkName } from './context.ts'
import type { Assignment, Host, WorkloadId } from '../platform.ts'
import type { Context } from './context.ts'

export function buildHost(context: Context<'Host'>): Host {
  const { spec, name, at, labels } = context.doc
  const stack = spec.stack ?? 'default'
  checkName(context, ['stack'], 'Stack', stack)
  if (spec.segment !== undefined) checkName(context, ['segment'], 'IsolationSegment', spec.segment)
  return {
    kind: 'Host', name, at, stack,
    segment: spec.segment,
    layer: spec.layer,
    instanceType: spec.instanceType,
    labels: frozenMap(Object.entries(labels)),
    drain: spec.drain ?? false,
    assigned: assignments(context),
  }
}

function assignments(context: Context<'Host'>): readonly Assignment[] {
  const found = new Map<WorkloadId, Assignment>()
  for (const [i, written] of (context.doc.spec.workloads ?? []).entries()) {
    const { workload, replicas } = typeof written === 'string' ? { workload: written, replicas: 1 } : written
    const path = ['workloads', i]
    const [enclave = '', name = ''] = workload.split('/')
    if (!context.declared.hasIn('Workload', enclave, name)) {
      const help = didYouMean(name, context.declared.namesIn('Workload', enclave)) ?? 'add the Workload, or correct the name'
      context.problem(path, 'unknown-reference', `no workload ${quote(workload)}`, help, workload)
    } else if (found.has(workload as WorkloadId)) {
      context.problem(path, 'duplicate-name', `${quote(workload)} is assigned to this host twice`, 'write it once, with `replicas`', workload)
    } else found.set(workload as WorkloadId, { workload: workload as WorkloadId, replicas, at: context.place(path) })
  }
  return [...found.values()].sort((a, b) => compareText(a.workload, b.workload))
}

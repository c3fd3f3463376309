/** Guardrails and policy tests, from documents that their schemas accept. */
import { quote } from '../../base/diagnostic.ts'
import { didYouMean } from '../../base/suggest.ts'
import { isProtocol } from '../../net/protocol.ts'
import { parseOutside, parseReference } from '../lexical.ts'
import { trafficOf } from './policies.ts'
import { each, resolve, resolveScopes } from './references.ts'
import type { Assertion, FlowEnd, Guardrail, PolicyTest, PolicyTestCase, Workload, WorkloadId } from '../platform.ts'
import type { SpecOf } from '../schema/kinds.ts'
import type { Path } from '../source.ts'
import type { Context } from './context.ts'
import type { WrittenRef, WrittenRefs } from './references.ts'

export function buildGuardrail(context: Context<'Guardrail'>): Guardrail | undefined {
  const assertion = assertionOf(context)
  return assertion === undefined ? undefined : { kind: 'Guardrail', name: context.doc.name, at: context.doc.at, ...assertion }
}

function assertionOf(context: Context<'Guardrail'>): Assertion | undefined {
  const { never, noFlow, onlyVia, isolated, onlyPorts, noExternal, encrypted } = context.doc.spec
  const set = (written: WrittenRefs, ...path: Path) => resolveScopes(context, written, path)
  const pair = (assert: string, of: { readonly source: WrittenRefs; readonly destination: WrittenRefs }) => ({
    source: set(of.source, assert, 'source'),
    destination: set(of.destination, assert, 'destination'),
  })
  if (never !== undefined) return { assert: 'never', ...pair('never', never) }
  if (noFlow !== undefined) return { assert: 'noFlow', ...pair('noFlow', noFlow), relays: noFlow.relays === undefined ? [] : set(noFlow.relays, 'noFlow', 'relays') }
  if (onlyVia !== undefined) return { assert: 'onlyVia', ...pair('onlyVia', onlyVia), via: set(onlyVia.via, 'onlyVia', 'via') }
  if (isolated !== undefined) return { assert: 'isolated', between: isolated.between.map((one, i) => set(one, 'isolated', 'between', i)) }
  if (onlyPorts !== undefined) {
    const allow = onlyPorts.allow.map((one, i) => trafficOf(context, one, ['onlyPorts', 'allow', i]))
    return { assert: 'onlyPorts', ...pair('onlyPorts', onlyPorts), allow }
  }
  if (noExternal !== undefined) {
    return { assert: 'noExternal', workloads: set(noExternal.workloads, 'noExternal', 'workloads'), direction: noExternal.direction ?? 'both' }
  }
  if (encrypted !== undefined) return { assert: 'encrypted', between: encrypted.between.map((one, i) => set(one, 'encrypted', 'between', i)) }
  return undefined
}

/** Needs all workloads: a wildcard in a test stands for each of its members, and a port name for what they declare. */
export function buildTest(context: Context<'PolicyTest'>, workloads: ReadonlyMap<WorkloadId, Workload>): PolicyTest {
  const { name, spec, at } = context.doc
  const cases = (['allow', 'deny'] as const).flatMap((expect) =>
    (spec[expect] ?? []).flatMap((written, i) => casesOf(context, workloads, expect, written, [expect, i])),
  )
  return { kind: 'PolicyTest', name, cases, at }
}

type WrittenCase = NonNullable<SpecOf<'PolicyTest'>['allow']>[number]

function casesOf(context: Context, workloads: ReadonlyMap<WorkloadId, Workload>, expect: 'allow' | 'deny', written: WrittenCase, path: Path): readonly PolicyTestCase[] {
  const { protocol } = written
  if (!isProtocol(protocol)) return []
  const at = context.place(path)
  const sources = endsOf(context, workloads, written.source, [...path, 'source'])
  const destinations = endsOf(context, workloads, written.destination, [...path, 'destination'])
  const ports = written.port === undefined ? [undefined] : Array.isArray(written.port) ? written.port : [written.port]
  const cases = sources.flatMap((source) =>
    destinations.flatMap((destination) => {
      // A wildcard never means a workload and itself.
      if ((source.wild || destination.wild) && sameWorkload(source.end, destination.end)) return []
      return ports.flatMap((port) =>
        numbersOf(workloads, destination.end, protocol, port).map((number): PolicyTestCase => ({
          expect,
          flow: { source: source.end, destination: destination.end, protocol, port: number, phase: written.phase },
          at,
        })),
      )
    }),
  )
  // Each named port has to say something; a test that asks nothing would always pass.
  ports.forEach((port, i) => {
    if (typeof port !== 'string' || destinations.length === 0) return
    if (destinations.some(({ end }) => numbersOf(workloads, end, protocol, port).length > 0)) return
    const help = 'write the number, or declare the port in the Workload'
    context.problem([...path, 'port', ...(Array.isArray(written.port) ? [i] : [])], 'unknown-port-name', `no destination declares the ${protocol} port ${quote(port)}`, help, port)
  })
  return cases
}

interface End {
  readonly end: FlowEnd
  readonly wild: boolean
}

function endsOf(context: Context, workloads: ReadonlyMap<WorkloadId, Workload>, written: string | WrittenRef | readonly (string | WrittenRef)[], path: Path): readonly End[] {
  return each<string | WrittenRef>(written, path).flatMap(([one, at]): readonly End[] => {
    const outside = typeof one === 'string' && parseReference(one) === undefined ? parseOutside(one) : undefined
    if (outside !== undefined) {
      return [{ wild: false, end: outside.form === 'address' ? { kind: 'address', address: outside.address } : { kind: 'name', name: outside.name } }]
    }
    if (typeof one === 'string' && parseReference(one) === undefined) {
      const help = didYouMean(one, context.declared.names('Workload')) ?? 'allowed: `workload`, `enclave/workload`, `enclave/*`, `external:NAME`, `peer:NAME/enclave/workload`, an address, a domain name'
      context.problem(at, 'invalid-reference', `${quote(one)} is neither a reference nor an address nor a domain name`, help, one)
      return []
    }
    const ref = resolve(context, one, at)
    switch (ref?.kind) {
      case undefined:
        return []
      case 'workload':
        return [{ wild: false, end: { kind: 'workload', workload: ref.workload } }]
      case 'external':
        return [{ wild: false, end: { kind: 'external', external: ref.external } }]
      case 'peer':
        return [{ wild: false, end: { kind: 'peer', peer: ref.peer, enclave: ref.enclave, workload: ref.workload } }]
      case 'enclave':
        return members(workloads, (w) => w.enclave === ref.enclave)
      case 'labels':
        return members(workloads, (w) => w.enclave === ref.enclave && [...ref.labels].every(([k, v]) => w.labels.get(k) === v))
      default:
        context.problem(at, 'invalid-reference', `${quote(String(one))} cannot be an end of a test`, 'name workloads, `enclave/*`, labels, or an outside end')
        return []
    }
  })
}

function members(workloads: ReadonlyMap<WorkloadId, Workload>, which: (workload: Workload) => boolean): readonly End[] {
  return [...workloads.values()].filter(which).map((w) => ({ wild: true, end: { kind: 'workload', workload: w.id } }))
}

function numbersOf(workloads: ReadonlyMap<WorkloadId, Workload>, destination: FlowEnd, protocol: string, port: string | number | undefined): readonly (number | undefined)[] {
  if (typeof port !== 'string') return [port]
  const workload = destination.kind === 'workload' ? workloads.get(destination.workload) : undefined
  return (workload?.ports ?? []).filter((p) => p.name === port && p.protocol === protocol).map((p) => p.port)
}

function sameWorkload(a: FlowEnd, b: FlowEnd): boolean {
  return a.kind === 'workload' && b.kind === 'workload' && a.workload === b.workload
}

/** The diff of two random sets against the verdicts of the reference on both. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { diff } from '../analysis/diff.ts'
import { widens } from '../analysis/change.ts'
import { lint } from '../analysis/lint.ts'
import { documentOf, whatIf } from '../analysis/what-if.ts'
import { compile } from '../intent/compile.ts'
import { referenceDecide } from './reference.ts'
import { changeHolds } from './testing/change-holds.ts'
import { twoSets } from './testing/two-sets.ts'
import { flowsFrom, flowTapes } from './testing/arbitrary-flow.ts'
import { formatFlow } from './testing/flow-text.ts'
import { allPolicies, brokerPort } from '../model/platform.ts'
import { platformOf } from './testing/load.ts'
import { naiveGraph } from './testing/naive-graph.ts'
import type { Flow, FlowEnd, Platform, Policy } from '../model/platform.ts'

const flowsEach = 60

test('a diff tells of every flow whose verdict changes, with its direction, and of no other', () => {
  const seen = { opened: 0, closed: 0, same: 0, pairs: 0 }
  fc.assert(
    fc.property(twoSets(), flowTapes(flowsEach), flowTapes(flowsEach), ({ before, after }, tape, other) => {
      const [old, fresh] = [platformOf(before), platformOf(after)]
      if (old === undefined || fresh === undefined) return
      seen.pairs++
      const { changes } = diff({ platform: old, intent: compile(old).intent }, { platform: fresh, intent: compile(fresh).intent }, before.now)
      // That a flow is carried in another way is for the next test.
      const withoutCarriage = changes.map((change) => ({ ...change, pieces: change.pieces.filter(({ condition: { kind } }) => kind !== 'clear' && kind !== 'encrypted') }))
      for (const flow of [...flowsFrom(old, tape, flowsEach), ...flowsFrom(fresh, other, flowsEach)]) {
        const was = referenceDecide(old, flow, before.now)
        const is = referenceDecide(fresh, flow, before.now)
        const told: ReadonlySet<string> = new Set((was === is ? withoutCarriage : changes).filter((change) => changeHolds(change, flow, old, fresh)).map(({ kind }) => (kind === 'opened' || kind === 'widened' ? 'more' : 'less')))
        const text = `${was} to ${is}: ${formatFlow(flow)}`
        // An External is no end of a packet: what it holds is. Requests are judged behind the name, where a flow says nothing of them.
        if (flow.source.kind === 'external' || flow.destination.kind === 'external') continue
        if (flow.destination.kind === 'name' && was === 'allow' && is === 'allow') continue
        // To connect to a broker and to speak there are two things, of which a flow shows the one.
        if (was === 'allow' && is === 'allow' && toBroker(old, flow)) continue
        if (was === is) assert.deepEqual([...told], [], text)
        else assert.deepEqual([...told], [is === 'allow' ? 'more' : 'less'], text)
        seen[was === is ? 'same' : is === 'allow' ? 'opened' : 'closed']++
      }
    }),
    { numRuns: 400, endOnFailure: true },
  )
  assert.ok(seen.pairs > 150 && seen.opened > 100 && seen.closed > 100, JSON.stringify(seen))
})

function toBroker({ workloads }: Platform, { destination, protocol, port }: Flow): boolean {
  const at = destination.kind === 'workload' ? workloads.get(destination.workload) : undefined
  return protocol === 'tcp' && at?.broker !== undefined && at.ports.some((each) => each.name === brokerPort && each.port === port)
}

test('a policy that no longer requires encryption widens what no other keeps encrypted, and the other way round narrows it', () => {
  const seen = { bared: 0, kept: 0 }
  fc.assert(
    fc.property(twoSets(), ({ before }) => {
      const platform = platformOf(before)
      if (platform === undefined) return
      for (const policy of platform.servicePolicies.filter(({ traffic }) => traffic.protocol === 'tcp' && traffic.messages === undefined)) {
        const having = (encryption: 'required' | undefined): Platform =>
          ({ ...platform, servicePolicies: platform.servicePolicies.map((p) => (p === policy ? { ...p, encryption } : p)) })
        const [hidden, bare] = [having('required'), having(undefined)]
        const { intent } = compile(hidden)
        const sets = { hidden: { platform: hidden, intent }, bare: { platform: bare, intent: compile(bare).intent } }
        const [less, more] = [diff(sets.bare, sets.hidden, before.now).changes, diff(sets.hidden, sets.bare, before.now).changes]
        for (const { source, destination, ports, via } of intent.paths) {
          if (via.kind !== 'mutual-tls') continue
          const flow: Flow = { source: source as FlowEnd, destination: destination as FlowEnd, protocol: 'tcp', port: ports[0]?.from, phase: undefined }
          // What a group's membership opens has no policy that could require anything, so the reference cannot tell the two apart.
          if (referenceDecide({ ...hidden, servicePolicies: [], federationPolicies: [] }, flow, before.now) === 'allow') continue
          const bared = isEncrypted(hidden, flow, before.now) && !isEncrypted(bare, flow, before.now)
          seen[bared ? 'bared' : 'kept']++
          for (const [changes, kind] of [[more, 'widened'], [less, 'narrowed']] as const) {
            assert.deepEqual(changes.filter((change) => changeHolds(change, flow, hidden, bare)).map((change) => change.kind), bared ? [kind] : [], formatFlow(flow))
          }
        }
      }
    }),
    { numRuns: 150, endOnFailure: true },
  )
  assert.ok(seen.bared > 30 && seen.kept > 30, JSON.stringify(seen))
})

test('a pair is opened when nothing could travel before, closed when nothing can any more, and widened or narrowed otherwise', () => {
  const seen = { opened: 0, widened: 0, narrowed: 0, closed: 0 }
  fc.assert(
    fc.property(twoSets(), ({ before, after }) => {
      const [old, fresh] = [platformOf(before), platformOf(after)]
      if (old === undefined || fresh === undefined) return
      const carries = (platform: Platform): ((source: string, destination: string) => boolean) => {
        const graph = naiveGraph(platform, before.now)
        const node = (text: string): number => graph.ends.findIndex((end) => end.text === text)
        return (source, destination) => graph.carried(node(source), node(destination)).length > 0
      }
      const [had, has] = [carries(old), carries(fresh)]
      const { changes } = diff({ platform: old, intent: compile(old).intent }, { platform: fresh, intent: compile(fresh).intent }, before.now)
      for (const { kind, source, destination } of changes) {
        if (source.kind !== 'workload' || destination.kind !== 'workload') continue
        seen[kind]++
        const [was, is] = [had(source.text, destination.text), has(source.text, destination.text)]
        const expected = kind === 'opened' || kind === 'widened' ? (was ? 'widened' : 'opened') : is ? 'narrowed' : 'closed'
        assert.equal(kind, expected, `${source.text} -> ${destination.text}`)
      }
    }),
    { numRuns: 150, endOnFailure: true },
  )
  assert.ok(seen.opened + seen.closed > 1 && seen.widened + seen.narrowed > 10, JSON.stringify(seen))
})

test('a set does not differ from itself, whatever its policies are called and in whatever order they come', () => {
  fc.assert(
    fc.property(twoSets(), ({ before }) => {
      const platform = platformOf(before)
      if (platform === undefined) return
      const renamed = renamePolicies(platform)
      const found = diff({ platform, intent: compile(platform).intent }, { platform: renamed, intent: compile(renamed).intent }, before.now)
      assert.deepEqual(found.changes, [])
      assert.ok(!widens(found))
    }),
    { numRuns: 100, endOnFailure: true },
  )
})

test('what a proposal would change is what the diff of both whole sets says', () => {
  let compared = 0
  fc.assert(
    fc.property(twoSets(), fc.nat(), fc.nat(), ({ before }, gone, kept) => {
      const platform = platformOf(before)
      if (platform === undefined) return
      const policies = allPolicies(platform)
      if (policies.length < 2) return
      // The smaller set lacks two policies; the proposal removes one that it has and adds one of those.
      const [a, b] = [policies[gone % policies.length], policies[kept % policies.length]]
      if (a === undefined || b === undefined || a === b) return
      const without = (...some: readonly Policy[]): Platform => dropPolicies(platform, new Set(some.map(documentOf)))
      const [base, target] = [without(a), without(b)]
      compared++
      const whole = diff({ platform: base, intent: compile(base).intent }, { platform: target, intent: compile(target).intent }, before.now)
      assert.deepEqual(whatIf(base, compile(base).intent)({ add: [a], remove: [b] }, before.now), whole)
    }),
    { numRuns: 300, endOnFailure: true },
  )
  assert.ok(compared > 100, String(compared))
})

test('what lint calls contained or empty can go without any flow being decided otherwise', () => {
  let tried = 0
  const property = fc.property(twoSets(), flowTapes(30), ({ before }, tape) => {
    const platform = platformOf(before)
    if (platform === undefined) return
    const idle = new Map(lint(platform, compile(platform).intent, before.now, 0).filter((d) => d.code === 'contained' || d.code === 'opens-nothing').map((d) => [`${d.at.file}:${d.at.line}`, d]))
    const policies = allPolicies(platform)
    for (const policy of policies.filter(({ at }) => idle.has(`${at.file}:${at.line}`))) {
      tried++
      const without = dropPolicies(platform, new Set([documentOf(policy)]))
      for (const flow of flowsFrom(platform, tape, 30)) {
        if (flow.source.kind === 'external' || flow.destination.kind === 'external') continue
        assert.equal(referenceDecide(without, flow, before.now), referenceDecide(platform, flow, before.now), `${documentOf(policy)}: ${formatFlow(flow)}`)
      }
    }
  })
  fc.assert(property, { numRuns: 300, endOnFailure: true })
  assert.ok(tried > 30, String(tried))
})

/** Whether a document that requires encryption opens this flow between two workloads: then it travels encrypted whatever opens it beside. */
function isEncrypted(platform: Platform, flow: Flow, now: number): boolean {
  if (flow.source.kind !== 'workload' || flow.destination.kind !== 'workload' || flow.protocol !== 'tcp') return false
  const required = <P extends { readonly encryption: 'required' | undefined }>(policies: readonly P[]): readonly P[] => policies.filter(({ encryption }) => encryption !== undefined)
  const some = { ...platform, servicePolicies: required(platform.servicePolicies), federationPolicies: required(platform.federationPolicies) }
  return referenceDecide(some, flow, now) === 'allow'
}

function renamePolicies(platform: Platform): Platform {
  const rename = <P extends Policy>(policies: readonly P[]): readonly P[] => policies.map((policy) => ({ ...policy, name: `z-${policy.name}` })).reverse()
  return {
    ...platform,
    servicePolicies: rename(platform.servicePolicies), egressPolicies: rename(platform.egressPolicies),
    ingressPolicies: rename(platform.ingressPolicies), federationPolicies: rename(platform.federationPolicies),
  }
}

function dropPolicies(platform: Platform, gone: ReadonlySet<string>): Platform {
  const kept = <P extends Policy>(policies: readonly P[]): readonly P[] => policies.filter((policy) => !gone.has(documentOf(policy)))
  return {
    ...platform,
    servicePolicies: kept(platform.servicePolicies), egressPolicies: kept(platform.egressPolicies),
    ingressPolicies: kept(platform.ingressPolicies), federationPolicies: kept(platform.federationPolicies),
  }
}

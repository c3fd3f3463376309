/** Proofs and reach against chains that the reference evaluator finds pair by pair. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { judgeGuardrails } from '../analysis/guardrails.ts'
import { reach } from '../analysis/reach.ts'
import { compile } from '../intent/compile.ts'
import { place, scope, traffic } from '../model/testing.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { choicesFrom, tapes } from './testing/choices.ts'
import { platformOf } from './testing/load.ts'
import { areTwins, naiveGraph } from './testing/naive-graph.ts'
import type { Assertion, FederationHalf, Guardrail, Platform, Scope } from '../model/platform.ts'
import type { Choices } from './testing/choices.ts'
import type { Carried, NaiveGraph } from './testing/naive-graph.ts'

const allowed: readonly (readonly [text: string, holds: (carried: Carried) => boolean])[] = [
  ['tcp 80', ({ protocol, port }) => protocol === 'tcp' && port === 80],
  ['tcp 1-8000', ({ protocol, port }) => protocol === 'tcp' && port !== undefined && port <= 8000],
  ['udp any', ({ protocol }) => protocol === 'udp'],
  ['icmp', ({ protocol }) => protocol === 'icmp'],
  ['any', () => true],
]

test('a guardrail of each form holds exactly where no chain of allowed flows breaks it, and its counterexample is a chain of such flows', () => {
  const seen = new Map<string, { holds: number; broken: number }>()
  let saved = 0
  const property = fc.property(documentSets(), tapes(120, 120), (set, tape) => {
    const platform = platformOf(set)
    if (platform === undefined) return
    const graph = naiveGraph(platform, -Infinity)
    const guardrails = assertions(choicesFrom(tape), graph).map((assertion, i): Guardrail => ({ kind: 'Guardrail', name: `g${i}`, at: place(i + 1), ...assertion }))
    const inTheClear = remembered(() => naiveGraph(withoutEncryption(platform), -Infinity))
    const { intent } = compile(platform)
    for (const { guardrail, broken } of judgeGuardrails({ ...platform, guardrails }, intent)) {
      const expected = breaks(platform, guardrail.assert === 'encrypted' ? inTheClear() : graph, guardrail)
      assert.equal(broken !== undefined, expected, JSON.stringify(guardrail))
      if (guardrail.assert === 'encrypted' && expected !== breaks(platform, graph, guardrail)) saved++
      const counts = seen.get(guardrail.assert) ?? { holds: 0, broken: 0 }
      seen.set(guardrail.assert, counts)
      counts[expected ? 'broken' : 'holds']++
      for (const { path } of broken ?? []) assert.ok(intent.paths.includes(path))
    }
  })
  fc.assert(property, { numRuns: 150, endOnFailure: true })
  for (const [form, { holds, broken }] of seen) assert.ok(holds >= 15 && broken >= 15, `${form}: ${holds} hold, ${broken} are broken`)
  assert.equal(seen.size, 7)
  assert.ok(saved > 0, 'no guardrail held for the encryption that a policy requires')
})

test('what is reached, and what reaches, is what chains of allowed flows lead to, each by a shortest chain', () => {
  let reached = 0
  const property = fc.property(documentSets(), fc.nat(), fc.boolean(), (set, which, forward) => {
    const platform = platformOf(set)
    if (platform === undefined) return
    const graph = naiveGraph(platform, set.now)
    const { ends } = graph
    const start = which % ends.length
    const asked = ends[start]
    if (asked === undefined || asked.end.kind === 'peer') return
    const next = (node: number): readonly number[] => ends.flatMap((_, other) => (steps(graph, forward ? node : other, forward ? other : node) ? [other] : []))
    const lengths = forward ? levels(next, [start]) : backwards(graph, start)
    const found = reach(platform, compile(platform).intent, [asked.end], forward ? 'from' : 'to', set.now).reached
    const told = new Map(found.map(({ end, chain }) => [end, chain.length]))
    for (const [node, end] of ends.entries()) {
      // A peer's workload is also reached as a part of its enclave, which is then what is told; and nobody reaches itself.
      if (node === start || end.end.kind === 'peer' || graph.twins(start).includes(node)) continue
      assert.equal(told.get(end.text), lengths.get(node), `${asked.text} ${forward ? 'to' : 'from'} ${end.text}`)
      if (lengths.has(node)) reached++
    }
  })
  fc.assert(property, { numRuns: 150, endOnFailure: true })
  assert.ok(reached > 200, String(reached))
})

/** An edge of the node itself or of one of its twins. */
function steps(graph: NaiveGraph, from: number, to: number): boolean {
  return [from, ...graph.twins(from)].some((one) => one !== to && graph.carried(one, to).length > 0)
}

function levels(next: (node: number) => readonly number[], from: readonly number[]): ReadonlyMap<number, number> {
  const lengths = new Map(from.map((node) => [node, 0]))
  for (let level = [...from], length = 1; level.length > 0; length++) {
    level = [...new Set(level.flatMap(next))].filter((node) => !lengths.has(node))
    for (const node of level) lengths.set(node, length)
  }
  return lengths
}

/** What is open without the documents that require encryption is open in the clear, whatever they open beside it. */
function withoutEncryption(platform: Platform): Platform {
  // Paths to and from a Peer are judged by their ends.
  const withPeer = ({ source, destination }: FederationHalf): boolean => [...source, ...destination].some((ref) => ref.kind === 'peer')
  return {
    ...platform,
    servicePolicies: platform.servicePolicies.filter(({ encryption }) => encryption === undefined),
    federationPolicies: platform.federationPolicies.map((policy) =>
      policy.encryption === undefined ? policy : { ...policy, imports: policy.imports.filter(withPeer), exports: policy.exports.filter(withPeer) }),
  }
}

function remembered<T>(work: () => T): () => T {
  let known: { readonly value: T } | undefined
  return () => (known ??= { value: work() }).value
}

/** Twins stand at the far end of an edge here, because the chain is followed from its end. */
function backwards(graph: NaiveGraph, to: number): ReadonlyMap<number, number> {
  return levels((node) => graph.ends.flatMap((_, other) => ([node, ...graph.twins(node)].some((one) => one !== other && graph.carried(other, one).length > 0) ? [other] : [])), [to])
}

function assertions(choices: Choices, graph: NaiveGraph): readonly Assertion[] {
  const some = (): readonly Scope[] => Array.from({ length: choices.between(1, 2) }, () => scope(choices.pick([...graph.ends.map(({ text }) => text), 'alpha/*', 'beta/*', '*', 'external:*'])))
  return [
    { assert: 'never', source: some(), destination: some() },
    { assert: 'noFlow', source: some(), destination: some(), relays: some() },
    { assert: 'onlyVia', source: some(), destination: some(), via: some() },
    { assert: 'isolated', between: [some(), some(), some()] },
    { assert: 'onlyPorts', source: some(), destination: some(), allow: choices.some(allowed, 1, 2).map(([text]) => traffic(text)) },
    { assert: 'noExternal', workloads: some(), direction: choices.pick(['in', 'out', 'both']) },
    { assert: 'encrypted', between: [some(), some()] },
    ...linked(choices, graph),
  ]
}

/** Two ends that have something to do with each other: for most two a statement about encryption holds for want of a path. */
function linked(choices: Choices, graph: NaiveGraph): readonly Assertion[] {
  const pairs = graph.ends.flatMap((from, i) => graph.ends.flatMap((to, j) => (i !== j && graph.carried(i, j).length > 0 ? [[from.text, to.text]] : [])))
  return pairs.length === 0 ? [] : [{ assert: 'encrypted', between: choices.pick(pairs).map((text) => [scope(text)]) }]
}

function breaks(platform: Platform, graph: NaiveGraph, guardrail: Guardrail): boolean {
  // What has no path of its own is no node: it would only be another name for its twins.
  const nodes = (scopes: readonly Scope[]): readonly number[] =>
    graph.ends.flatMap((_, node) => (hasPaths(graph, node) && scopes.some((one) => means(platform, graph, one, node)) ? [node] : []))
  const chain = (from: readonly number[], to: readonly number[], gone: readonly number[] = [], relays: readonly number[] = [], bothWays = false): boolean =>
    from.some((start) => !gone.includes(start) && to.some((end) => end !== start && leads(graph, start, end, gone, relays, bothWays)))
  switch (guardrail.assert) {
    case 'never':
      return chain(nodes(guardrail.source), nodes(guardrail.destination))
    case 'noFlow':
      return chain(nodes(guardrail.source), nodes(guardrail.destination), [], nodes(guardrail.relays), true)
    case 'onlyVia':
      return chain(nodes(guardrail.source), nodes(guardrail.destination), nodes(guardrail.via))
    case 'isolated':
      return guardrail.between.some((a, i) => guardrail.between.some((b, j) => i !== j && chain(nodes(a), nodes(b))))
    case 'noExternal': {
      const [inside, outside] = [nodes(guardrail.workloads), nodes([scope('external:*')])]
      return (guardrail.direction !== 'in' && chain(inside, outside)) || (guardrail.direction !== 'out' && chain(outside, inside))
    }
    case 'onlyPorts': {
      const texts = guardrail.allow.map((spec) => allowed.find(([text]) => JSON.stringify(traffic(text)) === JSON.stringify(spec)))
      const fits = (carried: Carried): boolean => texts.some((one) => one?.[1](carried))
      return nodes(guardrail.source).some((s) => nodes(guardrail.destination).some((d) => graph.carried(s, d).some((carried) => !fits(carried))))
    }
    case 'encrypted': {
      const isPeer = (node: number): boolean => graph.ends[node]?.end.kind === 'peer'
      const plain = (s: number, d: number): boolean => graph.carried(s, d).some(({ protocol }) => protocol !== 'tcp' || !(isPeer(s) || isPeer(d)))
      return guardrail.between.some((a, i) => guardrail.between.some((b, j) => i !== j && nodes(a).some((s) => nodes(b).some((d) => plain(s, d)))))
    }
  }
}

function hasPaths(graph: NaiveGraph, node: number): boolean {
  return graph.ends.some((_, other) => graph.carried(node, other).length > 0 || graph.carried(other, node).length > 0)
}

function leads(graph: NaiveGraph, start: number, end: number, gone: readonly number[], relays: readonly number[], bothWays: boolean): boolean {
  const next = (node: number): readonly number[] => {
    if (node !== start && relays.includes(node)) return []
    const here = [node, ...graph.twins(node)].filter((one) => !gone.includes(one))
    return graph.ends.flatMap((_, other) =>
      !gone.includes(other) && here.some((one) => graph.carried(one, other).length > 0 || (bothWays && graph.carried(other, one).length > 0)) ? [other] : [],
    )
  }
  return levels(next, [start]).has(end)
}

function means(platform: Platform, graph: NaiveGraph, of: Scope, node: number): boolean {
  const end = graph.ends[node]?.end
  if (end === undefined) return false
  switch (of.kind) {
    case 'workload':
      return end.kind === 'workload' && end.workload === of.workload
    case 'enclave':
      return end.kind === 'workload' && end.workload.startsWith(`${of.enclave}/`)
    case 'every-workload':
      return end.kind === 'workload'
    case 'every-external':
      return end.kind === 'external'
    case 'external':
      return end.kind === 'external' && (end.external === of.external || areTwins(platform, end, { kind: 'external', external: of.external }))
    case 'peer':
      return end.kind === 'peer' && end.peer === of.peer && end.enclave === of.enclave && (end.workload === of.workload || end.workload === '*' || of.workload === '*')
    default:
      throw new TypeError(`not drawn here: ${of.kind}`)
  }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compile } from '../intent/compile.ts'
import { formatEnd } from '../intent/format.ts'
import { anyPlatform } from '../intent/testing.ts'
import { egress, external, federation, ingress, place, platformOf, scope, service, traffic, workload } from '../model/testing.ts'
import { endsOf, shortestChain } from './chain.ts'
import { graphOf } from './graph.ts'
import { guardrailDiagnostics, judgeGuardrails } from './guardrails.ts'
import type { Assertion, Guardrail, Platform, ServicePolicy } from '../model/platform.ts'
import type { ChainQuery } from './chain.ts'
import type { Graph } from './graph.ts'

const scopes = (texts: readonly string[]): ReturnType<typeof scope>[] => texts.map(scope)
const never = (source: readonly string[], destination: readonly string[]): Assertion => ({ assert: 'never', source: scopes(source), destination: scopes(destination) })
const noFlow = (source: readonly string[], destination: readonly string[], relays: readonly string[] = []): Assertion => ({
  assert: 'noFlow', source: scopes(source), destination: scopes(destination), relays: scopes(relays),
})
const onlyVia = (source: readonly string[], destination: readonly string[], via: readonly string[]): Assertion => ({
  assert: 'onlyVia', source: scopes(source), destination: scopes(destination), via: scopes(via),
})
const isolated = (...between: readonly (readonly string[])[]): Assertion => ({ assert: 'isolated', between: between.map(scopes) })

const onlyPorts = (source: readonly string[], destination: readonly string[], ...allow: readonly string[]): Assertion => ({
  assert: 'onlyPorts', source: scopes(source), destination: scopes(destination), allow: allow.map(traffic),
})
const noExternal = (workloads: readonly string[], direction: 'in' | 'out' | 'both' = 'both'): Assertion => ({ assert: 'noExternal', workloads: scopes(workloads), direction })
const encrypted = (...between: readonly (readonly string[])[]): Assertion => ({ assert: 'encrypted', between: between.map(scopes) })

const base = platformOf({
  workloads: ['a/x', 'a/y', 'a/z', 'b/x', 'b/y', 'hub/relay'].map((id) => workload(id as 'a/x', { segment: id.startsWith('b/') ? 'cold' : undefined })),
  externals: [
    external('internet', ['0.0.0.0/0']), external('office', ['203.0.113.0/24']), external('pypi', ['*.pypi.org']), external('simple', ['simple.pypi.org']),
  ],
})

function withPolicies(...policies: readonly (readonly [source: string, destination: string])[]): Platform {
  const servicePolicies = policies.flatMap(([s, d], i) => (owner(s) === owner(d) ? [service(`${owner(s)}/p${i}`, s, d, 'tcp 80', { at: place(i + 1) })] : []))
  const egressPolicies = policies.flatMap(([s, d], i) => (d.startsWith('external:') ? [egress(`${owner(s)}/p${i}`, s, d, 'tcp 443', { at: place(i + 1) })] : []))
  const ingressPolicies = policies.flatMap(([s, d], i) => (s.startsWith('external:') ? [ingress(`${owner(d)}/p${i}`, s, d, 'tcp 443', undefined, { at: place(i + 1) })] : []))
  const federationPolicies = policies.flatMap(([s, d], i) => {
    if (owner(s) === owner(d) || s.startsWith('external:') || d.startsWith('external:')) return []
    const halves = []
    if (!s.startsWith('peer:')) halves.push(federation(`${owner(s)}/i${i}`, { imports: [[s, d, 'tcp 80']] }, { at: place(i + 1) }))
    if (!d.startsWith('peer:')) halves.push(federation(`${owner(d)}/e${i}`, { exports: [[s, d, 'tcp 80']] }, { at: place(i + 1) }))
    return halves
  })
  return { ...base, servicePolicies, egressPolicies, ingressPolicies, federationPolicies }
}

function owner(text: string): string {
  return text.split('/')[0] ?? ''
}

function judge(platform: Platform, assertion: Assertion): readonly string[] | 'holds' {
  const guardrail: Guardrail = { kind: 'Guardrail', name: 'g', at: place(99), ...assertion }
  const [result] = judgeGuardrails({ ...platform, guardrails: [guardrail] }, compile(platform).intent)
  return result?.broken?.map(({ path, forward }) => (forward ? `${formatEnd(path.source)} -> ${formatEnd(path.destination)}` : `${formatEnd(path.destination)} <- ${formatEnd(path.source)}`)) ?? 'holds'
}

const rows: readonly (readonly [title: string, policies: readonly (readonly [string, string])[], assertion: Assertion, expected: readonly string[] | 'holds'])[] = [
  ['never holds where there is no path', [], never(['a/*'], ['b/*']), 'holds'],
  ['never is broken by one path', [['a/x', 'b/x']], never(['a/*'], ['b/*']), ['a/x -> b/x']],
  ['never does not mind the other direction', [['b/x', 'a/x']], never(['a/*'], ['b/*']), 'holds'],
  ['never follows any number of hops', [['a/x', 'a/y'], ['a/y', 'hub/relay'], ['hub/relay', 'b/x']], never(['a/x'], ['b/*']), ['a/x -> a/y', 'a/y -> hub/relay', 'hub/relay -> b/x']],
  ['never shows the shortest chain', [['a/x', 'a/y'], ['a/y', 'b/x'], ['a/x', 'b/y']], never(['a/x'], ['b/*']), ['a/x -> b/y']],
  ['of equally short chains it shows the first by name', [['a/y', 'b/y'], ['a/x', 'b/y'], ['a/x', 'b/x']], never(['a/*'], ['b/*']), ['a/x -> b/x']],
  ['a chain goes on through an External', [['a/x', 'external:office'], ['external:office', 'b/x']], never(['a/*'], ['b/*']), ['a/x -> external:office', 'external:office -> b/x']],
  ['a chain goes on from another External that overlaps', [['a/x', 'external:office'], ['external:internet', 'b/x']], never(['a/*'], ['b/*']), ['a/x -> external:office', 'external:internet -> b/x']],
  ['but not from one that shares nothing', [['a/x', 'external:office'], ['external:pypi', 'b/x']], never(['a/*'], ['b/*']), 'holds'],
  ['a chain goes on through a peer', [['a/x', 'peer:lab/q/r'], ['peer:lab/q/r', 'b/x']], never(['a/*'], ['b/*']), ['a/x -> peer:lab/q/r', 'peer:lab/q/r -> b/x']],
  ['a peer\'s wildcard is each of its workloads', [['a/x', 'peer:lab/q/r'], ['peer:lab/q/*', 'b/x']], never(['a/*'], ['b/*']), ['a/x -> peer:lab/q/r', 'peer:lab/q/* -> b/x']],
  ['two workloads of a peer are two', [['a/x', 'peer:lab/q/r'], ['peer:lab/q/s', 'b/x']], never(['a/*'], ['b/*']), 'holds'],
  ['a node in both sets is no chain by itself', [['a/x', 'a/y']], never(['a/x', 'b/x'], ['a/x', 'b/x']), 'holds'],
  ['but a chain between two such nodes is one', [['a/x', 'a/y']], never(['a/*'], ['a/*']), ['a/x -> a/y']],
  ['an External stands for every External that shares an address', [['a/x', 'external:office']], never(['a/*'], ['external:internet']), ['a/x -> external:office']],
  ['and for every External that shares a name', [['a/x', 'external:simple']], never(['a/*'], ['external:pypi']), ['a/x -> external:simple']],
  ['addresses and names share nothing', [['a/x', 'external:pypi']], never(['a/*'], ['external:internet']), 'holds'],
  ['external:* is every External', [['a/x', 'external:pypi']], never(['*'], ['external:*']), ['a/x -> external:pypi']],
  ['a segment means the workloads on it', [['a/x', 'b/x']], never(['*'], ['segment:cold']), ['a/x -> b/x']],
  ['an environment means its enclaves', [['a/x', 'external:pypi']], never(['environment:default'], ['external:*']), ['a/x -> external:pypi']],
  ['a stack means the enclaves of its environments', [['a/x', 'external:pypi']], never(['stack:default'], ['external:*']), ['a/x -> external:pypi']],
  ['an environment without enclaves means nobody', [['a/x', 'external:pypi']], never(['environment:other'], ['external:*']), 'holds'],

  ['noFlow minds the other direction, since replies carry data', [['b/x', 'a/x']], noFlow(['a/*'], ['b/*']), ['a/x <- b/x']],
  ['noFlow finds what two read and write in one place', [['a/x', 'hub/relay'], ['b/x', 'hub/relay']], noFlow(['a/*'], ['b/*']), ['a/x -> hub/relay', 'hub/relay <- b/x']],
  ['noFlow stops at a relay that it names', [['a/x', 'hub/relay'], ['b/x', 'hub/relay']], noFlow(['a/*'], ['b/*'], ['hub/relay']), 'holds'],
  ['a relay does not excuse a direct path', [['a/x', 'hub/relay'], ['b/x', 'hub/relay'], ['a/y', 'b/y']], noFlow(['a/*'], ['b/*'], ['hub/relay']), ['a/y -> b/y']],
  ['nor a path from a source that is a relay itself', [['a/x', 'b/x']], noFlow(['a/*'], ['b/*'], ['a/x', 'b/x']), ['a/x -> b/x']],
  ['a relay does not excuse a way round it', [['a/x', 'hub/relay'], ['hub/relay', 'b/x'], ['a/x', 'external:pypi'], ['b/x', 'external:pypi']], noFlow(['a/*'], ['b/*'], ['hub/relay']), ['a/x -> external:pypi', 'external:pypi <- b/x']],

  ['onlyVia holds where every chain passes', [['a/x', 'hub/relay'], ['hub/relay', 'external:pypi']], onlyVia(['*'], ['external:*'], ['hub/relay']), 'holds'],
  ['onlyVia is broken by a way round', [['a/x', 'hub/relay'], ['hub/relay', 'external:pypi'], ['a/y', 'external:pypi']], onlyVia(['*'], ['external:*'], ['hub/relay']), ['a/y -> external:pypi']],
  ['a source that must be passed may go straight', [['hub/relay', 'external:pypi']], onlyVia(['*'], ['external:*'], ['hub/*']), 'holds'],

  ['isolated sets have no chain either way', [['b/x', 'a/x']], isolated(['a/*'], ['b/*']), ['b/x -> a/x']],
  ['each two of three sets are isolated', [['b/x', 'hub/relay']], isolated(['a/*'], ['b/*'], ['hub/*']), ['b/x -> hub/relay']],
  ['paths inside a set do not matter', [['a/x', 'a/y']], isolated(['a/*'], ['b/*']), 'holds'],
  ['segments can be isolated', [['a/x', 'b/x']], isolated(['segment:cold'], ['hub/*', 'a/*']), ['a/x -> b/x']],
  ['environments can be isolated', [['a/x', 'external:pypi']], isolated(['environment:default'], ['external:*']), ['a/x -> external:pypi']],
  ['stacks can be isolated', [['a/x', 'a/y']], isolated(['stack:default'], ['stack:other']), 'holds'],

  ['onlyPorts holds where nothing else travels', [['a/x', 'a/y']], onlyPorts(['a/*'], ['a/*'], 'tcp 80'), 'holds'],
  ['onlyPorts is broken by another port', [['a/x', 'a/y']], onlyPorts(['a/*'], ['a/*'], 'tcp 81-90', 'udp 80'), ['a/x -> a/y']],
  ['onlyPorts takes several kinds of traffic together', [['a/x', 'a/y']], onlyPorts(['a/*'], ['a/*'], 'tcp 1-79', 'tcp 80', 'icmp'), 'holds'],
  ['onlyPorts does not mind the other direction', [['a/x', 'b/x']], onlyPorts(['b/*'], ['a/*'], 'icmp'), 'holds'],
  ['onlyPorts looks at each path by itself', [['a/x', 'a/y'], ['a/y', 'external:pypi']], onlyPorts(['a/x'], ['external:*'], 'icmp'), 'holds'],
  ['onlyPorts minds every External that overlaps', [['a/x', 'external:internet']], onlyPorts(['a/*'], ['external:office'], 'tcp 80'), ['a/x -> external:internet']],

  ['noExternal follows chains outward', [['a/x', 'a/y'], ['a/y', 'external:pypi']], noExternal(['a/x']), ['a/x -> a/y', 'a/y -> external:pypi']],
  ['noExternal follows chains inward', [['external:office', 'a/y'], ['a/y', 'a/x']], noExternal(['a/x']), ['external:office -> a/y', 'a/y -> a/x']],
  ['noExternal outward does not mind what comes in', [['external:office', 'a/x']], noExternal(['a/*'], 'out'), 'holds'],
  ['noExternal inward does not mind what goes out', [['a/x', 'external:office']], noExternal(['a/*'], 'in'), 'holds'],

  ['encrypted holds between platforms', [['a/x', 'peer:lab/q/r'], ['peer:lab/q/*', 'a/y']], encrypted(['a/*'], ['peer:lab/q/*']), 'holds'],
  ['encrypted is broken by the kernel\'s own paths', [['b/x', 'a/x']], encrypted(['a/*'], ['b/*']), ['b/x -> a/x']],
  ['encrypted is broken by a way out', [['a/x', 'external:pypi']], encrypted(['a/*'], ['external:*']), ['a/x -> external:pypi']],
  ['encrypted minds no path inside a set, and none by way of others', [['a/x', 'a/y'], ['a/y', 'hub/relay'], ['hub/relay', 'b/x']], encrypted(['a/*'], ['b/*']), 'holds'],
  ['isolated sets may use the same service', [['a/x', 'hub/relay'], ['b/x', 'hub/relay']], isolated(['a/*'], ['b/*']), 'holds'],
]

for (const [title, policies, assertion, expected] of rows) {
  test(title, () => {
    assert.deepEqual(judge(withPolicies(...policies), assertion), expected)
  })
}

test('a policy that has expired, or holds in another phase, breaks a guardrail all the same', () => {
  const expired = { ...base, servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 1', { expires: 1 })] }
  assert.deepEqual(judge(expired, never(['a/x'], ['a/y'])), ['a/x -> a/y'])
  const staging = { ...base, egressPolicies: [egress('a/p', 'a/x', 'external:pypi', 'tcp 1', { phases: ['staging'] })] }
  assert.deepEqual(judge(staging, never(['a/x'], ['external:*'])), ['a/x -> external:pypi'])
})

test('onlyPorts takes a port name for what each destination declares', () => {
  const [x, y] = [workload('a/x', { ports: [{ name: 'web', port: 80, protocol: 'tcp' }] }), workload('a/y', { ports: [{ name: 'web', port: 8080, protocol: 'tcp' }] })]
  const platform = platformOf({ workloads: [x, y], servicePolicies: [service('a/p', ['a/x', 'a/y'], 'a/*', 'tcp 80', { at: place(1) })] })
  assert.deepEqual(judge(platform, onlyPorts(['*'], ['a/x'], 'tcp web')), 'holds')
  assert.deepEqual(judge(platform, onlyPorts(['*'], ['a/*'], 'tcp web')), ['a/x -> a/y'])
})

test('a policy that requires encryption is encrypted, until another opens the same in the clear', () => {
  const required = { ...service('a/p', 'a/x', 'a/y', 'tcp 80'), encryption: 'required' } as const
  const set = (...servicePolicies: readonly ServicePolicy[]): Platform => platformOf({ workloads: [workload('a/x'), workload('a/y')], servicePolicies })
  assert.equal(judge(set(required), encrypted(['a/x'], ['a/y'])), 'holds')
  assert.deepEqual(judge(set(required, service('a/q', 'a/x', 'a/y', 'tcp 80')), encrypted(['a/x'], ['a/y'])), ['a/x -> a/y'])
})

test('what a gateway would have to refuse is not encrypted: to a peer only tcp is', () => {
  const platform = { ...base, federationPolicies: [federation('a/p', { imports: [['a/x', 'peer:lab/q/r', 'udp 53']] })] }
  assert.deepEqual(judge(platform, encrypted(['a/*'], ['peer:lab/q/r'])), ['a/x -> peer:lab/q/r'])
})

test('the message of each form says what is wrong before it shows the chain', () => {
  const platform = withPolicies(['a/x', 'a/y'])
  const message = (assertion: Assertion): string => {
    const results = judgeGuardrails({ ...platform, guardrails: [{ kind: 'Guardrail', name: 'g', at: place(99), ...assertion }] }, compile(platform).intent)
    return guardrailDiagnostics(results)[0]?.message.replace(/: a\/x -> .*$/, '') ?? 'holds'
  }
  assert.equal(message(onlyPorts(['a/*'], ['a/*'], 'icmp')), 'guardrail `g` does not hold: `a/x` may send `a/y` more than is allowed')
  assert.equal(message(encrypted(['a/x'], ['a/y'])), 'guardrail `g` does not hold: the path from `a/x` to `a/y` does not use mutual TLS')
})

test('the message names each hop with what may travel and the lines that open it', () => {
  const platform = withPolicies(['a/x', 'hub/relay'], ['hub/relay', 'external:internet'])
  const guardrail: Guardrail = { kind: 'Guardrail', name: 'no-internet', at: place(99), ...never(['a/*'], ['external:internet']) }
  const results = judgeGuardrails({ ...platform, guardrails: [guardrail] }, compile(platform).intent)
  assert.deepEqual(guardrailDiagnostics(results), [
    {
      code: 'guardrail-broken',
      severity: 'error',
      message:
        'guardrail `no-internet` does not hold: there is a way from `a/x` to `external:internet`, over 2 paths: ' +
        'a/x -> hub/relay tcp 80 by FederationPolicy a/i0 (test.yaml:1) with FederationPolicy hub/e0 (test.yaml:1); ' +
        'hub/relay -> external:internet tcp 443 by EgressPolicy hub/p1 (test.yaml:2)',
      at: place(99),
    },
  ])
})

// --- against a plain search ----------------------------------------------------------------------------------

test('the shortest chain is as short as a search from every single source finds, and joins what it should', () => {
  const sets = fc.tuple(fc.array(fc.nat(8), { maxLength: 4 }), fc.array(fc.nat(8), { maxLength: 4 }), fc.array(fc.nat(8), { maxLength: 2 }), fc.array(fc.nat(8), { maxLength: 2 }))
  fc.assert(
    fc.property(anyPlatform, sets, fc.boolean(), (platform, [from, to, gone, stops], bothWays) => {
      const graph = graphOf(platform, compile(platform).intent)
      const pick = (places: readonly number[]): ReadonlySet<number> => new Set(places.filter((place) => place < graph.ends.length))
      const query = { sources: pick(from), destinations: pick(to), without: pick(gone), relays: pick(stops), bothWays }
      const chain = shortestChain(graph, query)
      assert.equal(chain?.length, plainLength(graph, query))
      if (chain === undefined) return
      const { first, last } = endsOf(chain)
      // Twins are two nodes for what may be one system, so a chain may lead from one to the other.
      if (!/^(peer|external):/.test(first)) assert.notEqual(first, last)
      assert.ok(chain.every((hop) => bothWays || hop.forward))
    }),
    { numRuns: 500 },
  )
})

/** From each source by itself, level by level. */
function plainLength(graph: Graph, query: Required<ChainQuery>): number | undefined {
  let least: number | undefined
  for (const source of query.sources) {
    if (query.without.has(source)) continue
    const seen = new Set([source])
    let level = [source]
    for (let length = 1; level.length > 0; length++) {
      const next = new Set<number>()
      for (const node of level) {
        if (node !== source && query.relays.has(node)) continue
        const here = [node, ...graph.twins(node).filter((twin) => !query.without.has(twin))]
        for (const { other } of here.flatMap((one) => [...graph.outward(one), ...(query.bothWays ? graph.inward(one) : [])])) {
          if (!query.without.has(other) && !seen.has(other)) next.add(other)
        }
      }
      for (const node of next) {
        seen.add(node)
        if (query.destinations.has(node) && (least === undefined || length < least)) least = length
      }
      level = [...next]
    }
  }
  return least
}

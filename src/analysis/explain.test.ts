import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../intent/compile.ts'
import { external, egress, federation, flow, place, platformOf, service, workload } from '../model/testing.ts'
import { explain } from './explain.ts'
import { propose } from './proposal.ts'
import type { Explanation } from './explain.ts'
import type { Asked } from '../intent/mismatch.ts'

const platform = platformOf({
  workloads: [workload('a/x'), workload('a/y'), workload('b/z')],
  externals: [external('net', ['203.0.113.0/24'])],
  servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 80', { at: place(4, 'a.yaml') }), service('a/q', 'a/*', 'a/*', 'udp 53', { at: place(8, 'a.yaml') })],
  egressPolicies: [egress('a/out', 'a/x', 'external:net', 'tcp 443', { phases: ['task'], at: place(12, 'a.yaml') })],
  federationPolicies: [
    federation('a/use', { imports: [['a/x', 'b/z', 'tcp 1']] }, { at: place(16, 'a.yaml') }),
    federation('b/offer', { exports: [['a/*', 'b/z', 'tcp 1']] }, { at: place(2, 'b.yaml') }),
  ],
})

function ask(asked: Asked): Explanation {
  return explain(platform, compile(platform).intent, asked, 0)
}

test('an allowed flow names the policy, its place and all that its path carries', () => {
  const policies = [{ kind: 'ServicePolicy', name: 'a/p', file: 'a.yaml', line: 4, column: 1 }]
  assert.deepEqual(ask(flow('a/x -> a/y tcp 80')), {
    verdict: 'allow', source: 'a/x', destination: 'a/y', protocol: 'tcp', port: 80, at: '1970-01-01T00:00:00.000Z',
    policies,
    paths: [{ source: 'a/x', destination: 'a/y', traffic: 'tcp 80', via: 'direct', policies }],
    reason: 'allowed by ServicePolicy a/p (a.yaml:4)',
    boundaries: [{ boundary: 'service', where: 'inside enclave a', verdict: 'allow', policies }],
  })
})

test('a path between enclaves names both halves', () => {
  assert.deepEqual(
    ask(flow('a/x -> b/z tcp 1')).policies.map((p) => `${p.kind} ${p.name} ${p.file}:${p.line}`),
    ['FederationPolicy a/use a.yaml:16', 'FederationPolicy b/offer b.yaml:2'],
  )
})

test('a denied flow has no policies, and says which came nearest', () => {
  const { verdict, policies, nearest } = ask(flow('a/x -> 203.0.113.1 tcp 443'))
  assert.deepEqual({ verdict, policies, nearest }, {
    verdict: 'deny',
    policies: [],
    nearest: {
      policies: [{ kind: 'EgressPolicy', name: 'a/out', file: 'a.yaml', line: 12, column: 1 }],
      mismatches: ['phase'],
      why: 'its `phases` are task, and `a/x` is in running',
    },
  })
})

test('what nobody has declared cannot be opened by a policy alone', () => {
  const why = (asked: Asked): string => {
    const proposed = propose(platform, compile(platform).intent, asked, undefined, 0)
    return proposed.kind === 'impossible' ? proposed.why : 'possible'
  }
  const traffic = { protocol: 'tcp', port: 80, phase: undefined } as const
  const [x, nobody] = [{ kind: 'workload', workload: 'a/x' }, { kind: 'external', external: 'nobody' }] as const
  assert.equal(why({ source: nobody, destination: x, ...traffic }), 'an External `nobody` has to exist first')
  assert.equal(why({ source: x, destination: nobody, ...traffic }), 'an External `nobody` has to exist first')
  assert.equal(why({ source: x, destination: { kind: 'peer', peer: 'p', enclave: 'e', workload: 'w' }, ...traffic }), 'a Peer `p` has to exist first')
})

test('without a port the question is whether anything is allowed', () => {
  const anything = (text: string): Asked => ({ ...flow(`${text} tcp 1`), protocol: undefined, port: undefined })
  assert.deepEqual(ask(anything('a/x -> a/y')).paths.map((p) => p.traffic), ['tcp 80', 'udp 53'])
  assert.equal(ask(anything('a/y -> b/z')).verdict, 'deny')
  assert.equal(ask(anything('a/x -> external:net')).nearest?.why, 'its `phases` are task, and `a/x` is in running')
})

test('each side of an edge between enclaves is told by itself', () => {
  assert.deepEqual(
    ask(flow('a/y -> b/z tcp 1')).boundaries.map(({ where, verdict, why }) => `${where}: ${verdict}${why === undefined ? '' : `, ${why}`}`),
    ['out of enclave a: deny, no FederationPolicy of enclave a imports it', 'into enclave b: allow'],
  )
  assert.deepEqual(ask(flow('a/x -> b/z tcp 2')).boundaries.map(({ why }) => why), [
    'FederationPolicy a/use imports other traffic between these two', 'FederationPolicy b/offer exports other traffic between these two',
  ])
})

test('the way to another platform ends where that platform decides', () => {
  assert.deepEqual(ask(flow('a/x -> peer:lab/q/r tcp 1')).boundaries.map(({ boundary, verdict }) => `${boundary} ${verdict}`), ['enclave deny', 'platform decided elsewhere'])
  assert.deepEqual(ask(flow('a/x -> 203.0.113.1 tcp 443')).boundaries.map(({ boundary, where }) => `${boundary} ${where}`), ['external out of enclave a to 203.0.113.1'])
})

test('two sides that agree on nothing are not both said to allow it, and what would open it is what each of them lacks', () => {
  const set = platformOf({
    workloads: [workload('a/x'), workload('b/z', { ports: [80, 443, { name: 'dns', port: 53, protocol: 'udp' }] })],
    federationPolicies: [federation('a/use', { imports: [['a/x', 'b/z', 'tcp 80']] }), federation('b/offer', { exports: [['a/x', 'b/z', 'tcp 443']] })],
  })
  const { intent } = compile(set)
  const anything: Asked = { ...flow('a/x -> b/z tcp 1'), protocol: undefined, port: undefined }
  const answer = explain(set, intent, anything, 0)
  assert.deepEqual([answer.verdict, ...answer.boundaries.map(({ verdict, why }) => `${verdict} ${why ?? ''}`)], [
    'deny', 'allow ', 'deny FederationPolicy b/offer exports nothing that the other side lets out',
  ])
  const proposed = propose(set, intent, anything, undefined, 0)
  assert.ok(proposed.kind === 'possible')
  assert.deepEqual(proposed.documents.map(({ owner, document: { spec } }) => [owner, spec]), [
    ['a', { imports: [{ source: 'x', destination: 'b/z', protocol: 'tcp', port: 443 }, { source: 'x', destination: 'b/z', protocol: 'udp', port: 53 }] }],
    ['b', { exports: [{ source: 'a/x', destination: 'z', protocol: 'tcp', port: 80 }, { source: 'a/x', destination: 'z', protocol: 'udp', port: 53 }] }],
  ])
})

test('a request is judged in the form in which gateways compare it, and never goes round a prefix', () => {
  const set = platformOf({
    workloads: [workload('a/x')], externals: [external('pypi', ['pypi.org'])],
    egressPolicies: [egress('a/p', 'a/x', 'external:pypi', 'tcp 80', { http: { methods: ['GET'], paths: ['/simple/*', '/about'] } })],
  })
  const { intent } = compile(set)
  const pypi = flow('a/x -> pypi.org tcp 80')
  const ask = (path: string): Explanation => explain(set, intent, pypi, 0, { method: 'GET', path })
  for (const path of ['/simple/six', '/about?x=1', '/%61bout', '/other/../about']) assert.equal(ask(path).verdict, 'allow', path)
  for (const path of ['/simple/../legacy', '/simple/%2e%2e/legacy', '/simple/..%2flegacy', '/about/', '/simple/#x']) assert.equal(ask(path).verdict, 'deny', path)
  assert.match(ask('/simple/../legacy').reason, /does not take GET \/legacy$/)
  const proposed = (path: string): unknown => {
    const found = propose(set, intent, pypi, { method: 'GET', path }, 0)
    return found.kind === 'possible' ? found.documents.map(({ document: { spec } }) => (spec as Record<string, unknown>)['http']) : found.why
  }
  assert.deepEqual(proposed('/simple/../legacy?x=1'), [{ methods: ['GET'], paths: ['/legacy'] }])
  assert.equal(proposed('/simple/..%2flegacy'), 'no policy can name that path')
  assert.equal(proposed('/a*'), 'no policy can name that path')
})

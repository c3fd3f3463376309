/** Random small, crowded platforms and flows between their ends, for properties of the Intent. */
import fc from 'fast-check'
import { egress, external, federation, flow, group, ingress, platformOf, service, workload } from '../model/testing.ts'
import type { Flow, Platform, WorkloadId } from '../model/platform.ts'

const ids: readonly WorkloadId[] = ['a/x', 'a/y', 'a/z', 'b/x', 'b/y', 'c/x']
const externals = [
  external('inner', ['203.0.113.0/28', 'pypi.org']),
  external('outer', ['203.0.112.0/22', '*.pypi.org']),
  external('all', ['0.0.0.0/0', '::/0']),
]

const what = fc.constantFrom('tcp 80', 'tcp 80-82', 'tcp web', 'tcp any', 'udp 80', 'sctp 80', 'icmp', 'any')
const expires = fc.constantFrom(undefined, 5, 15)
const serial = fc.nat(1e9)

const local = (enclave: string): fc.Arbitrary<string> =>
  fc.constantFrom(...ids.filter((i) => i.startsWith(`${enclave}/`)), `${enclave}/*`, `labels:${enclave}:tier=web`, ...(enclave === 'a' ? ['group:a/g', 'group:a/h'] : []))
const ends = (enclave: string): fc.Arbitrary<readonly string[]> => fc.array(local(enclave), { minLength: 1, maxLength: 2 })
const foreign = fc.constantFrom(...ids, 'a/*', 'b/*', 'peer:lab/q/*', 'peer:lab/q/r')
const enclave = fc.constantFrom('a', 'b', 'c')
const outside = fc.array(fc.constantFrom('external:inner', 'external:outer', 'external:all'), { minLength: 1, maxLength: 2 })

function options(until: number | undefined): { readonly expires?: number } {
  return until === undefined ? {} : { expires: until }
}

/** Only tcp can be encrypted. */
function secret(encrypted: boolean, traffics: readonly string[]): { readonly encryption?: 'required' } {
  return encrypted && traffics.every((t) => t.startsWith('tcp')) ? { encryption: 'required' } : {}
}

export const anyService = enclave.chain((e) =>
  fc.tuple(serial, ends(e), ends(e), what, expires, fc.boolean()).map(([n, s, d, t, until, encrypted]) => service(`${e}/s${n}`, s, d, t, { ...options(until), ...secret(encrypted, [t]) })),
)
export const anyEgress = enclave.chain((e) =>
  fc
    .tuple(serial, ends(e), outside, what.filter((t) => t !== 'tcp web'), expires, fc.subarray(['running', 'staging', 'task'] as const, { minLength: 1 }), fc.boolean())
    .map(([n, s, d, t, until, phases, http]) =>
      egress(`${e}/e${n}`, s, d, t, { ...options(until), phases, http: http ? { methods: ['GET'], paths: [] } : undefined }),
    ),
)
export const anyIngress = enclave.chain((e) =>
  fc
    .tuple(serial, outside, local(e), fc.constantFrom('tcp 80', 'udp 80', 'tcp web'), fc.constantFrom(undefined, '198.51.100.1:443', '198.51.100.2:80'), expires)
    .map(([n, s, d, t, publish, until]) => ingress(`${e}/i${n}`, s, d, t, publish, options(until))),
)
export const anyFederation = enclave.chain((e) =>
  fc
    .tuple(
      serial,
      fc.array(fc.tuple(ends(e), fc.array(foreign, { minLength: 1, maxLength: 3 }), what), { maxLength: 2 }),
      fc.array(fc.tuple(fc.array(foreign, { minLength: 1, maxLength: 3 }), ends(e), what), { maxLength: 2 }),
      expires,
      fc.boolean(),
    )
    .map(([n, imports, exports, until, encrypted]) => federation(`${e}/f${n}`, { imports, exports }, { ...options(until), ...secret(encrypted, [...imports, ...exports].map(([, , t]) => t)) })),
)

const workloads = fc.tuple(
  ...ids.map((i) =>
    fc
      .record({ web: fc.boolean(), phase: fc.constantFrom('running', 'staging', 'task'), groups: fc.subarray(['g', 'h']) })
      .map(({ web, phase, groups }) =>
        workload(i, { labels: web ? { tier: 'web' } : {}, phase, groups, ports: web ? [{ name: 'web', port: 80, protocol: 'tcp' }, 81] : [82] }),
      ),
  ),
)
const groups = fc
  .tuple(fc.subarray(['a/x', 'a/y', 'a/z']), fc.subarray(['a/x', 'a/y', 'a/z', 'group:a/g']))
  .map(([g, h]) => [group('a/g', g), group('a/h', h)])

export const anyPlatform: fc.Arbitrary<Platform> = fc
  .record({
    workloads,
    groups,
    servicePolicies: fc.array(anyService, { maxLength: 5 }),
    egressPolicies: fc.array(anyEgress, { maxLength: 4 }),
    ingressPolicies: fc.array(anyIngress, { maxLength: 3 }),
    federationPolicies: fc.array(anyFederation, { maxLength: 5 }),
  })
  .map((parts) => platformOf({ externals, ...parts }))

const flowEnds = [
  ...ids, ...ids, 'a/ghost', 'external:inner', 'external:outer', 'external:all', 'peer:lab/q/r', 'peer:lab/q/*', 'peer:lab/q/s', 'pypi.org', 'files.pypi.org',
  '203.0.113.1', '203.0.113.200', '198.51.100.1', '198.51.100.2', '10.128.0.1', '127.0.0.1', '2001:db8::1',
]
const asked = fc.constantFrom('tcp 80', 'tcp 81', 'tcp 82', 'tcp 443', 'udp 80', 'sctp 80', 'icmp', 'icmp 8', 'tcp')

export const anyFlow: fc.Arbitrary<Flow> = fc
  .tuple(fc.constantFrom(...flowEnds), fc.constantFrom(...flowEnds), asked, fc.constantFrom('', ' in task', ' in running'))
  .map(([s, d, t, phase]) => flow(`${s} -> ${d} ${t}${phase}`))

/** Instants on both sides of every `expires` above. */
export const anyInstant = fc.constantFrom(0, 5, 10, 15)

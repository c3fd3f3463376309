import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compile } from '../intent/compile.ts'
import { decide } from '../intent/decide.ts'
import { anyPlatform } from '../intent/testing.ts'
import { address, egress, external, federation, flow, ingress, place, platformOf, service, workload } from '../model/testing.ts'
import { matrix } from './matrix.ts'
import { matrixDot } from './matrix-dot.ts'
import { filterMatrix } from './matrix-filter.ts'
import { matrixHtml } from './matrix-html.ts'
import { matrixSvg } from './matrix-svg.ts'
import { matrixCsv, matrixJson, matrixText } from './matrix-text.ts'
import type { MatrixFilter } from './matrix-filter.ts'

const platform = platformOf({
  workloads: [workload('a/x'), workload('a/y'), workload('b/z')],
  externals: [external('net', ['203.0.113.0/24']), external('pypi', ['pypi.org'])],
  servicePolicies: [
    service('a/web', 'a/x', 'a/y', 'tcp 80', { at: place(3) }),
    service('a/tls', 'a/x', 'a/y', 'tcp 443,81', { at: place(9) }),
    service('a/ping', 'a/x', 'a/y', 'icmp', { at: place(12) }),
    service('a/brief', 'a/x', 'a/y', 'tcp 22', { at: place(15), expires: 5000 }),
  ],
  egressPolicies: [
    egress('a/task', 'a/x', 'external:net', 'udp 53', { phases: ['task'] }),
    egress('a/get', 'a/x', 'external:pypi', 'tcp 443', { http: { methods: ['GET'], paths: ['/simple/*'] } }),
  ],
  ingressPolicies: [ingress('a/in', 'external:net', 'a/y', 'tcp 8443', '198.51.100.1:443'), ingress('a/www', 'external:net', 'a/y', 'tcp 8080')],
  federationPolicies: [federation('b/out', { imports: [['b/z', 'peer:lab/q/*', 'any']] })],
})
const { intent } = compile(platform)

test('the matrix has a row for each pair and condition, with the ports and documents of all its policies', () => {
  assert.equal(
    matrixText(matrix(intent, 0)),
    [
      'SOURCE        DESTINATION    TRAFFIC        VIA                       ONLY                            OPENED BY',
      'a/x           a/y            icmp           direct                                                    ServicePolicy a/ping (test.yaml:12)',
      'a/x           a/y            tcp 22         direct                    until 1970-01-01T00:00:05.000Z  ServicePolicy a/brief (test.yaml:15)',
      'a/x           a/y            tcp 80-81,443  direct                                                    ServicePolicy a/tls (test.yaml:9), ServicePolicy a/web (test.yaml:3)',
      'a/x           external:net   udp 53         egress                    in task                         EgressPolicy a/task (test.yaml:1)',
      'a/x           external:pypi  tcp 443        egress GET /simple/*                                      EgressPolicy a/get (test.yaml:1)',
      'b/z           peer:lab/q/*   icmp           peer gateway                                              FederationPolicy b/out (test.yaml:1)',
      'b/z           peer:lab/q/*   sctp any       peer gateway                                              FederationPolicy b/out (test.yaml:1)',
      'b/z           peer:lab/q/*   tcp any        peer gateway                                              FederationPolicy b/out (test.yaml:1)',
      'b/z           peer:lab/q/*   udp any        peer gateway                                              FederationPolicy b/out (test.yaml:1)',
      'external:net  a/y            tcp 8080       proxy www.example.org                                     IngressPolicy a/www (test.yaml:1)',
      'external:net  a/y            tcp 8443       publish 198.51.100.1:443                                  IngressPolicy a/in (test.yaml:1)',
      '',
    ].join('\n'),
  )
})

test('columns in which nothing stands are left out', () => {
  const plain = platformOf({ workloads: [workload('a/x'), workload('a/y')], servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 1')] })
  assert.equal(
    matrixText(matrix(compile(plain).intent, 0)),
    'SOURCE  DESTINATION  TRAFFIC  VIA     OPENED BY\na/x     a/y          tcp 1    direct  ServicePolicy a/p (test.yaml:1)\n',
  )
})

test('an empty matrix says that everything is denied', () => {
  assert.equal(matrixText([]), 'no path is open: everything is denied\n')
})

test('what has expired is not in the matrix', () => {
  assert.ok(!matrixText(matrix(intent, 5000)).includes('a/brief'))
})

test('csv quotes what needs it and joins lists with semicolons', () => {
  const lines = matrixCsv(matrix(intent, 0)).split('\r\n')
  assert.equal(lines[0], 'source,destination,protocol,ports,via,phases,expires,policies')
  assert.equal(lines[2], 'a/x,a/y,tcp,22,direct,running;staging;task,1970-01-01T00:00:05.000Z,ServicePolicy a/brief (test.yaml:15)')
  assert.equal(lines[3], 'a/x,a/y,tcp,"80-81,443",direct,running;staging;task,,ServicePolicy a/tls (test.yaml:9);ServicePolicy a/web (test.yaml:3)')
})

test('json names every document with its place', () => {
  assert.deepEqual(matrixJson(matrix(intent, 0))[0], {
    source: 'a/x', destination: 'a/y', protocol: 'icmp', ports: '', via: 'direct', phases: ['running', 'staging', 'task'],
    policies: [{ kind: 'ServicePolicy', name: 'a/ping', file: 'test.yaml', line: 12, column: 1 }],
  })
})

test('the matrix shows a pair of workloads exactly when something is allowed between them', () => {
  const pairs = ['a/x', 'a/y', 'b/x', 'c/x'].flatMap((s) => ['a/x', 'a/y', 'b/x', 'c/x'].map((d) => [s, d] as const))
  fc.assert(
    fc.property(anyPlatform, fc.constantFrom(0, 5, 15), (set, now) => {
      const compiled = compile(set).intent
      const shown = new Set(matrix(compiled, now).map((row) => `${row.source} -> ${row.destination}`))
      for (const [s, d] of pairs) {
        const asked = { ...flow(`${s} -> ${d} tcp 1`), protocol: undefined, port: undefined }
        assert.equal(decide(set, compiled, asked, now).verdict === 'allow', shown.has(`${s} -> ${d}`))
      }
    }),
    { numRuns: 200 },
  )
})

// --- pictures ---------------------------------------------------------------------------------------------------

const rows = matrix(intent, 0)

test('dot has a cluster for each enclave, for the outside and for each peer, and one edge for each pair', () => {
  const dot = matrixDot(rows)
  assert.deepEqual(Array.from(dot.matchAll(/^ {4}label=(.*)$/gm), ([, label]) => label), ['"enclave a"', '"enclave b"', '"outside"', '"peer lab"'])
  assert.match(dot, /^ {2}"a\/x" -> "a\/y" \[label="icmp\\ntcp 22\\ntcp 80-81,443", style=dashed\]$/m)
  assert.equal(Array.from(dot.matchAll(/->/g)).length, new Set(rows.map((r) => `${r.source} ${r.destination}`)).size)
})

test('a picture holds every pair with all of its rows, and nothing outside itself', () => {
  const svg = matrixSvg(rows)
  assert.equal(matrixSvg([...rows]), svg)
  assert.match(svg, /<title>a\/x -&gt; a\/y\nicmp by ServicePolicy a\/ping \(test\.yaml:12\)\ntcp 22, until 1970-01-01T00:00:05\.000Z by /)
  assert.equal(Array.from(svg.matchAll(/class="cell"/g)).length, new Set(rows.map((r) => `${r.source} ${r.destination}`)).size)
  assert.doesNotMatch(svg, /<script|<image|href|url\(|NaN|undefined/)
  assert.match(matrixSvg([]), /no path is open: everything is denied/)
})

test('a page has the picture, a table for each side that starts something, and nothing outside itself', () => {
  const html = matrixHtml(rows, 'tre', 0)
  assert.deepEqual(Array.from(html.matchAll(/<summary>(.*?)<\/summary>/g), ([, text]) => text), ['From enclave a (5)', 'From enclave b (4)', 'From outside (2)'])
  assert.match(html, /default-src 'none'/)
  assert.doesNotMatch(html, /<script|<link|<img|src=|href=|url\(/)
  assert.match(matrixHtml([], 'tre', 0), /No pair may talk, at 1970-01-01T00:00:00\.000Z/)
})

test('nothing that a document says becomes markup', () => {
  const evil = '"><script>alert(1)</script>&\u202e\\'
  const [row] = rows
  assert.ok(row !== undefined)
  const bad = [{ ...row, source: `a/${evil}`, policies: [{ kind: 'ServicePolicy', name: evil, file: evil, line: 1, column: 1 }] }]
  for (const text of [matrixSvg(bad), matrixHtml(bad, evil, 0)]) {
    assert.doesNotMatch(text, /<script|\u202e/)
    assert.match(text, /&lt;script&gt;alert\(1\)&lt;\/script&gt;&amp;\\u\{202e\}/)
  }
  assert.match(matrixDot(bad), /"a\/\\"><script>/)
})

test('a part of the matrix is chosen by its ends', () => {
  const part = (filter: MatrixFilter): readonly string[] => [...new Set(filterMatrix(platform, rows, filter).map((r) => `${r.source} > ${r.destination}`))]
  assert.deepEqual(part({ from: { kind: 'workload', workload: 'a/x' }, to: { kind: 'address', address: address('203.0.113.7') } }), ['a/x > external:net'])
  assert.deepEqual(part({ to: { kind: 'name', name: 'pypi.org' } }), ['a/x > external:pypi'])
  assert.deepEqual(part({ enclave: 'b' }), ['b/z > peer:lab/q/*'])
  assert.deepEqual(part({ to: { kind: 'peer', peer: 'lab', enclave: 'q', workload: 'r' } }), ['b/z > peer:lab/q/*'])
  assert.deepEqual(part({ external: 'net' }), ['a/x > external:net', 'external:net > a/y'])
  assert.deepEqual(part({ enclave: 'c' }), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { external, ingress, platformOf, route, workload } from '../model/testing.ts'
import { compile } from '../intent/compile.ts'
import { explainRequest } from './explain-request.ts'

const platform = platformOf({
  workloads: [workload('a/x', { ports: [80] })],
  externals: [external('net', ['203.0.113.0/24'])],
  ingressPolicies: [ingress('a/p', 'external:net', 'a/x', 'tcp 80', undefined, { proxy: { routes: [route('/a/*')] } })],
})

test('a request is told with the form of its path, where it is led, and by which documents', () => {
  const asked = { source: { kind: 'external', external: 'net' }, host: 'www.example.org', port: 443, method: 'GET', path: '/x/../a//b' } as const
  const known = { claims: undefined, identities: ['spiffe://bulkhead.internal/enclave/a/workload/x'] }
  assert.deepEqual(explainRequest(platform, compile(platform).intent, { ...asked, caller: known }, 0), {
    verdict: 'allow', source: 'external:net', host: 'www.example.org', port: 443, request: { method: 'GET', path: '/x/../a//b', compared: '/a/b' }, at: '1970-01-01T00:00:00.000Z',
    to: ['a/x:80'], policies: [{ kind: 'IngressPolicy', name: 'a/p', file: 'test.yaml', line: 1, column: 1 }], reason: 'allowed by IngressPolicy a/p (test.yaml:1)',
  })
  const { why, reason, to } = explainRequest(platform, compile(platform).intent, { ...asked, caller: { claims: undefined, identities: [] } }, 0)
  assert.deepEqual([why, reason, to], ['caller', 'callers have to prove who they are by `mtls`', []])
})

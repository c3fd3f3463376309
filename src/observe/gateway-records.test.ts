import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { followAccessLogs } from './access-logs.ts'
import { accessRecord, nameRecord } from './gateway-records.ts'
import type { Host } from './host-index.ts'

const client = { kind: 'workload', interface: 'bhw1', workload: 'lab/client', phase: 'running', replica: 0, identity: 'spiffe://here.example/enclave/lab/workload/client', probe: false } as const
const host: Host = {
  byInterface: () => undefined, byAddress: (address) => (address === '10.128.0.17' ? client : undefined), externalsOf: () => [],
  isRouter: () => false, documentsOf: () => undefined, address: () => undefined,
}
const rules = new Map([['tls:one', ['EgressPolicy lab/out']], ['route:two', ['IngressPolicy lab/web']]])
const connection = {
  kind: 'connection', time: '2026-11-21T23:09:00.457Z', source: '10.128.0.17:40564', destination: '203.0.113.10:443', sni: 'pypi.example.org', upstream: '203.0.113.10:443',
  chain: 'tls:one', flags: '-', details: null, closed: null, failure: null, upstreamFailure: null, identity: null, received: 700, sent: 1600, ms: 72,
}
const request = { ...connection, kind: 'request', source: '[2001:db8::7]:5000', destination: '10.128.0.4:443', upstream: '10.128.0.17:8080', host: 'www.example.org', method: 'GET', path: '/x', status: 200, details: 'via_upstream', route: 'route:two' }
const judged = (line: object, gateway: 'outbound' | 'inbound' = 'inbound'): string => {
  const record = accessRecord(JSON.stringify(line), gateway, host, rules)
  return record === undefined ? 'none' : `${record.verdict} ${record.reason}`
}

test('a connection that a gateway has led on names its policy, the name asked for and who asked', () => {
  const record = accessRecord(JSON.stringify(connection), 'outbound', host, rules)
  assert.deepEqual([record?.verdict, record?.policies, record?.name, record?.source.workload, record?.destination.address, record?.port, record?.bytes, record?.time], [
    'allow', ['EgressPolicy lab/out'], 'pypi.example.org', 'lab/client', '203.0.113.10', 443, 2300, '2026-11-21T23:09:00.457000Z',
  ])
})

test('what Envoy refused is told with the reason', () => {
  assert.equal(judged(request), 'allow policy')
  assert.equal(judged({ ...connection, kind: 'refused', chain: '', flags: 'NR' }, 'outbound'), 'deny policy')
  assert.equal(judged({ ...request, status: 403, details: 'rbac_access_denied_matched_policy[none]' }), 'deny policy')
  assert.equal(judged({ ...request, status: 401, details: 'jwt_authn_access_denied{Jwt_is_missing}' }), 'deny authentication')
  assert.equal(judged({ ...request, status: 404, details: 'route_not_found' }), 'deny route')
  assert.equal(judged({ ...request, status: 429, details: 'local_rate_limited' }), 'deny limit')
  assert.equal(judged({ ...request, status: 400, details: 'http1.codec_error' }), 'deny invalid')
  assert.equal(judged({ ...request, status: 301, details: 'direct_response' }), 'allow redirect')
  assert.equal(judged({ ...request, status: 302, details: 'oauth.missing_credentials' }), 'deny authentication')
  assert.equal(judged({ ...request, status: 401, details: 'CSRF_token_validation_failed', route: 'sign-in:/oauth2/callback' }), 'deny authentication')
  assert.equal(judged({ ...request, status: 302, details: 'oauth.logged_in', route: 'sign-in:/oauth2/callback' }), 'allow sign-in')
  // The name led nowhere, or where no name may lead: the policy holds, and nobody was reached.
  assert.equal(judged({ ...connection, upstream: null, flags: 'UH' }, 'outbound'), 'deny unresolved')
  assert.equal(judged({ ...request, upstream: null, status: 503, flags: 'DF', details: 'dns_resolution_failure{cares_failure:DNS_server_refused_query}' }, 'outbound'), 'deny unresolved')
  assert.equal(judged({ ...connection, failure: 'TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED' }), 'deny tls')
})

test('what stand-ins of verification say to each other through both gateways is marked as theirs', () => {
  const probe = (chain: string): boolean | undefined => accessRecord(JSON.stringify({ ...connection, chain, source: '10.128.0.3:4000' }), 'inbound', host, rules)?.probe
  assert.deepEqual([probe('try:spiffe://here.example/enclave/lab/workload/client:lab/server:7000:0'), probe('mesh:spiffe://here.example/enclave/lab/workload/client:lab/server:7000:0')], [true, false])
})

test('what a filter quotes of a request is not in the record', () => {
  const record = accessRecord(JSON.stringify({ ...request, status: 401, details: 'Code_or_state_query_param_does_not_exist:_?code=secret', route: 'sign-in:/oauth2/callback' }), 'inbound', host, rules)
  assert.equal(record?.explanation, 'Code_or_state_query_param_does_not_exist:_')
})

test('a line that is no record is none, whatever it is', () => {
  for (const text of ['', 'null', '[]', '{', '{"time":"now","source":"10.0.0.1:1"}', '{"time":"2026-11-21T23:09:00.457Z","source":"evil"}']) assert.equal(accessRecord(text, 'inbound', host, rules), undefined, text)
})

test('a question to the resolver is told with its name, its policy and the answer', () => {
  const record = nameRecord({
    kind: 'name-verdict', time: '2026-11-21T23:09:00.457Z', count: 1, verdict: 'deny', reason: 'no-policy', asker: 'lab/client@running', address: '10.128.0.17',
    name: 'other.example.org', type: 'A', transport: 'udp', answer: 'REFUSED',
  }, host)
  assert.deepEqual([record.verdict, record.reason, record.name, record.source.workload, record.question?.answer], ['deny', 'no-policy', 'other.example.org', 'lab/client', 'REFUSED'])
})

test('access logs are followed line by line, and from where an earlier agent was', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-access-'))
  try {
    const logs = (text: string): void => appendFileSync(join(folder, 'outbound', 'access.jsonl'), text)
    const lines = (from: ReturnType<typeof followAccessLogs>): readonly string[] => from.read().flatMap((l) => l.lines)
    mkdirSync(join(folder, 'outbound'))
    const first = followAccessLogs(folder, folder)
    assert.deepEqual(lines(first), [])
    logs('{"a":1}\n{"b"')
    assert.deepEqual(lines(first), ['{"a":1}'])
    logs(':2}\n')
    first.close()
    const second = followAccessLogs(folder, folder)
    assert.deepEqual(lines(second), ['{"b":2}'])
    assert.deepEqual(lines(second), [])
    second.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

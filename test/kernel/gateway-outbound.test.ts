/** The real Envoy, with the files that are rendered for it, as the outbound gateway. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missing, onStage } from './lib/gateway-stage.ts'

const { found, outcomes } = onStage('gateway-outbound-main.ts')

outcomes('a name that a policy allows is reached at its real address, whatever address the client chose', {
  'an allowed name': 'pypi: hello',
  'a name below an allowed one': 'pypi: hello',
  'an upper-case name': 'pypi: hello',
})
outcomes('every other name, no name, another port and an unknown source are closed', {
  'a name below one that allows itself alone': 'closed',
  'the bare name of a pattern': 'closed',
  'another name at the right address': 'closed',
  'no name': 'closed',
  'an allowed name on another port': 'closed',
  'an address that nobody has': 'closed',
  'plain words on a port for TLS': 'HTTP/1.1 400 Bad Request',
})
outcomes('all ports are all ports, and each leads to itself', { 'another port for who has all': 'pypi-8443: hello' })
outcomes('plain HTTP is judged by host, port, method and path', {
  'an allowed request': 'HTTP/1.1 200 OK mirror',
  'an allowed request on the second port': 'HTTP/1.1 200 OK mirror-8080',
  'a host with the port of the connection': 'HTTP/1.1 200 OK mirror-8080',
  'a host with another port': 'HTTP/1.1 404 Not Found',
  'another method': 'HTTP/1.1 404 Not Found',
  'another path': 'HTTP/1.1 404 Not Found',
  'another host': 'HTTP/1.1 404 Not Found',
  'an address for a host': 'HTTP/1.1 404 Not Found',
  'plain HTTP by who may only use TLS there': 'closed',
})
outcomes('paths that climb, escaped slashes, absolute URIs, CONNECT and two lengths lead nowhere', {
  'a path that climbs out': 'HTTP/1.1 404 Not Found',
  'a path that climbs out in disguise': 'HTTP/1.1 404 Not Found',
  'an escaped slash': 'HTTP/1.1 400 Bad Request',
  'an absolute URI': 'HTTP/1.1 404 Not Found',
  'an absolute URI of another host': 'HTTP/1.1 404 Not Found',
  'CONNECT': 'HTTP/1.1 404 Not Found',
  'no host': 'HTTP/1.1 400 Bad Request',
  'two lengths': 'HTTP/1.1 400 Bad Request',
})
outcomes('a path by mutual TLS goes from gateway to gateway, and no other path does', {
  'mutual TLS inside': 'db: hello',
  'inside without a path by mutual TLS': 'closed',
  'inside on another port': 'closed',
})
outcomes('what is revoked stays closed, and what stays does not notice', {
  'the revoked path': 'closed',
  'the connection that stays': 'pypi: still',
  'chains in force': [],
  'after a refusal': 'pypi-8443: hello',
})
test('a revoked connection ends', { skip: missing }, () => {
  assert.equal(found('the revoked connection ended'), true)
})
test('what Envoy refuses is told, and what was in force still is', { skip: missing }, () => {
  assert.match(String(found('a file that Envoy cannot read')), /^Envoy does not accept the configuration: its log says why$/)
  assert.match(String(found('listeners that Envoy refuses')), /^Envoy does not accept the configuration: .*cannot bind '192\.0\.2\.250/)
})
test('the access log says who, where, how much, and by which policy', { skip: missing }, () => {
  const rules = found('rules') as Readonly<Record<string, readonly string[]>>
  const connection = found('the record of a connection') as Readonly<Record<string, unknown>>
  assert.deepEqual([connection['kind'], connection['upstream'], connection['destination'], connection['flags']], ['connection', '198.51.100.10:443', '192.0.2.1:443', '-'])
  assert.deepEqual(rules[String(connection['chain'])], ['EgressPolicy a/packages'])
  const revoked = found('the record of a revoked connection') as Readonly<Record<string, unknown>>
  assert.deepEqual([revoked['kind'], revoked['chain'], revoked['upstream']], ['connection', connection['chain'], '198.51.100.10:443'])
  const request = found('the record of a request') as Readonly<Record<string, unknown>>
  assert.deepEqual([request['kind'], request['host'], request['method'], request['path']], ['request', 'mirror.example.org', 'GET', '/simple/x'])
  assert.deepEqual(rules[String(request['route'])], ['EgressPolicy a/mirror'])
  const refusal = found('the record of a refusal') as Readonly<Record<string, unknown>>
  assert.deepEqual([refusal['kind'], refusal['chain'], refusal['details']], ['refused', null, 'filter_chain_not_found'])
})

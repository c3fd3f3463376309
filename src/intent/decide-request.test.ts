import assert from 'node:assert/strict'
import { test } from 'node:test'
import { external, ingress, place, platformOf, route, workload } from '../model/testing.ts'
import { compile } from './compile.ts'
import { requestDecider } from './decide-request.ts'
import type { IngressPolicy } from '../model/platform.ts'
import type { GatewayRequest } from '../model/request.ts'

const jwt = { kind: 'jwt', issuer: 'https://id.example.org', audiences: ['portal'], jwks: { kind: 'file', file: '/keys' }, claims: [] } as const
const staff = [{ path: ['group'], values: ['staff'] }]
const gateway = { addresses: [], httpsPort: 443, httpPort: 80, meshPort: 15_443, bundlePort: 8443, bundleCertificate: undefined, at: place() }

function answers(ingressPolicies: readonly IngressPolicy[], now = 0): (different: Partial<GatewayRequest>) => string {
  const platform = platformOf({ workloads: [workload('a/x', { ports: [80] }), workload('a/y', { ports: [80] })], externals: [external('net', ['203.0.113.0/24'])], gateway, ingressPolicies })
  const decide = requestDecider(platform, compile(platform).intent)
  return (different) => {
    const caller = { kind: 'token', issuer: jwt.issuer, audiences: ['portal'], claims: { group: ['staff'] } } as const
    const decision = decide({ source: { kind: 'external', external: 'net' }, port: 443, host: 'www.example.org', method: 'GET', path: '/', caller, ...different }, now)
    return decision.verdict === 'deny' ? decision.why : decision.to.map((led) => `${led.workload}:${led.port}`).join(' ')
  }
}

test('the most specific path decides alone, whatever a wider one would let through', () => {
  const ask = answers([
    ingress('a/all', 'external:net', 'a/x', 'tcp 80', undefined, { proxy: { authentication: jwt } }),
    ingress('a/admin', 'external:net', 'a/y', 'tcp 80', undefined, { proxy: { authentication: jwt, routes: [route('/admin/*', { methods: ['GET'], claims: staff })] } }),
  ])
  assert.deepEqual([ask({}), ask({ path: '/admin/x' }), ask({ path: '/admin' })], ['a/x:80', 'a/y:80', 'a/x:80'])
  assert.equal(ask({ path: '/admin/x', method: 'POST' }), 'policy')
  assert.equal(ask({ path: '/admin/x', caller: { kind: 'token', issuer: jwt.issuer, audiences: ['portal'], claims: { group: 'guests' } } }), 'policy')
  assert.equal(ask({ path: '/admin/x', caller: { kind: 'nobody' } }), 'caller')
})

test('a policy that has expired lets nobody in, and its paths do not fall to a wider one', () => {
  const policies = [
    ingress('a/all', 'external:net', 'a/x', 'tcp 80', undefined, { proxy: { authentication: jwt } }),
    ingress('a/admin', 'external:net', 'a/y', 'tcp 80', undefined, { expires: 5, proxy: { authentication: jwt, routes: [route('/admin/*')] } }),
  ]
  assert.deepEqual([answers(policies, 4)({ path: '/admin/x' }), answers(policies, 5)({ path: '/admin/x' }), answers(policies, 5)({})], ['a/y:80', 'policy', 'a/x:80'])
})

test('another host, port, source or way to write a path gets as far as it gets', () => {
  const ask = answers([ingress('a/p', 'external:net', 'a/x', 'tcp 80', undefined, { proxy: { authentication: jwt, routes: [route('/a/*')] } })])
  assert.deepEqual([ask({ host: 'WWW.example.org.', path: '/x/../a//b?q' }), ask({ host: 'other.example.org' }), ask({ host: undefined }), ask({ port: 8443 }), ask({ port: 80 })], ['a/x:80', 'host', 'host', 'host', 'gateway'])
  assert.deepEqual([ask({ path: '/a%2fb' }), ask({ path: '/b' }), ask({ path: '/a/b', source: { kind: 'external', external: 'nobody' } })], ['path', 'route', 'policy'])
})

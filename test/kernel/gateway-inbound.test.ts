/** The real Envoy, with the files that are rendered for it, as the inbound gateway. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missing, onStage } from './lib/gateway-stage.ts'

const { found, outcomes } = onStage('gateway-inbound-main.ts')

outcomes('requests are judged by the name of TLS, the host, the normalised path and the method', {
  'an open path': '200 api',
  'merged slashes': '200 api',
  'another method': '403',
  'another path': '404',
  'a path that climbs out': '404',
  'an escaped slash': '400',
  'another host than the name of TLS': '403',
  'an unknown name': 'closed',
  'no name': 'closed',
  'CONNECT': '403',
  'an absolute URI': '404',
  'HTTP/2': 200,
})
outcomes('requests that two servers could read in two ways are refused', {
  'two lengths': '400',
  'two different lengths': '400',
  'an underscore in a header': '400',
})
outcomes('limits hold, for the client that goes beyond them', {
  'a body above the limit': '413',
  'headers above the limit': '431',
  'of 24 at once': { refused: true, some: true },
  'somebody else meanwhile': '200 api',
  'silence': 'ended',
  'TLS 1.1': 'closed',
})
outcomes('only the gateway says who calls', {
  'headers that only the gateway sets': [],
  'what the workload sees of a token': { identity: 'https://issuer.example.org#alice', token: false },
  'what the workload sees of a machine': 'spiffe://bulkhead.internal/enclave/a/workload/web',
})
outcomes('a token opens what its claims open', {
  'a good token': '200 api',
  'a role as text': '200 api',
  'the admin route with its claim': '200 api',
  'a name below a pattern': '200 api',
  'a host below the same pattern, with another name of TLS': '403',
  'a WebSocket': '101',
})
outcomes('every other token opens nothing', {
  'no token': '401',
  'a token without the role': '403',
  'a role that only begins so': '403',
  'an expired token': '401',
  'a token for ever': '401',
  'for another audience': '403',
  'of another issuer': '401',
  'signed by another key': '401',
  'alg none': '401',
  'the public key as a secret': '401',
  'a token in the query': '401',
  'the admin route without its claim': '403',
  'a good token from elsewhere': '403',
  'a WebSocket where none is allowed': '403',
})
outcomes('people are sent to sign in, and nothing stands in for that', {
  'somebody who has not signed in': { status: '302', to: 'https://issuer.example.org/authorize', back: true },
  'a forged session': '302',
  'a token in place of a sign-in': '302',
})
outcomes('a certificate opens what its name opens, under the authority of its own trust domain', {
  'a machine that may': '200 api',
  'a machine of a peer that may': '200 api',
  'a machine that may not': '403',
  'no certificate': 'closed',
  'a foreign authority': 'closed',
  'the peer for one of ours': 'closed',
  'ours for one of the peer': 'closed',
  'a route for one identity, by it': '200 api',
  'a route for one identity, by another': '403',
  'by a name under an authority of files': '200 api',
  'another name under it': '403',
})
outcomes('connections are led on whole, by name or port', {
  'connections by name, ended here, by who may': 'api: hello',
  'connections by name, ended here, by who may not': 'closed',
  'connections by name, ended here, by nobody': 'closed',
  'connections by port': 'db: hello',
})
outcomes('plain HTTP leads to https, for names that are served there', {
  'plain HTTP': 'https://open.example.org:9443/x',
  'plain HTTP for an unknown name': '404',
})
outcomes('another gateway comes in with the certificate of the caller that the path names, and with no other', {
  'mesh: who may': 'db: hello',
  'mesh: a peer': 'db: hello',
  'mesh: another of ours': 'closed',
  'mesh: no certificate': 'closed',
  'mesh: another authority': 'closed',
  'mesh: a peer for one of ours': 'closed',
  "mesh: a peer's other enclave": 'closed',
  'mesh: another port': 'closed',
  'mesh: ours in the name of a peer': 'closed',
  'mesh: for an hour': 'db: hello',
  'mesh: expired': 'closed',
  'mesh: not yet valid': 'closed',
  'mesh: self-signed': 'closed',
  'mesh: a peer, expired': 'closed',
  'mesh: a peer, not yet valid': 'closed',
  'mesh: a peer, self-signed': 'closed',
  'mesh: another authority for a peer': 'closed',
  'mesh: a trust domain of nobody': 'closed',
})
outcomes('nobody is led to a workload before the handshake has shown who it is', { 'callers that failed to prove who they are, and yet were led on': 0 })
outcomes('what is revoked is closed, and what stays is not', { 'after the policy has gone': 'closed', 'another policy after the change': '200 api' })
outcomes('who is let in by another gateway, and who is not and why, is on record with the policy', {
  // Each with whether a workload was connected to.
  'records between gateways': {
    'ServicePolicy a/sealed led spiffe://bulkhead.internal/enclave/a/workload/api': true,
    'ServicePolicy a/sealed refused for the certificate': false,
    'FederationPolicy a/far led spiffe://north.example/enclave/lab/workload/store': true,
    'FederationPolicy a/far refused for the certificate': false,
  },
})
test('the access log names the policy, and the reason of a refusal', { skip: missing }, () => {
  const rules = found('rules') as Readonly<Record<string, readonly string[]>>
  const request = found('the record of a request') as Readonly<Record<string, unknown>>
  assert.deepEqual([request['identity'], rules[String(request['route'])]], ['spiffe://bulkhead.internal/enclave/a/workload/web', ['IngressPolicy a/machines']])
  const refusal = found('the record of a refusal') as Readonly<Record<string, unknown>>
  assert.match(String(refusal['details']), /^rbac_access_denied/)
  assert.deepEqual(rules[String(refusal['route'])], ['IngressPolicy a/token'])
})

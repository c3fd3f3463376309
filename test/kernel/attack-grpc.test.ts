/** gRPC through the real Envoy, from a client to a server of HTTP/2: what policies allow whole, and refusals in the form that its clients read. */
import { onStage } from './lib/gateway-stage.ts'

const { outcomes } = onStage('gateway-grpc-main.ts')
const refused = (grpc: string, message?: string) => ({ http: 200, kind: 'application/grpc', grpc, ...(message === undefined ? {} : { message }), messages: 0 })

outcomes('a call reaches the method that its path names, and the status comes back in trailers', {
  'a call': { status: 200, type: 'application/grpc', said: ['/lab.Rows/Read one for nobody'], trailers: { 'grpc-status': '0', 'x-rows': '2' } },
  'a call that fails at the workload': { 'grpc-status': '5', 'grpc-message': 'no such row' },
})
outcomes('messages go both ways while the call lasts, and calls share a connection', {
  'a call that goes both ways': {
    said: ['/lab.Rows/Read one for nobody', '/lab.Rows/Read two for nobody', '/lab.Rows/Read three for nobody'], turns: 3, trailers: { 'grpc-status': '0', 'x-rows': '2' },
  },
  'calls on one connection at once': 20,
})
outcomes('what no route names is unimplemented, who has no token is unauthenticated, and who may not is denied', {
  'a method that no route names': refused('12'),
  'a service that no route names': refused('12'),
  'a call without a token': refused('16', 'Jwt is missing'),
  'a call with a token to what it does not open': refused('7', 'RBAC: access denied'),
})
outcomes('the workload learns who calls from the gateway alone', {
  'a call with a token': ['/lab.Rows/Read one for https://issuer.example.org#ada'],
  'the identity is not the client\'s to say': ['/lab.Rows/Read one for nobody'],
})
outcomes('other requests over HTTP/2 reach workloads that know HTTP/1.1 alone', { 'another request over HTTP/2, to a workload that knows HTTP/1.1 alone': 200 })
outcomes('while the workload is down calls are told that it is', {
  'a call while the workload is down': refused('14', 'upstream connect error or disconnect/reset before headers. reset reason: remote connection failure'),
})

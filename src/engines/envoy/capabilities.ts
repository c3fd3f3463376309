/** What the gateways carry, and the words in which they refuse the rest. */
import type { Path } from '../../intent/intent.ts'
import type { Capability, Refusal as RefusalOf } from '../../intent/refusal.ts'

export type RefusalCode =
  | 'name-protocol' | 'name-ports' | 'mesh-protocol' | 'mesh-ports' | 'peer-unnamed' | 'no-gateway' | 'source-addresses' | 'route-conflict' | 'listener-conflict'
  | 'key-set' | 'certificate-conflict' | 'authority-conflict' | 'several-domains' | 'body-limit' | 'secret-files' | 'sign-in-conflict'

export type Refusal = RefusalOf<RefusalCode>

export const capabilities: readonly Capability[] = Object.freeze([
  { what: 'egress to domain names: TLS', carried: true, how: 'the name in the client hello; resolved by the gateway' },
  { what: 'egress to domain names: plain HTTP, with methods and paths', carried: true, how: 'the Host header; resolved by the gateway' },
  { what: 'egress to domain names: other protocols', carried: false, how: 'they do not say which name they ask for' },
  { what: 'ingress by host name: TLS, HTTP/1.1, HTTP/2, gRPC, WebSocket', carried: true, how: 'routes by host, path and method' },
  { what: 'ingress authentication: mtls, jwt, oidc', carried: true, how: 'client certificates, signed tokens, sign-in' },
  { what: 'ingress of connections: by TLS name or port', carried: true, how: 'TLS ended here, or passed on' },
  { what: 'workload to workload by mutual TLS; paths to and from other platforms', carried: true, how: 'from gateway to gateway with the source\'s own certificate' },
  { what: 'udp, sctp and icmp', carried: false, how: 'gateways carry connections' },
].map((row) => Object.freeze(row)))

const reasons: Readonly<Record<RefusalCode, string>> = {
  'name-protocol': 'the gateway carries names for `tcp` alone: other protocols do not say which name they ask for',
  'name-ports': 'the gateway looks ports up one by one: a path to names has at most 1,024 of them, or `any`',
  'mesh-protocol': 'mutual TLS carries `tcp` alone',
  'mesh-ports': 'mutual TLS has a name for every port: a path has at most 256 of them',
  'peer-unnamed': 'no workload of the other platform is named, so there is no address to call it by',
  'no-gateway': 'the platform has no inbound gateway: its document does not say `gateway`',
  'source-addresses': 'the External has no CIDRs, and only addresses tell where a call comes from',
  'route-conflict': 'an earlier policy asks callers of the same host and path for something else',
  'listener-conflict': 'an earlier policy uses the same name and port of the gateway in another way',
  'certificate-conflict': 'an earlier policy shows another certificate for the same name',
  'authority-conflict': 'an earlier policy for the same name accepts client certificates of another authority',
  'key-set': 'the file with the issuer\'s keys cannot be read, or holds something else',
  'sign-in-conflict': 'an earlier policy for the same name signs people in elsewhere or in another way, and a browser has one session there',
  'secret-files': 'the gateway watches a file for each certificate and key that it holds, and the kernel grants its user too few watches: raise `fs.inotify.max_user_instances`',
  'several-domains': 'connections that are led on whole are open to identities of one trust domain: give those of another platform a host name of their own',
  'body-limit': 'a limit of bodies above 4 GiB cannot be held',
}

export function refuse(code: RefusalCode, path: Path, detail?: string): Refusal {
  return Object.freeze({ kind: 'refusal', code, path, reason: detail === undefined ? reasons[code] : `${reasons[code]} (${detail})` })
}

/** A small platform, what a host carries of it, and raw lines as ulogd 2.0.8 writes them. For tests. */
import { parseAddress } from '../net/address.ts'
import { addressSet, noAddresses } from '../net/address-set.ts'
import { prefix } from '../net/prefix.ts'
import { compile } from '../intent/compile.ts'
import { assignGroups, assignPaths, noIds, pathKey } from '../engines/nftables/ids.ts'
import type { Platform, Workload, WorkloadId } from '../model/platform.ts'
import type { Attachment, Inventory } from '../engines/nftables/inventory.ts'
import type { RecorderContext } from './recorder.ts'

const file = 'policies.yaml'
const at = (line: number): Workload['at'] => ({ file, line, column: 1 })

export function address(text: string): NonNullable<ReturnType<typeof parseAddress>> {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new TypeError(`not an address: ${text}`)
  return parsed
}

function workload(id: WorkloadId, port: number): Workload {
  const [enclave = '', name = ''] = id.split('/')
  return {
    kind: 'Workload', id, enclave, name, labels: new Map(), phase: 'running', replicas: 1, spread: 1, groups: [], layer: undefined, broker: undefined,
    segment: undefined, start: { kind: 'none' }, at: at(1), ports: [{ name: undefined, port, protocol: 'tcp' }],
  }
}

/** `lab/api` may reach `lab/db` on tcp 5432, and nothing else is open. */
export function smallPlatform(): Platform {
  const ref = (id: WorkloadId): { kind: 'workload'; workload: WorkloadId; at: Workload['at'] } => ({ kind: 'workload', workload: id, at: at(3) })
  return {
    kind: 'Platform', name: 'small', trustDomain: 'small.internal',
    addresses: addressSet([prefix('10.128.0.0/16'), prefix('fdbb:1::/64')]), infrastructure: noAddresses,
    gateway: undefined, resolver: { upstream: [] }, egressProxy: undefined, identity: { authority: undefined, svidSeconds: 3600 },
    stacks: new Map(), environments: new Map(), segments: new Map(), hosts: new Map(),
    enclaves: new Map([['lab', { kind: 'Enclave', name: 'lab', environment: 'default', segment: undefined, at: at(1) }]]),
    workloads: new Map([['lab/api', workload('lab/api', 8080)], ['lab/db', workload('lab/db', 5432)]]),
    groups: new Map(), peers: new Map(), riskRecords: [], ingressPolicies: [], egressPolicies: [], federationPolicies: [],
    guardrails: [], policyTests: [],
    externals: new Map([['everywhere', {
      kind: 'External', name: 'everywhere', domains: [], cidrs: addressSet([prefix('0.0.0.0/0'), prefix('::/0')]), infrastructure: false,
      telemetry: false, at: at(2),
    }]]),
    servicePolicies: [{
      kind: 'ServicePolicy', name: 'api-to-db', enclave: 'lab', expires: undefined, at: at(12), source: [ref('lab/api')],
      destination: [ref('lab/db')], traffic: { protocol: 'tcp', ports: [{ kind: 'range', from: 5432, to: 5432 }] },
      encryption: undefined,
    }],
  }
}

export const small = {
  api: { interface: 'bh1', ipv4: '10.128.0.2', ipv6: 'fdbb:1::2' },
  db: { interface: 'bh2', ipv4: '10.128.0.3', ipv6: 'fdbb:1::3' },
  probe: { interface: 'bhp1', ipv4: '10.128.0.4', ipv6: 'fdbb:1::4' },
  uplink: 'bhu0',
  policy: 'ServicePolicy lab/api-to-db',
} as const

function attachment(id: WorkloadId, place: typeof small.api | typeof small.db | typeof small.probe): Attachment {
  return {
    interface: place.interface, workload: id, phase: 'running', replica: 0, ipv4: address(place.ipv4), ipv6: address(place.ipv6),
    probe: place.interface.startsWith('bhp'),
  }
}

/** The path of `small.policy` has id 1. */
export function smallContext(): RecorderContext {
  const platform = smallPlatform()
  const ids = assignPaths(assignGroups(noIds, platform), [pathKey([small.policy])])
  const inventory: Inventory = {
    groups: ids.groups,
    attachments: [attachment('lab/api', small.api), attachment('lab/db', small.db), attachment('lab/api', small.probe)],
    uplink: { interface: small.uplink },
  }
  return { platform, intent: compile(platform).intent, inventory, ids }
}

/** A refused SYN of `lab/api` to `lab/db` on port 5433; `change` replaces fields, `undefined` removes them. */
export function deniedLine(change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    dvc: 'Netfilter', 'raw.pktlen': 60, 'raw.pktcount': 1, 'oob.prefix': 'bh:policy', 'oob.time.sec': 1795289254, 'oob.time.usec': 744913,
    'oob.mark': 1, 'oob.ifindex_in': 2, 'oob.ifindex_out': 3, 'oob.hook': 2, 'raw.mac_len': 14, 'oob.seq.local': 3, 'oob.family': 2,
    'oob.protocol': 2048, 'raw.label': 0, 'raw.type': 1, 'raw.mac.addrlen': 6, 'ip.protocol': 6, 'ip.tos': 0, 'ip.ttl': 63,
    'ip.totlen': 60, 'ip.ihl': 5, 'ip.csum': 60158, 'ip.id': 15543, 'ip.fragoff': 16384, src_port: 46796, dest_port: 5433,
    'tcp.seq': 1555607127, 'tcp.ackseq': 0, 'tcp.window': 64240, 'tcp.offset': 0, 'tcp.reserved': 0, 'tcp.urg': 0, 'tcp.ack': 0,
    'tcp.psh': 0, 'tcp.rst': 0, 'tcp.syn': 1, 'tcp.fin': 0, 'tcp.res1': 0, 'tcp.res2': 0, 'tcp.csum': 5173,
    'oob.in': small.api.interface, 'oob.out': small.db.interface, src_ip: small.api.ipv4, dest_ip: small.db.ipv4,
    ...change,
  })
}

/** A connection of `lab/api` to `lab/db` on port 5432 that began. */
export function allowedLine(change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    dvc: 'Netfilter', 'orig.ip.protocol': 6, 'orig.l4.sport': 35350, 'orig.l4.dport': 5432, 'orig.raw.pktlen': 0, 'orig.raw.pktcount': 0,
    'reply.ip.protocol': 6, 'reply.l4.sport': 5432, 'reply.l4.dport': 35350, 'reply.raw.pktlen': 0, 'reply.raw.pktcount': 0,
    'ct.mark': 1, 'ct.id': 29457747, 'ct.event': 1, 'flow.start.sec': 1795289254, 'flow.start.usec': 7, 'oob.family': 2,
    'oob.protocol': 0, src_ip: small.api.ipv4, dest_ip: small.db.ipv4, 'reply.ip.saddr.str': small.db.ipv4,
    'reply.ip.daddr.str': small.api.ipv4,
    ...change,
  })
}

/** Flows between identities, each with each and with itself, in both families. */
import { identity, outboundGroup } from '../../engines/nftables/inventory.ts'
import { hasGateways, instantsOf, judge } from './subject.ts'
import { relevantTo } from '../relevant.ts'
import { portStretches, portsOfEnclaves } from './representatives.ts'
import { protocols } from '../../net/protocol.ts'
import type { Identity } from '../../engines/nftables/inventory.ts'
import type { ReadFlow } from './read-index.ts'
import { encryptedAllows, plainAllows } from '../reference/gateway.ts'
import type { Flow, Phase, Workload, WorkloadId } from '../../model/platform.ts'
import type { PortRange } from '../../net/ports.ts'
import type { Expectation, Subject } from './subject.ts'

export interface Member {
  readonly name: Identity
  readonly group: number
  readonly workload: WorkloadId
  readonly enclave: string
  readonly phase: Phase
  readonly attached: boolean
  readonly replicas: number
}

export function compareInside(subject: Subject): void {
  const members = membersOf(subject)
  const instants = instantsOf(subject)
  const stretches = new Map<string, readonly PortRange[]>()
  const straight = encryptionOf(subject)
  const relevant = relevantTo(subject.platform)
  const portsFor = (a: string, b: string): readonly PortRange[] => {
    const key = a < b ? `${a} ${b}` : `${b} ${a}`
    let known = stretches.get(key)
    if (known === undefined) stretches.set(key, (known = portStretches(portsOfEnclaves(subject.platform, new Set([a, b])))))
    return known
  }
  for (const source of members) {
    const about = { ...subject, platform: relevant.from(source.workload) }
    for (const destination of members) {
      const open = subject.index.between(source.group, destination.group)
      // What is not attached to this host cannot send or be reached here; only a path for it is a difference.
      if (open.length === 0 && !(source.attached && destination.attached)) continue
      // One replica has nobody to talk to.
      if (open.length === 0 && source.name === destination.name && source.replicas < 2) continue
      // Nothing is to pass and nothing does: most pairs, where there are many.
      if (open.length === 0 && relevant.nothing(source.workload, destination.workload)) continue
      const documented = portsFor(source.enclave, destination.enclave)
      const ports = open.length === 0 ? documented : portStretches([documented, ...open.map((path) => path.ports)])
      for (const protocol of protocols) {
        for (const port of protocol === 'icmp' ? [undefined] : ports) {
          const flow = {
            source: { kind: 'workload', workload: source.workload }, destination: { kind: 'workload', workload: destination.workload }, protocol,
            port: port?.from, phase: source.phase,
          } as const
          const read = ([4, 6] as const).map((family): ReadFlow => ({ source: source.group, destination: destination.group, family, protocol, port: port?.from }))
          const ends = { source: source.name, destination: destination.name, every: source.attached && destination.attached }
          const expect = straight(flow)
          judge(about, instants, { ...ends, flow, read, ports: port === undefined ? [] : [port], ...(expect === undefined ? {} : { expect }) })
          if (expect === undefined || hasGateways(subject, 'outbound', 'inbound') || !ends.every) continue
          const meant = (at: number): Expectation => (expect(at) === 'never' && encryptedBy(subject, flow, at) ? 'must' : 'may')
          judge(subject, instants, { ...ends, every: true, flow, read: read.map((each) => ({ ...each, destination: outboundGroup })), ports: port === undefined ? [] : [port], expect: meant })
        }
      }
    }
  }
}

/** What goes straight where some path asks for encryption: nothing that does, as long as it does. `undefined` for a flow that none asks it for. */
function encryptionOf(subject: Subject): (flow: Flow) => ((at: number) => Expectation) | undefined {
  const { platform, now } = subject
  const asked = [...platform.servicePolicies, ...platform.federationPolicies].some((policy) => policy.encryption === 'required')
  if (!asked) return () => undefined
  const led = hasGateways(subject, 'outbound', 'inbound')
  return (flow) => {
    if (flow.protocol !== 'tcp') return undefined
    return (at) => {
      const [source, destination] = endsOf(subject, flow)
      if (source === undefined || destination === undefined || !plainAllows(platform, source, destination, flow, at)) return 'never'
      if (encryptedAllows(platform, source, destination, flow, at)) return 'never'
      // Without gateways it is closed until the host works out anew what is open, which it does at each end of a policy.
      return led || !encryptedAllows(platform, source, destination, flow, now) ? 'must' : 'may'
    }
  }
}

function encryptedBy(subject: Subject, flow: Flow, at: number): boolean {
  const [source, destination] = endsOf(subject, flow)
  return source !== undefined && destination !== undefined && encryptedAllows(subject.platform, source, destination, flow, at)
}

function endsOf({ platform }: Subject, { source, destination }: Flow): readonly [Workload | undefined, Workload | undefined] {
  return [
    source.kind === 'workload' ? platform.workloads.get(source.workload) : undefined,
    destination.kind === 'workload' ? platform.workloads.get(destination.workload) : undefined,
  ]
}

/** Sorted by name; identities of workloads that the platform does not have any more are members too. */
export function membersOf({ inventory, names }: Subject): readonly Member[] {
  const replicas = new Map<string, number>()
  for (const each of inventory.attachments) {
    const name = identity(each.workload, each.phase)
    replicas.set(name, (replicas.get(name) ?? 0) + 1)
  }
  return [...names]
    .map(([group, name]): Member => {
      const [workload, phase] = name.split('@') as [WorkloadId, Phase]
      const count = replicas.get(name) ?? 0
      return { name, group, workload, enclave: workload.split('/')[0] ?? '', phase, attached: count > 0, replicas: count }
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

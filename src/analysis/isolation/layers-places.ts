/** The layers that are places: account, stack, pool of hosts, host, layer of hosts, environment. */
import { addressesOverlap } from '../../net/address-set.ts'
import { documentsNamed, list, workloadsOf } from './context.ts'
import { overlapOf } from './places.ts'
import type { IsolationContext } from './context.ts'
import type { Finding, Sharing } from './finding.ts'
import type { Overlap } from './places.ts'

const byDocuments = { enforcedBy: undefined, strength: 'none', basis: 'documents', stronger: undefined, documents: [] } as const

export function infrastructure(context: IsolationContext): Finding {
  const { platform, places } = context
  const layer = 'infrastructure'
  if (elsewhere(context)) return unsaidElsewhere(layer, 'where it runs and who operates it')
  const overlap = overlapOf(...workloadsOf(context), (w) => one(places.stackOf(w)?.account))
  const documents = documentsNamed(platform, 'stacks', stacksOf(context).ours.concat(stacksOf(context).theirs))
  if (overlap.ours.length > 0 && overlap.theirs.length > 0 && !overlap.unsaid && overlap.common.length === 0) {
    if (bothHere(context)) return oneMachine(layer, 'the documents put their stacks in accounts of their own, and this one machine carries both', documents, 'stacks in accounts of their own at the provider')
    return { ...byDocuments, layer, sharing: 'separate', strength: 'strongest', says: `their stacks are in accounts of their own: ${list(overlap.ours)} and ${list(overlap.theirs)}`, enforcedBy: 'the provider of the accounts', documents }
  }
  const says = overlap.common.length > 0 ? `they share the account ${list(overlap.common)}` : 'they are on one platform, and the documents do not say in which accounts its stacks are'
  return { ...byDocuments, layer, sharing: overlap.common.length > 0 ? shared(overlap) : 'unknown', says, stronger: 'stacks in accounts of their own at the provider, or another platform', documents }
}

export function stack(context: IsolationContext): Finding {
  const { platform } = context
  const layer = 'stack'
  if (elsewhere(context)) return unsaidElsewhere(layer, 'what it runs on')
  const overlap = stacksOf(context)
  const documents = documentsNamed(platform, 'stacks', [...overlap.ours, ...overlap.theirs])
  if (overlap.common.length > 0) {
    const open = overlap.common.filter((name) => platform.stacks.get(name)?.tenancy !== 'dedicated')
    return { ...byDocuments, layer, sharing: shared(overlap), says: `they share the network of the stack ${list(overlap.common)}`, documents, stronger: open.length === 0 ? 'a stack of its own for each' : 'a dedicated stack would also separate hosts and network' }
  }
  const peered = overlap.ours.filter((a) => overlap.theirs.some((b) => joined(context, a, b)))
  if (peered.length > 0) {
    return { ...byDocuments, layer, sharing: 'partly', strength: 'weak', says: `their stacks ${list(overlap.ours)} and ${list(overlap.theirs)} are peered`, enforcedBy: 'the operator\'s routes between the networks', documents, stronger: 'stacks that do not name each other\'s networks in `peeredCidrs`' }
  }
  const says = `they are on stacks of their own: ${list(overlap.ours)} and ${list(overlap.theirs)}`
  if (bothHere(context)) {
    return { ...byDocuments, layer, sharing: 'separate', strength: 'weak', basis: 'in force', says: `${says}, but this one machine carries both`, told: 'The two are on private networks of their own, of one machine.', enforcedBy: 'the rules of one kernel', documents, stronger: 'hosts of its own for each stack' }
  }
  return { ...byDocuments, layer, sharing: 'separate', strength: 'strong', says, enforcedBy: 'a private network for each stack, with a router of its own', documents, stronger: undefined }
}

export function segment(context: IsolationContext): Finding {
  const { platform } = context
  const layer = 'segment'
  if (elsewhere(context)) return unsaidElsewhere(layer, 'what it runs on')
  const overlap = overlapOf(...workloadsOf(context), (w) => [w.segment ?? noName])
  const documents = documentsNamed(platform, 'segments', [...overlap.ours, ...overlap.theirs])
  if (overlap.ours.length === 0 || overlap.theirs.length === 0) return { ...byDocuments, layer, sharing: 'absent', says: 'one of them has no workloads' }
  if (![...overlap.ours, ...overlap.theirs].some(isNamed)) {
    return { ...byDocuments, layer, sharing: 'absent', says: 'neither is on an isolation segment', stronger: 'an isolation segment for one of them would give it a pool of hosts of its own' }
  }
  if (overlap.common.length > 0) {
    const common = overlap.common.filter(isNamed)
    const says = [...(common.length === 0 ? [] : [`they share the pool of hosts ${list(common)}`]), ...(overlap.common.includes(noName) ? ['both have workloads on the hosts of no segment'] : [])].join('; ')
    return { ...byDocuments, layer, sharing: shared(overlap), says, documents, stronger: 'an isolation segment that only one of them is entitled to' }
  }
  if (bothHere(context)) return oneMachine(layer, 'the documents put them on pools of hosts of their own, and this one machine carries both', documents, 'hosts of the segments that the documents name')
  const pools = [overlap.ours, overlap.theirs].map((names) => named(names, 'the hosts of no segment'))
  return { ...byDocuments, layer, sharing: 'separate', strength: 'strong', says: `they are on pools of hosts of their own: ${pools.join(' and ')}`, enforcedBy: 'the operator\'s assignment of workloads to hosts, which `check` holds to the segments', documents }
}

export function host(context: IsolationContext): Finding {
  const { platform, places, live } = context
  const layer = 'host'
  if (elsewhere(context)) return unsaidElsewhere(layer, 'what it runs on')
  const [ours, theirs] = workloadsOf(context)
  const stronger = 'a dedicated stack, an isolation segment, or hosts of different layers would separate hosts'
  // What runs here shares this machine, whatever the documents say.
  if (bothHere(context)) {
    const whole = [...ours, ...theirs].every((w) => live?.here.has(w.id) === true)
    return { ...byDocuments, layer, sharing: whole ? 'shared' : 'partly', says: 'workloads of both run on this one host, under one kernel', basis: 'in force', stronger }
  }
  const overlap = { ...overlapOf(ours, theirs, places.hostsOf), unsaid: ![...ours, ...theirs].every(places.placed) }
  const documents = documentsNamed(platform, 'hosts', [...overlap.ours, ...overlap.theirs])
  if (overlap.common.length > 0) return { ...byDocuments, layer, sharing: shared(overlap), says: `the operator has put workloads of both on ${count(overlap.common.length, 'host')}`, documents, stronger }
  if (!overlap.unsaid && overlap.ours.length > 0 && overlap.theirs.length > 0) {
    return { ...byDocuments, layer, sharing: 'separate', strength: 'strong', says: `they are on hosts of their own: ${count(overlap.ours.length, 'host')} and ${count(overlap.theirs.length, 'host')}`, enforcedBy: 'the operator\'s assignment of workloads to hosts', documents }
  }
  const why = apartByRule(context)
  if (why !== undefined) return { ...byDocuments, layer, sharing: 'separate', strength: 'strong', says: why, enforcedBy: 'the rules that an assignment to hosts is held to by `check`', documents }
  return { ...byDocuments, layer, sharing: 'unknown', says: 'the documents do not say on which hosts all of them run', documents, stronger }
}

export function layerOfHosts(context: IsolationContext): Finding {
  const { platform, places } = context
  const layer = 'layer'
  if (elsewhere(context)) return unsaidElsewhere(layer, 'what it runs on')
  const overlap = overlapOf(...workloadsOf(context), (w) => [w.layer ?? noName])
  const stacks = [...new Set(workloadsOf(context).flat().flatMap((w) => places.stackOf(w)?.name ?? []))].sort()
  const documents = documentsNamed(platform, 'stacks', stacks)
  if (overlap.ours.length === 0 || overlap.theirs.length === 0) return { ...byDocuments, layer, sharing: 'absent', says: 'one of them has no workloads' }
  if (![...overlap.ours, ...overlap.theirs].some(isNamed)) return { ...byDocuments, layer, sharing: 'absent', says: 'neither names a layer' }
  if (overlap.common.length > 0) {
    const common = overlap.common.filter(isNamed)
    const where = [...(common.length === 0 ? [] : [`the ${common.length === 1 ? 'layer' : 'layers'} ${list(common)}`]), ...(overlap.common.includes(noName) ? ['no layer'] : [])].join(' and in ')
    return { ...byDocuments, layer, sharing: shared(overlap), says: `both have workloads in ${where}`, documents, stronger: undefined }
  }
  if (bothHere(context) && stacks.some((name) => platform.stacks.get(name)?.layerHosts === 'separate')) return oneMachine(layer, 'the documents give each layer hosts of its own, and this one machine carries both', documents, 'hosts for each layer')
  const apart = workloadsOf(context).flat().every((w) => places.stackOf(w)?.layerHosts === 'separate')
  const names = [overlap.ours, overlap.theirs].map((all) => named(all, 'no layer'))
  return {
    ...byDocuments, layer, sharing: 'separate', strength: apart ? 'strong' : 'weak', says: `they are in layers of their own: ${names.join(' and ')}`, documents,
    enforcedBy: apart ? 'hosts of their own for each layer' : 'names alone: the stack lets layers share hosts',
    stronger: apart ? undefined : '`layerHosts: separate` in the stack would give each layer hosts of its own',
  }
}

export function environment(context: IsolationContext): Finding {
  const { platform, places } = context
  const layer = 'environment'
  if (elsewhere(context)) return unsaidElsewhere(layer, 'who may change it')
  const overlap = overlapOf(...workloadsOf(context), (w) => one(places.environmentOf(w)?.name ?? 'default'))
  const documents = documentsNamed(platform, 'environments', [...overlap.ours, ...overlap.theirs])
  if (overlap.common.length > 0) return { ...byDocuments, layer, sharing: shared(overlap), says: `they share the environment ${list(overlap.common)}: the same people may change both`, documents, stronger: 'an environment for each, with members of its own' }
  if (overlap.ours.length === 0 || overlap.theirs.length === 0) return { ...byDocuments, layer, sharing: 'absent', says: 'one of them has no workloads', documents }
  const people = (names: readonly string[]): ReadonlySet<string> => new Set(names.flatMap((name) => platform.environments.get(name)?.members.map((m) => m.subject) ?? []))
  const both = [...people(overlap.ours).intersection(people(overlap.theirs))].sort()
  const says = `they are in environments of their own: ${list(overlap.ours)} and ${list(overlap.theirs)}${both.length === 0 ? '' : `, of which ${count(both.length, 'person or group', 'people or groups')} may change both`}`
  return {
    ...byDocuments, layer, sharing: both.length === 0 ? 'separate' : 'partly', strength: both.length === 0 ? 'moderate' : 'weak', says,
    enforcedBy: 'both halves of every path between them must be written by their owners', documents, stronger: both.length === 0 ? undefined : 'members of its own for each environment',
  }
}

/** A promise about hosts that the machine which was looked at does not keep. */
function oneMachine(layer: Finding['layer'], says: string, documents: Finding['documents'], stronger: string): Finding {
  return { layer, sharing: 'separate', strength: 'none', basis: 'contradicted', says, enforcedBy: undefined, stronger, documents }
}

/** Hosts belong to one stack and one segment, so what differs in these shares no host. */
function apartByRule(context: IsolationContext): string | undefined {
  const { platform, places } = context
  const [ours, theirs] = workloadsOf(context)
  if (ours.length === 0 || theirs.length === 0) return undefined
  if (stacksOf(context).common.length === 0) return 'a host belongs to one stack, and they are on different ones'
  const segments = overlapOf(ours, theirs, (w) => [w.segment ?? ''])
  if (segments.common.length === 0) return 'a host belongs to one isolation segment or to none, and they are on different ones'
  const layers = overlapOf(ours, theirs, (w) => [w.layer ?? ''])
  const separate = [...ours, ...theirs].every((w) => places.stackOf(w)?.layerHosts === 'separate')
  if (separate && layers.common.length === 0 && platform.stacks.size > 0) return 'their stack keeps its layers on hosts of their own, and they are in different ones'
  return undefined
}

/** Workloads of both run on this one machine. */
export function bothHere(context: IsolationContext): boolean {
  return workloadsOf(context).every((all) => all.some((w) => context.live?.here.has(w.id) === true))
}

function stacksOf(context: IsolationContext): Overlap {
  return overlapOf(...workloadsOf(context), (w) => [context.places.stackOf(w)?.name ?? 'default'])
}

/** One of them counts an address of the other as inside. */
function joined({ platform }: IsolationContext, a: string, b: string): boolean {
  const [x, y] = [platform.stacks.get(a), platform.stacks.get(b)]
  if (x === undefined || y === undefined) return false
  return addressesOverlap(x.peeredCidrs, y.cidrs) || addressesOverlap(y.peeredCidrs, x.cidrs)
}

/** One of the two is another platform. */
export function elsewhere({ parties }: IsolationContext): boolean {
  return parties.some(({ kind }) => kind === 'peer')
}

export function bothElsewhere({ parties }: IsolationContext): boolean {
  return parties.every(({ kind }) => kind === 'peer')
}

/** A Peer document names a trust domain and a gateway, and no place: two platforms may even share a machine. */
export function unsaidElsewhere(layer: Finding['layer'], what: string): Finding {
  return { ...byDocuments, layer, sharing: 'unknown', says: `one of them is another platform: the documents of this one do not say ${what}` }
}

function shared({ ours, theirs, common, unsaid }: Overlap): Sharing {
  return !unsaid && common.length === ours.length && common.length === theirs.length ? 'shared' : 'partly'
}

/** Stands for what belongs to no segment, or to no layer: that can be shared too. */
const noName = ''

function isNamed(name: string): boolean {
  return name !== noName
}

function named(names: readonly string[], nothing: string): string {
  const known = names.filter(isNamed)
  return [...(known.length === 0 ? [] : [list(known)]), ...(names.includes(noName) ? [nothing] : [])].join(' and ')
}

function one(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value]
}

function count(n: number, singular: string, plural = `${singular}s`): string {
  return n === 1 ? `1 ${singular}` : `${n} ${plural}`
}

/** The layers that a host's kernel and the authority keep: enclave, container, identity, policy. */
import { formatFlowEnd, formatTraffic } from '../../intent/format.ts'
import { compareText } from '../../base/location.ts'
import { shortestChain } from '../chain.ts'
import { documentsNamed, list, workloadsOf } from './context.ts'
import { bothElsewhere, bothHere, elsewhere, unsaidElsewhere } from './layers-places.ts'
import { contradiction, held, kernelBasis } from './live.ts'
import { overlapOf } from './places.ts'
import type { Path } from '../../intent/intent.ts'
import type { Workload } from '../../model/platform.ts'
import type { Hop } from '../chain.ts'
import type { Graph } from '../graph.ts'
import type { IsolationContext, PolicyContext } from './context.ts'
import type { Basis, DocumentPlace, Finding, Strength } from './finding.ts'
import type { Party } from './party.ts'

const anotherPlatform = 'another platform, with an authority and hosts of its own'

export function enclave(context: IsolationContext): Finding {
  const layer = 'enclave'
  if (bothElsewhere(context)) return unsaidElsewhere(layer, 'what they open to each other')
  if (elsewhere(context)) {
    return kept(context, 'moderate', {
      layer, sharing: 'separate', says: 'one of them is another platform: a path needs a half here and one there', documents: [], stronger: undefined,
      enforcedBy: 'what no policy opens here is denied, whatever the other platform allows', told: 'The other is a platform of its own: a connection needs our consent as well as theirs.',
    })
  }
  const overlap = overlapOf(...workloadsOf(context), (w) => [w.enclave])
  const documents = documentsNamed(context.platform, 'enclaves', [...overlap.ours, ...overlap.theirs])
  if (overlap.common.length > 0) {
    const whole = overlap.common.length === overlap.ours.length && overlap.common.length === overlap.theirs.length
    return { layer, sharing: whole ? 'shared' : 'partly', says: `they share the enclave ${list(overlap.common)}: one owner's policies open paths between them`, enforcedBy: undefined, strength: 'none', basis: 'documents', stronger: 'an enclave for each: then a path needs both to agree', documents }
  }
  if (overlap.ours.length === 0 || overlap.theirs.length === 0) return { layer, sharing: 'absent', says: 'one of them has no workloads', enforcedBy: undefined, strength: 'none', basis: 'documents', stronger: undefined, documents }
  return kept(context, 'moderate', {
    layer, sharing: 'separate', says: `they are in enclaves of their own: ${list(overlap.ours)} and ${list(overlap.theirs)}`, documents, stronger: undefined,
    enforcedBy: 'what no policy opens is denied, and between enclaves one must export what the other imports',
  })
}

export function container(context: IsolationContext): Finding {
  const layer = 'container'
  const [ours, theirs] = workloadsOf(context)
  const absent = { layer, enforcedBy: undefined, strength: 'none', basis: 'documents', stronger: undefined, documents: [] } as const
  if (elsewhere(context)) return unsaidElsewhere(layer, 'what runs its workloads')
  const common = overlapOf(ours, theirs, (w) => [w.id]).common
  if (common.length > 0) return { ...absent, sharing: 'partly', says: `they have workloads in common: ${list(common)}` }
  if (ours.length === 0 || theirs.length === 0) return { ...absent, sharing: 'absent', says: 'one of them has no workloads' }
  const starts = new Set([...ours, ...theirs].map((w) => w.start.kind))
  if (starts.size === 1 && starts.has('none')) return { ...absent, sharing: 'unknown', says: 'they are declared only, and nothing says what runs them', stronger: 'hosts of their own' }
  const ways = [
    ...(starts.has('run') ? ['processes that Bulkhead starts have network, mount, process and user namespaces of their own and no capabilities outside of them'] : []),
    ...(starts.has('attach-netns') ? ['of containers that others started, Bulkhead separates the network alone'] : []),
    ...(starts.has('attach-interface') ? ['what stands behind an interface that was handed over, perhaps a virtual machine, is not known here'] : []),
    ...(starts.has('none') ? ['some are declared only, and nothing says what runs them'] : []),
  ]
  const sandbox = context.live?.sandbox === true && bothHere(context)
  const basis = notTried(basisOf(context))
  const told = toldOf(starts, sandbox)
  return {
    layer, sharing: 'separate', says: `${ways.join('; ')}${sandbox ? '; in this sandbox all of them are processes of one user' : ''}`, strength: held('weak', basis), basis, documents: [], ...(told === undefined ? {} : { told }),
    enforcedBy: basis === 'contradicted' ? undefined : 'namespaces of one kernel, the weakest of all layers: one fault of that kernel ends it', stronger: 'hosts of their own',
  }
}

export function identity(context: IsolationContext): Finding {
  const layer = 'identity'
  const [ours, theirs] = workloadsOf(context)
  const common = overlapOf(ours, theirs, (w) => [w.id]).common
  const nothing = { layer, enforcedBy: undefined, strength: 'none', basis: 'documents', stronger: undefined, documents: [] } as const
  if (elsewhere(context)) return kept(context, 'strong', { layer, sharing: 'separate', says: 'each platform has a trust domain and an authority of its own', enforcedBy: 'certificates of the one are not believed about identities of the other', told: 'Each has an authority of its own for identities, which is not believed about those of the other.', stronger: undefined, documents: [] })
  if (common.length > 0) return { ...nothing, sharing: 'partly', says: `they have identities in common: ${list(common)}` }
  if (ours.length === 0 || theirs.length === 0) return { ...nothing, sharing: 'absent', says: 'one of them has no workloads' }
  const finding = kept(context, 'moderate', {
    layer, sharing: 'separate', says: `every workload has an identity of its own; one authority, that of \`${context.platform.trustDomain}\`, issues all of them`, documents: [],
    enforcedBy: 'the interface that a packet arrives on, never its address; and certificates whose keys no other workload sees', stronger: anotherPlatform,
  })
  return { ...finding, basis: notTried(finding.basis) }
}

/** Attempts are made to reach others, none to take an identity or to leave a container. */
function notTried(basis: Basis): Basis {
  return basis === 'verified' ? 'in force' : basis
}

/** What may be told a customer of processes: of those that others started, nothing is known but their network. */
function toldOf(starts: ReadonlySet<Workload['start']['kind']>, sandbox: boolean): string | undefined {
  const ours = starts.has('run')
  if (ours && starts.size === 1) return sandbox ? 'Their processes are kept apart by the operating system, as processes of one user: this is an installation for trials. It is the weakest of the separations named here.' : undefined
  return `${ours ? 'Processes that we start are kept apart by the operating system; of others' : 'Of their processes'}, we state only that their networks are apart. It is the weakest of the separations named here.`
}

export function policy(context: PolicyContext): Finding {
  const { graph, platform, parties } = context
  const layer = 'policy'
  if (bothElsewhere(context)) return unsaidElsewhere(layer, 'what they open to each other')
  const [a, b] = parties.map((party) => nodesOf(graph, party)) as [ReadonlySet<number>, ReadonlySet<number>]
  const direct = [...pathsFrom(graph, a, b), ...pathsFrom(graph, b, a)]
  const meeting = commonEnds(graph, a, b, graph.outward)
  const relays = commonEnds(graph, a, b, graph.inward)
  const where = `${meeting.length === 0 ? '' : `; both may reach ${list(meeting)}, where what they send could meet`}${relays.length === 0 ? '' : `; ${list(relays)} may reach both and pass on what they answer`}`
  const told = meeting.length + relays.length === 0 ? {} : { alsoTold: 'Both may be connected to the same systems, where what they send could meet.' }
  if (direct.length > 0) {
    const texts = [...new Set(direct.map((path) => `${formatFlowEnd(path.source)} -> ${formatFlowEnd(path.destination)} ${formatTraffic(path)}`))].sort(compareText)
    return kept(context, 'weak', {
      ...told, layer, sharing: 'partly', says: `policies open ${texts.length} ${texts.length === 1 ? 'path' : 'paths'} between them: ${list(texts)}${where}`, documents: origins(direct),
      enforcedBy: 'everything else between them is denied', stronger: 'revoking these policies; a Guardrail `isolated` would refuse such paths',
    })
  }
  const chain = shortestChain(graph, { sources: a, destinations: b }) ?? shortestChain(graph, { sources: b, destinations: a })
  if (chain !== undefined) {
    return kept(context, 'weak', {
      ...told, layer, sharing: 'partly', says: `no path joins them, but a chain of paths does: ${chainText(chain)}${where}`, documents: origins(chain.map(({ path }) => path)),
      enforcedBy: 'everything else between them is denied', stronger: 'a Guardrail `isolated` would refuse such chains',
    })
  }
  return kept(context, 'moderate', {
    ...told, layer, sharing: 'separate', says: `no path and no chain of paths leads from one to the other${where}`, documents: [], enforcedBy: 'what no policy opens is denied',
    stronger: platform.guardrails.some((g) => g.assert === 'isolated') ? undefined : 'a Guardrail `isolated` would keep it so',
  })
}

type Claim = Omit<Finding, 'strength' | 'basis'>

/** What the kernel of a host keeps is only as strong as what was found on it. */
function kept(context: IsolationContext, strength: Strength, claim: Claim): Finding {
  const basis = basisOf(context)
  if (basis !== 'contradicted' || context.live === undefined) return { ...claim, strength, basis }
  return { ...claim, says: `${claim.says}; ${contradiction(context.live)}`, enforcedBy: undefined, strength: 'none', basis }
}

/** Of workloads that do not run here only the documents speak. */
function basisOf(context: IsolationContext): Basis {
  const { live, parties } = context
  const seen = parties.filter(({ workloads }) => workloads.some((w) => live?.here.has(w.id) === true)).length
  return seen === 0 ? 'documents' : parties.every(({ kind, workloads }) => kind === 'peer' || workloads.every((w) => live?.here.has(w.id) === true)) ? kernelBasis(live) : kernelBasis(live) === 'contradicted' ? 'contradicted' : 'documents'
}

function nodesOf(graph: Graph, party: Party): ReadonlySet<number> {
  if (party.kind === 'peer') return new Set(graph.ends.flatMap((end, node) => (end.kind === 'peer' && end.peer === party.name ? [node] : [])))
  return new Set(party.workloads.flatMap((w) => graph.nodeOf(w.id) ?? []))
}

function pathsFrom(graph: Graph, from: ReadonlySet<number>, to: ReadonlySet<number>): readonly Path[] {
  return [...from].flatMap((node) => Array.from(graph.paths(node)).filter(({ other }) => to.has(other)).map(({ path }) => path))
}

/** Whom both reach, or who reaches both; Externals of two names that hold one address are one place. */
function commonEnds(graph: Graph, a: ReadonlySet<number>, b: ReadonlySet<number>, edges: Graph['outward']): readonly string[] {
  const joined = (nodes: ReadonlySet<number>): ReadonlySet<number> => new Set([...nodes].flatMap((node) => edges(node).flatMap(({ other }) => [other, ...graph.twins(other)])))
  const common = [...joined(a).intersection(joined(b))].filter((node) => !a.has(node) && !b.has(node))
  return common.map((node) => graph.texts[node] ?? '').sort(compareText)
}

function origins(paths: readonly Path[]): readonly DocumentPlace[] {
  const found = new Map(paths.flatMap(({ origin }) => origin.map((o) => [o.document, { document: o.document, at: o.at }] as const)))
  return [...found.values()].sort((a, b) => compareText(a.document, b.document))
}

function chainText(chain: readonly Hop[]): string {
  const [first] = chain
  return [first === undefined ? '' : formatFlowEnd(first.path.source), ...chain.map(({ path }) => formatFlowEnd(path.destination))].map((end) => `\`${end}\``).join(' -> ')
}

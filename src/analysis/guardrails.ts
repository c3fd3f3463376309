/** Guardrails: statements that every set of policies has to keep, judged over all phases and ignoring `expires`. */
import { endsOf, formatChain, shortestChain } from './chain.ts'
import { graphOf } from './graph.ts'
import { scopeReader } from './scopes.ts'
import { trafficOf } from '../intent/traffic.ts'
import { subtractPorts, unionPorts } from '../net/ports.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Intent, Path, PathEnd } from '../intent/intent.ts'
import type { TrafficFor } from '../intent/traffic.ts'
import type { Guardrail, Platform, Scope, Workload } from '../model/platform.ts'
import type { ChainQuery, Hop } from './chain.ts'
import type { Graph } from './graph.ts'

export interface GuardrailResult {
  readonly guardrail: Guardrail
  /** The shortest chain that breaks it; absent when it holds. */
  readonly broken?: readonly Hop[]
}

/** Judges every Guardrail of the platform against the complete set of its paths. `graph` is theirs, where there is one already. */
export function judgeGuardrails(platform: Platform, intent: Intent, graph?: Graph): readonly GuardrailResult[] {
  if (platform.guardrails.length === 0) return []
  const all = graph ?? graphOf(platform, intent)
  const nodes = scopeReader(platform, all)
  return platform.guardrails.map((guardrail) => {
    const broken = shortest(counterexamples(platform, guardrail, all, nodes))
    return broken === undefined ? { guardrail } : { guardrail, broken }
  })
}

type Nodes = (scopes: readonly Scope[]) => ReadonlySet<number>

function shortest(chains: Iterable<readonly Hop[] | undefined>): readonly Hop[] | undefined {
  let best: readonly Hop[] | undefined
  for (const chain of chains) if (chain !== undefined && (best === undefined || chain.length < best.length)) best = chain
  return best
}

function* counterexamples(platform: Platform, guardrail: Guardrail, graph: Graph, nodes: Nodes): Iterable<readonly Hop[] | undefined> {
  switch (guardrail.assert) {
    case 'onlyPorts': {
      const traffic = guardrail.allow.map(trafficOf)
      const source = nodes(guardrail.source)
      yield directPath(graph, source, nodes(guardrail.destination), (path) => !isPermitted(traffic, workloadAt(platform, path.destination), path))
      return
    }
    case 'encrypted':
      for (const [source, destination] of eachTwo(guardrail.between.map(nodes))) yield directPath(graph, source, destination, (path) => !usesMutualTls(path))
      return
    default:
      for (const query of queriesOf(guardrail, nodes)) yield shortestChain(graph, query)
  }
}

/** A Guardrail of the transitive forms holds when none of these questions finds a chain. */
function queriesOf(guardrail: Exclude<Guardrail, { readonly assert: 'onlyPorts' | 'encrypted' }>, nodes: Nodes): readonly ChainQuery[] {
  switch (guardrail.assert) {
    case 'never':
      return [{ sources: nodes(guardrail.source), destinations: nodes(guardrail.destination) }]
    case 'noFlow':
      return [
        { sources: nodes(guardrail.source), destinations: nodes(guardrail.destination), relays: nodes(guardrail.relays), bothWays: true },
      ]
    case 'onlyVia': {
      const via = nodes(guardrail.via)
      return [{ sources: nodes(guardrail.source), destinations: nodes(guardrail.destination).difference(via), without: via }]
    }
    case 'isolated':
      return eachTwo(guardrail.between.map(nodes)).map(([sources, destinations]) => ({ sources, destinations }))
    case 'noExternal': {
      const inside = nodes(guardrail.workloads)
      const outside = nodes([{ kind: 'every-external', at: guardrail.at }])
      return [
        ...(guardrail.direction === 'in' ? [] : [{ sources: inside, destinations: outside }]),
        ...(guardrail.direction === 'out' ? [] : [{ sources: outside, destinations: inside }]),
      ]
    }
  }
}

function eachTwo<T>(sets: readonly T[]): readonly (readonly [T, T])[] {
  return sets.flatMap((a, i) => sets.flatMap((b, j) => (i === j ? [] : [[a, b] as const])))
}

/** The first path that leads straight from one of these nodes to one of those, and is of that kind. */
function directPath(graph: Graph, sources: ReadonlySet<number>, destinations: ReadonlySet<number>, wanted: (path: Path) => boolean): readonly Hop[] | undefined {
  for (const source of [...sources].sort((a, b) => a - b)) {
    for (const { other, path } of graph.paths(source)) if (destinations.has(other) && wanted(path)) return [{ path, forward: true }]
  }
  return undefined
}

function workloadAt(platform: Platform, end: PathEnd): Workload | undefined {
  return end.kind === 'workload' ? platform.workloads.get(end.workload) : undefined
}

function isPermitted(traffic: readonly TrafficFor[], destination: Workload | undefined, { protocol, ports }: Path): boolean {
  const allowed = traffic.flatMap((of) => of(destination).filter((t) => t.protocol === protocol))
  return allowed.length > 0 && subtractPorts(ports, unionPorts(...allowed.map((t) => t.ports))).length === 0
}

/**
 * Gateways speak mutual TLS to each other, of two platforms always and of one where a policy requires it, and carry tcp alone.
 * Other paths inside a host are the kernel's; of a way in or out only the gateway's far side could be.
 */
function usesMutualTls({ via, protocol }: Path): boolean {
  return (via.kind === 'peer' || via.kind === 'mutual-tls') && protocol === 'tcp'
}

export function guardrailDiagnostics(results: readonly GuardrailResult[]): readonly Diagnostic[] {
  return results.flatMap(({ guardrail, broken }) => {
    if (broken === undefined) return []
    return [
      {
        code: 'guardrail-broken',
        severity: 'error',
        message: `guardrail \`${guardrail.name}\` does not hold: ${brokenText(guardrail, broken)}: ${formatChain(broken)}`,
        at: guardrail.at,
      } as const,
    ]
  })
}

/** What a counterexample shows, in words that come before its chain. */
export function brokenText(guardrail: Guardrail, broken: readonly Hop[]): string {
  const { first, last } = endsOf(broken)
  const over = `over ${broken.length === 1 ? 'one path' : `${broken.length} paths`}`
  switch (guardrail.assert) {
    case 'noFlow':
      return `data can flow between \`${first}\` and \`${last}\`, ${over}`
    case 'onlyVia':
      return `there is a way from \`${first}\` to \`${last}\` that avoids what it must pass, ${over}`
    case 'onlyPorts':
      return `\`${first}\` may send \`${last}\` more than is allowed`
    case 'encrypted':
      return `the path from \`${first}\` to \`${last}\` does not use mutual TLS`
    case 'never':
    case 'isolated':
    case 'noExternal':
      return `there is a way from \`${first}\` to \`${last}\`, ${over}`
  }
}

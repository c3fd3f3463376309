/** Guardrails: statements that every set of policies has to keep, judged over all phases and ignoring `expires`. */
import { endsOf, formatChain, shortestChain } from './chain.ts'
import { graphOf } from './graph.ts'
import { scopeReader } from './scopes.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Intent } from '../intent/intent.ts'
import type { Guardrail, Platform, Scope } from '../model/platform.ts'
import type { ChainQuery, Hop } from './chain.ts'

export interface GuardrailResult {
  readonly guardrail: Guardrail
  /** The shortest chain that breaks it; absent when it holds. */
  readonly broken?: readonly Hop[]
}

/** Judges every Guardrail of the platform against the complete set of its paths. */
export function judgeGuardrails(platform: Platform, intent: Intent): readonly GuardrailResult[] {
  if (platform.guardrails.length === 0) return []
  const graph = graphOf(platform, intent)
  const nodes = scopeReader(platform, graph)
  return platform.guardrails.map((guardrail) => {
    const chains = queriesOf(guardrail, nodes).flatMap((query) => {
      const chain = shortestChain(graph, query)
      return chain === undefined ? [] : [chain]
    })
    const [first, ...others] = chains
    if (first === undefined) return { guardrail }
    return { guardrail, broken: others.reduce((best, chain) => (chain.length < best.length ? chain : best), first) }
  })
}

/** A Guardrail holds when none of these questions finds a chain. */
function queriesOf(guardrail: Guardrail, nodes: (scopes: readonly Scope[]) => ReadonlySet<number>): readonly ChainQuery[] {
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
    case 'isolated': {
      const sets = guardrail.between.map(nodes)
      return sets.flatMap((sources, i) => sets.flatMap((destinations, j) => (i === j ? [] : [{ sources, destinations }])))
    }
  }
}

export function guardrailDiagnostics(results: readonly GuardrailResult[]): readonly Diagnostic[] {
  return results.flatMap(({ guardrail, broken }) => {
    if (broken === undefined) return []
    const { first, last } = endsOf(broken)
    const hops = broken.length === 1 ? 'one path' : `${broken.length} paths`
    const how = guardrail.assert === 'noFlow' ? 'data can flow between' : 'there is a way from'
    const and = guardrail.assert === 'noFlow' ? 'and' : 'to'
    const around = guardrail.assert === 'onlyVia' ? ' that avoids what it must pass' : ''
    return [
      {
        code: 'guardrail-broken',
        severity: 'error',
        message: `guardrail \`${guardrail.name}\` does not hold: ${how} \`${first}\` ${and} \`${last}\`${around}, over ${hops}: ${formatChain(broken)}`,
        at: guardrail.at,
      } as const,
    ]
  })
}

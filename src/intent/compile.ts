/** Platform to Intent: the complete set of allowed paths, by the rules of docs/meaning.md. */
import { sortDiagnostics } from '../base/diagnostic.ts'
import { builder } from './builder.ts'
import { externalAddresses } from './externals.ts'
import { openFederation } from './federation.ts'
import { groupEdges } from './group-edges.ts'
import { layerEdges } from './layers.ts'
import { oneSidedMembership } from './one-sided.ts'
import { openEgress, openGroup, openIngress, openService } from './open.ts'
import { sortPaths } from './order.ts'
import { restrictedEgress } from './restricted.ts'
import { selector } from './select.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Platform } from '../model/platform.ts'
import type { Intent } from './intent.ts'

export interface Compiled {
  readonly intent: Intent
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Pure: reads no clock, so policies that have expired still have their paths, which say when they close. An error among
 * the diagnostics means that the set is refused, whatever paths it would have opened.
 */
export function compile(platform: Platform): Compiled {
  const select = selector(platform)
  const build = builder()
  for (const policy of platform.servicePolicies) openService(build, select, policy)
  for (const [key, group] of platform.groups) openGroup(build, select.membership.members.get(key) ?? [], group)
  for (const policy of platform.egressPolicies) openEgress(build, select, policy)
  for (const policy of platform.ingressPolicies) openIngress(build, select, policy)
  const unmet = openFederation(build, select, platform)
  const paths = Object.freeze(sortPaths(build.paths))
  const diagnostics = sortDiagnostics([
    ...unmet,
    ...groupEdges(platform, select, paths),
    ...layerEdges(platform, paths),
    ...restrictedEgress(platform, select, externalAddresses(platform)),
    ...oneSidedMembership(platform, select),
  ])
  return { intent: Object.freeze({ kind: 'intent', paths }), diagnostics }
}

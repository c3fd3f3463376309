/** What is known of the machine that carries the workloads. Nothing may be claimed that one of these facts contradicts. */
import type { WorkloadId } from '../../model/platform.ts'
import type { Basis, Strength } from './finding.ts'

export interface LiveFacts {
  /** The last look found rules, interfaces and settings as they were applied, and of these very documents. */
  readonly enforced: boolean
  /** Why not, in a few words. */
  readonly why: string | undefined
  /**
   * The last verification of these documents, if nothing was changed since: milliseconds since the epoch, how many attempts did not
   * end as they say, and how many ordered pairs of identities were tried of how many there are.
   */
  readonly verified: { readonly at: number; readonly mismatches: number; readonly pairs: { readonly tried: number; readonly of: number } } | undefined
  /** A sandbox runs all processes as one user of the machine. */
  readonly sandbox: boolean
  /** The workloads that run on this one machine. */
  readonly here: ReadonlySet<WorkloadId>
}

/** The basis of what this machine's kernel separates. */
export function kernelBasis(live: LiveFacts | undefined): Basis {
  if (live === undefined) return 'documents'
  if (!live.enforced || (live.verified !== undefined && live.verified.mismatches > 0)) return 'contradicted'
  return live.verified === undefined || live.verified.pairs.tried < live.verified.pairs.of ? 'in force' : 'verified'
}

/** A separation that the machine contradicts is none. */
export function held(strength: Strength, basis: Basis): Strength {
  return basis === 'contradicted' ? 'none' : strength
}

export function contradiction(live: LiveFacts): string {
  if (!live.enforced) return `the machine is not as the documents say: ${live.why ?? 'the rules are not in force'}`
  return `the last verification found ${live.verified?.mismatches ?? 0} ${live.verified?.mismatches === 1 ? 'attempt' : 'attempts'} that did not end as the documents say`
}

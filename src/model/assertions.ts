/** What must hold of every set of policies, and the examples that a set is tested by. They open and close nothing. */
import type { Location } from '../base/location.ts'
import type { Flow } from './flows.ts'
import type { TrafficSpec } from './policies.ts'
import type { Ref } from './references.ts'

/** A set of workloads or Externals in an assertion. */
export type Scope =
  | Ref
  | { readonly kind: 'every-workload'; readonly at: Location }
  | { readonly kind: 'every-external'; readonly at: Location }
  | { readonly kind: 'environment'; readonly environment: string; readonly at: Location }
  | { readonly kind: 'stack'; readonly stack: string; readonly at: Location }
  | { readonly kind: 'segment'; readonly segment: string; readonly at: Location }

export type Guardrail = { readonly kind: 'Guardrail'; readonly name: string; readonly at: Location } & Assertion

export type Assertion =
  /** No chain of initiations, of any length, leads from a source to a destination. */
  | { readonly assert: 'never'; readonly source: readonly Scope[]; readonly destination: readonly Scope[] }
  /** No chain of paths, each taken as two-way, joins the two; a chain ends at a relay. */
  | { readonly assert: 'noFlow'; readonly source: readonly Scope[]; readonly destination: readonly Scope[]; readonly relays: readonly Scope[] }
  /** Every chain of initiations from a source to a destination passes one of `via` (a source or a destination that is one counts). */
  | { readonly assert: 'onlyVia'; readonly source: readonly Scope[]; readonly destination: readonly Scope[]; readonly via: readonly Scope[] }
  /** No chain of initiations joins any two of these sets, in either direction. */
  | { readonly assert: 'isolated'; readonly between: readonly (readonly Scope[])[] }
  /** Whatever path leads straight from a source to a destination carries nothing else than this. */
  | { readonly assert: 'onlyPorts'; readonly source: readonly Scope[]; readonly destination: readonly Scope[]; readonly allow: readonly TrafficSpec[] }
  /** No chain of initiations leads from these to an External (`out`), from an External to these (`in`), or either. */
  | { readonly assert: 'noExternal'; readonly workloads: readonly Scope[]; readonly direction: 'in' | 'out' | 'both' }
  /** Every path that joins two of these sets directly, in either direction, uses mutual TLS. */
  | { readonly assert: 'encrypted'; readonly between: readonly (readonly Scope[])[] }

export interface PolicyTest {
  readonly kind: 'PolicyTest'
  readonly name: string
  readonly cases: readonly PolicyTestCase[]
  readonly at: Location
}

export interface PolicyTestCase {
  readonly expect: 'allow' | 'deny'
  readonly flow: Flow
  readonly at: Location
}

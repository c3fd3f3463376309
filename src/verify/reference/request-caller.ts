/** Who a caller has to be, in the plainest words. */
import type { Authentication, Claim, Platform, Route } from '../../model/platform.ts'
import type { Caller } from '../../model/request.ts'

export function callerProves(platform: Platform, authentication: Authentication, caller: Caller): boolean {
  if (authentication.kind === 'none') return true
  if (authentication.kind === 'mtls') {
    if (caller.kind !== 'certificate') return false
    if (authentication.caFile !== undefined && authentication.caFile !== caller.authority) return false
    for (const name of caller.names) {
      const vouched = authentication.caFile !== undefined || name.startsWith(`spiffe://${caller.authority}/`)
      if (!vouched) continue
      if (authentication.subjects.includes(name)) return true
      if (authentication.subjects.length === 0 && (authentication.caFile !== undefined || caller.authority === platform.trustDomain)) return true
    }
    // A certificate without any name still shows that the authority has signed it.
    return authentication.caFile !== undefined && authentication.subjects.length === 0
  }
  if (caller.kind !== 'token' || caller.issuer !== authentication.issuer) return false
  return authentication.audiences.some((audience) => caller.audiences.includes(audience)) && hasAll(authentication.claims, caller.claims)
}

export function routeTakesCaller(route: Route, caller: Caller): boolean {
  if (route.claims.length > 0 && (caller.kind !== 'token' || !hasAll(route.claims, caller.claims))) return false
  if (route.identities.length === 0) return true
  if (caller.kind !== 'certificate') return false
  return route.identities.some((identity) => caller.names.includes(identity))
}

function hasAll(claims: readonly Claim[], of: Readonly<Record<string, unknown>>): boolean {
  for (const claim of claims) {
    const found = at(of, claim.path)
    let met = false
    for (const value of claim.values) {
      if (found === value || (Array.isArray(found) && found.includes(value))) met = true
    }
    if (!met) return false
  }
  return true
}

function at(value: unknown, path: readonly string[]): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  for (const [key, inner] of Object.entries(value)) if (key === step) return at(inner, rest)
  return undefined
}

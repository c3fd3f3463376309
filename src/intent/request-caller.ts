/** Whether callers are whom a policy and a route ask for. */
import type { Authentication, Claim, Platform, Route } from '../model/platform.ts'
import type { Caller } from '../model/request.ts'

/** Whether the caller has proved what the policy asks of all its callers. */
export function callerMeets({ trustDomain }: Platform, authentication: Authentication, caller: Caller): boolean {
  switch (authentication.kind) {
    case 'none':
      return true
    case 'mtls': {
      if (caller.kind !== 'certificate') return false
      const { caFile, subjects } = authentication
      if (caFile !== undefined) return caller.authority === caFile && (subjects.length === 0 || caller.names.some((name) => subjects.includes(name)))
      // An authority vouches for its own trust domain alone.
      const own = caller.names.filter((name) => name.startsWith(`spiffe://${caller.authority}/`))
      return subjects.length === 0 ? caller.authority === trustDomain && own.length > 0 : own.some((name) => subjects.includes(name))
    }
    case 'jwt':
    case 'oidc':
      return (
        caller.kind === 'token' && caller.issuer === authentication.issuer && caller.audiences.some((audience) => authentication.audiences.includes(audience)) &&
        authentication.claims.every((claim) => claimMet(claim, caller.claims))
      )
  }
}

/** What one route asks beyond its policy. */
export function routeAdmits({ claims, identities }: Route, caller: Caller): boolean {
  if (claims.length > 0 && !(caller.kind === 'token' && claims.every((claim) => claimMet(claim, caller.claims)))) return false
  return identities.length === 0 || (caller.kind === 'certificate' && caller.names.some((name) => identities.includes(name)))
}

function claimMet({ path, values }: Claim, claims: Readonly<Record<string, unknown>>): boolean {
  let value: unknown = claims
  for (const step of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step)) return false
    value = (value as Readonly<Record<string, unknown>>)[step]
  }
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value]
  return texts.some((text) => typeof text === 'string' && values.includes(text))
}

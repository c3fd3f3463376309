/**
 * The resolver's complete desired state, as plain data: who may be told what. It travels as JSON; docs/resolver.md describes
 * the format. Everything is sorted, so that one state has one text.
 */
import { z } from 'zod'

const grant = z.strictObject({
  /** The documents that open it together: one policy, or the two halves of a federation. */
  documents: z.array(z.string()).readonly(),
  /** Milliseconds since the epoch; from then on it grants nothing. */
  until: z.number().optional(),
})

const host = z.strictObject({
  /** `postgres-db.research.internal`, in lower case and without the last dot. */
  name: z.string(),
  /** IPv4 first; empty for a workload that is nowhere at the moment. */
  addresses: z.array(z.string()).readonly(),
})

const asker = z.strictObject({
  /** `enclave/workload@phase`, or `gateway/inbound`, `gateway/outbound`. */
  asker: z.string(),
  kind: z.enum(['workload', 'gateway']),
  /** One list for each replica: the addresses that it asks from, and that it is told for its own name. */
  places: z.array(z.array(z.string()).readonly()).readonly(),
  /** Its own name and enclave; absent for gateways. */
  self: z.strictObject({ name: z.string(), enclave: z.string() }).optional(),
  /** Hosts that it may be told about. */
  hosts: z.array(z.strictObject({ name: z.string(), grants: z.array(grant).readonly() })).readonly(),
  outside: z.array(z.strictObject({
    /** `pypi.org`, or `*.pypi.org` for everything below it. */
    domain: z.string(),
    /** The External that names it; for a gateway's own needs, the gateway. */
    external: z.string(),
    grants: z.array(grant).readonly(),
    /** CIDRs of `never` that the External holds all the same, so that answers may lie in them. */
    holds: z.array(z.string()).readonly(),
  })).readonly(),
})

const zonesSchema = z.strictObject({
  kind: z.literal('dns-zones'),
  hosts: z.array(host).readonly(),
  askers: z.array(asker).readonly(),
  /** CIDRs in which no answer from outside may lie. */
  never: z.array(z.string()).readonly(),
})

export type Grant = z.infer<typeof grant>
export type ZoneHost = z.infer<typeof host>
export type ZoneAsker = z.infer<typeof asker>
export type OutsideName = ZoneAsker['outside'][number]
export type Zones = z.infer<typeof zonesSchema>

/** `now` in milliseconds since the epoch: at the instant itself it grants nothing any more. */
export function isOpen({ until }: Grant, now: number): boolean {
  return until === undefined || now < until
}

export const noZones: Zones = Object.freeze({ kind: 'dns-zones', hosts: Object.freeze([]), askers: Object.freeze([]), never: Object.freeze([]) })

/** Throws with the place of the first mistake; what is half understood is not taken. */
export function parseZones(value: unknown): Zones {
  const parsed = zonesSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new TypeError(`not zones: ${issue === undefined ? 'nothing in it fits' : `${issue.path.join('.')}: ${issue.message}`}`)
}

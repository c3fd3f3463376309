/**
 * What one side of a pod lets through, for every peer at once. Pods that the same policies select, and that declare the
 * same ports where a rule names one, share one profile; a profile lists only the peers that some rule singles out.
 *
 * Tiers in order: the first cluster-wide rule that matches decides, `pass` skips the rest of its tier; then, for a pod
 * that any NetworkPolicy selects, what these allow together and nothing else; else the baseline; else everything.
 */
import { noTraffic, allTraffic, nothing } from './traffic.ts'
import { portSet, unionPorts } from '../../net/ports.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { Pieces } from './blocks.ts'
import type { Direction, Policy, PortMatch, Rule } from './policy.ts'
import type { PodIndex } from './selection.ts'
import type { PortedProtocol, Traffic, TrafficId, TrafficTable } from './traffic.ts'
import type { ContainerPort } from './workloads.ts'

export interface Profile {
  /** For every pod that is not in `pods`. */
  readonly others: TrafficId
  readonly pods: ReadonlyMap<number, TrafficId>
  /** By piece of the outside. */
  readonly outside: (piece: number) => TrafficId
  /** For a pod without labels in a namespace without labels. */
  readonly anonymous: TrafficId
}

export interface World {
  readonly index: PodIndex
  readonly policies: readonly Policy[]
  readonly table: TrafficTable
  /** The outside as this direction's rules see it. */
  readonly pieces: Pieces
  /** The pods whose own addresses are in a set; none where blocks mean the outside alone. */
  readonly podsWithin: (set: AddressSet) => readonly number[]
}

/** Rules as they bear on one profile, in the order in which they are judged. */
interface Judged {
  readonly tier: Policy['tier']
  readonly action: Rule['action']
  readonly traffic: (peer: number | undefined) => TrafficId
  /** `undefined` for all. */
  readonly pods: readonly number[] | undefined
  readonly pieces: readonly number[] | undefined
  readonly anonymous: boolean
}

/** The profile of each pod, by position. */
export function profilesOf(world: World, direction: Direction): readonly Profile[] {
  const { index, policies, table } = world
  const selecting: number[][] = index.pods.map(() => [])
  const ordered = [...policies].filter((policy) => policy[direction] !== undefined).sort((a, b) => a.priority - b.priority)
  ordered.forEach((policy, i) => {
    for (const pod of index.select(policy.subject)) selecting[pod]?.push(i)
  })
  const resolved = new Map<Rule, Judged>()
  const named = ordered.map((policy) => (policy[direction] ?? []).some(({ ports }) => ports?.some((port) => port.kind === 'name') === true))
  const profiles = new Map<string, Profile>()
  return index.pods.map((pod, position) => {
    const mine = selecting[position] ?? []
    const ownPorts = direction === 'ingress' && mine.some((i) => named[i] === true) ? portsKey(pod.ports) : ''
    const key = `${mine.join(',')} ${ownPorts}`
    let profile = profiles.get(key)
    if (profile === undefined) {
      const selected = mine.flatMap((i) => ordered[i] ?? [])
      const rules = selected.flatMap((policy) => (policy[direction] ?? []).map((rule) => {
        let judged = resolved.get(rule)
        if (judged === undefined) resolved.set(rule, (judged = judge(world, policy, rule, direction)))
        // A name means what this very destination declares.
        return direction === 'ingress' && hasNames(rule) ? { ...judged, traffic: constant(trafficOf(table, rule.ports, pod.ports)) } : judged
      }))
      profiles.set(key, (profile = profileOf(table, rules, selected.some(({ tier }) => tier === 'namespaced'))))
    }
    return profile
  })
}

function judge({ index, table, pieces, podsWithin }: World, { tier }: Policy, rule: Rule, direction: Direction): Judged {
  const { peers } = rule
  const byName = direction === 'egress' && hasNames(rule)
  const fixed = byName ? trafficOf(table, rule.ports?.filter(({ kind }) => kind === 'range'), []) : direction === 'egress' || !hasNames(rule) ? trafficOf(table, rule.ports, []) : noTraffic
  const signatures = new Map<string, TrafficId>()
  const traffic = byName
    ? (peer: number | undefined): TrafficId => {
        const ports = peer === undefined ? undefined : index.pods[peer]?.ports
        if (ports === undefined) return fixed
        const key = portsKey(ports)
        let known = signatures.get(key)
        if (known === undefined) signatures.set(key, (known = trafficOf(table, rule.ports, ports)))
        return known
      }
    : constant(fixed)
  const base = { tier, action: rule.action, traffic }
  if (peers === undefined) return { ...base, pods: byName ? index.pods.map((_, i) => i) : undefined, pieces: undefined, anonymous: true }
  const pods = new Set<number>()
  const outside = new Set<number>()
  let anonymous = false
  for (const peer of peers) {
    if (peer.kind === 'addresses') {
      for (const piece of pieces.within(peer.addresses)) outside.add(piece)
      for (const pod of podsWithin(peer.addresses)) pods.add(pod)
    } else {
      for (const pod of index.select(peer.selection)) pods.add(pod)
      anonymous ||= index.selectsAnonymous(peer.selection)
    }
  }
  return { ...base, pods: pods.size === index.pods.length && !byName ? undefined : [...pods], pieces: [...outside], anonymous }
}

function profileOf(table: TrafficTable, rules: readonly Judged[], isolated: boolean): Profile {
  const verdict = (matching: readonly number[], peer: number | undefined): TrafficId => decide(table, rules, matching, isolated, peer)
  const forPods = sortOut(rules, ({ pods }) => pods)
  const forPieces = sortOut(rules, ({ pieces }) => pieces)
  const known = new Map<string, TrafficId>()
  const pods = new Map<number, TrafficId>()
  for (const [pod, singled] of forPods.mentions) {
    const matching = merge(forPods.always, singled)
    const key = `${matching.join(',')} ${matching.map((i) => rules[i]?.traffic(pod)).join(',')}`
    let id = known.get(key)
    if (id === undefined) known.set(key, (id = verdict(matching, pod)))
    pods.set(pod, id)
  }
  const elsewhere = verdict(forPieces.always, undefined)
  const outside = new Map<number, TrafficId>()
  for (const [piece, singled] of forPieces.mentions) {
    const matching = merge(forPieces.always, singled)
    const key = matching.join(',')
    let id = known.get(`outside ${key}`)
    if (id === undefined) known.set(`outside ${key}`, (id = verdict(matching, undefined)))
    outside.set(piece, id)
  }
  return Object.freeze({
    others: verdict(forPods.always, undefined),
    pods,
    outside: (piece: number) => outside.get(piece) ?? elsewhere,
    anonymous: verdict(rules.flatMap(({ anonymous }, i) => (anonymous ? [i] : [])), undefined),
  })
}

/** Which rules hold of every peer, and which others of each peer that they single out; positions ascending. */
function sortOut(rules: readonly Judged[], ends: (rule: Judged) => readonly number[] | undefined): { readonly always: readonly number[]; readonly mentions: ReadonlyMap<number, readonly number[]> } {
  const always: number[] = []
  const mentions = new Map<number, number[]>()
  rules.forEach((rule, i) => {
    const list = ends(rule)
    if (list === undefined) always.push(i)
    else for (const end of list) {
      const known = mentions.get(end)
      if (known === undefined) mentions.set(end, [i])
      else known.push(i)
    }
  })
  return { always, mentions }
}

function merge(a: readonly number[], b: readonly number[]): readonly number[] {
  return a.length === 0 ? b : [...a, ...b].sort((x, y) => x - y)
}

function decide(table: TrafficTable, rules: readonly Judged[], matching: readonly number[], isolated: boolean, peer: number | undefined): TrafficId {
  const admin = inOrder(table, rules, matching, 'admin', peer, allTraffic)
  if (!isolated) {
    const baseline = inOrder(table, rules, matching, 'baseline', peer, admin.undecided)
    return table.union(admin.allowed, table.union(baseline.allowed, baseline.undecided))
  }
  let permitted = noTraffic
  for (const i of matching) {
    const rule = rules[i]
    if (rule?.tier === 'namespaced') permitted = table.union(permitted, rule.traffic(peer))
  }
  return table.union(admin.allowed, table.intersect(admin.undecided, permitted))
}

/** The first rule that matches decides; what passes is left to the next tier, as is what no rule matches. */
function inOrder(
  table: TrafficTable, rules: readonly Judged[], matching: readonly number[], tier: Policy['tier'], peer: number | undefined, given: TrafficId,
): { readonly allowed: TrafficId; readonly undecided: TrafficId } {
  let allowed = noTraffic
  let passed = noTraffic
  let left = given
  for (const i of matching) {
    const rule = rules[i]
    if (rule === undefined || rule.tier !== tier) continue
    const traffic = table.intersect(rule.traffic(peer), left)
    if (rule.action === 'allow') allowed = table.union(allowed, traffic)
    else if (rule.action === 'pass') passed = table.union(passed, traffic)
    left = table.subtract(left, traffic)
  }
  return { allowed, undecided: table.union(left, passed) }
}

/** `ports` are those that the destination declares: names stand for these. */
export function trafficOf(table: TrafficTable, matches: readonly PortMatch[] | undefined, ports: readonly ContainerPort[]): TrafficId {
  if (matches === undefined) return allTraffic
  const sets: Record<PortedProtocol, Traffic['tcp']> = { sctp: nothing.sctp, tcp: nothing.tcp, udp: nothing.udp }
  for (const match of matches) {
    if (match.kind === 'range') sets[match.protocol] = unionPorts(sets[match.protocol], portSet([match]))
    else for (const { name, port, protocol } of ports) {
      if (name === match.name && (match.protocol === undefined || match.protocol === protocol)) sets[protocol] = unionPorts(sets[protocol], portSet([{ from: port, to: port }]))
    }
  }
  return table.id({ ...sets, rest: false })
}

function hasNames({ ports }: Rule): boolean {
  return ports?.some(({ kind }) => kind === 'name') === true
}

function portsKey(ports: readonly ContainerPort[]): string {
  return ports.map(({ name, port, protocol }) => `${name ?? ''}:${port}/${protocol}`).join(' ')
}

function constant(id: TrafficId): () => TrafficId {
  return () => id
}

/** The configuration text of a NATS server back to who may do what, by NATS' documentation and what the real server was seen to do. */
import { parseConfiguration } from './read/parse.ts'
import type { Value } from './read/parse.ts'

export type MessageAction = 'publish' | 'subscribe'

export interface Reading {
  /** By the name that the server knows a client under: the URI of its certificate. */
  readonly users: ReadonlyMap<string, UserReading>
  /** Why the configuration lets in others than it lists; empty for a sound one. */
  readonly open: readonly string[]
  readonly listen: string
  /** The file of authorities. */
  readonly believes: string
}

export interface UserReading {
  readonly publish: Lists
  readonly subscribe: Lists
}

interface Lists {
  /** `undefined`: everything. So for the server is a list without members. */
  readonly allow: readonly string[] | undefined
  readonly deny: readonly string[]
}

type Mapping = Readonly<Record<string, Value>>

export function read(configuration: string): Reading {
  const top = parseConfiguration(configuration)
  const tls = mapping(top['tls'])
  const authorization = mapping(top['authorization'])
  const open: string[] = []
  if (tls['verify_and_map'] !== true) open.push('clients are not known by their certificates')
  if (tls['ca_file'] === undefined) open.push('any authority is trusted')
  if (authorization['users'] === undefined) open.push('nobody is asked who they are')
  for (const key of ['no_auth_user', 'token', 'user', 'password', 'accounts', 'include', 'leafnodes', 'cluster', 'gateway', 'websocket', 'mqtt', 'http', 'https', 'monitor_port']) {
    if (top[key] !== undefined || authorization[key] !== undefined) open.push(`\`${key}\` is another way in`)
  }
  const otherwise = authorization['default_permissions']
  const users = new Map<string, UserReading>()
  for (const entry of list(authorization['users'])) {
    const user = mapping(entry)
    const permissions = mapping(user['permissions'] ?? otherwise)
    if (permissions['allow_responses'] !== undefined) open.push('replies go wherever a message says')
    const name = user['user']
    if (typeof name === 'string') users.set(name, { publish: lists(permissions['publish']), subscribe: lists(permissions['subscribe']) })
  }
  const text = (value: Value | undefined): string => (typeof value === 'string' ? value : '')
  return { users, open, listen: text(top['listen']), believes: text(tls['ca_file']) }
}

/** Whether one message with this subject (no wildcards) may be published by the user, or reach it through any subscription that the server takes. */
export function allows({ users, open }: Reading, name: string, action: MessageAction, subject: string): boolean {
  const user = users.get(name)
  if (user === undefined || open.length > 0) return open.length > 0
  const { allow, deny } = user[action]
  if (deny.some((pattern) => holds(pattern, subject))) return false
  if (allow === undefined || allow.some((pattern) => holds(pattern, subject))) return true
  // A wanted `a.>` is compared part by part, so an allowed `a.*` takes it; then all below `a` is delivered.
  return action === 'subscribe' && allow.some((pattern) => pattern.split('.').at(-1) === '*' && holds(`${pattern}.>`, subject))
}

function holds(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const given = subject.split('.')
  const rest = wanted.at(-1) === '>'
  const fixed = rest ? wanted.slice(0, -1) : wanted
  if (rest ? given.length <= fixed.length : given.length !== fixed.length) return false
  return fixed.every((part, i) => part === '*' || part === given[i])
}

/** `"a"`, `["a", "b"]`, or `{ allow: ..., deny: ... }` of either. */
function lists(value: Value | undefined): Lists {
  if (typeof value === 'string' || Array.isArray(value)) return { allow: full(subjects(value)), deny: [] }
  const { allow, deny } = mapping(value)
  return { allow: full(subjects(allow)), deny: subjects(deny) }
}

function full(all: readonly string[]): readonly string[] | undefined {
  return all.length === 0 ? undefined : all
}

function subjects(value: Value | undefined): readonly string[] {
  return (typeof value === 'string' ? [value] : list(value)).filter((item) => typeof item === 'string')
}

function list(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? value : []
}

function mapping(value: Value | undefined): Mapping {
  return typeof value === 'object' && !Array.isArray(value) ? (value as Mapping) : {}
}

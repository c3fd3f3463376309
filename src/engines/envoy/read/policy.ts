/** Role-based access control: a policy agrees when one permission and one principal do, and its condition if it has one. */
import { holds } from './chains.ts'
import { list, object, text } from './values.ts'
import { textMatches } from './text-match.ts'
import type { Attempt } from './attempt.ts'
import type { Unknown } from './values.ts'

export function policyAllows(rules: Unknown, attempt: Attempt): boolean {
  const agrees = Object.values(object(rules['policies'])).map(object).some((policy) =>
    list(policy['permissions']).some((each) => permits(object(each), attempt)) && list(policy['principals']).some((each) => is(object(each), attempt)) && holdsTrue(policy['condition'], attempt))
  return rules['action'] === 'DENY' ? !agrees : agrees
}

function permits(permission: Unknown, { request }: Attempt): boolean {
  const header = object(permission['header'])
  if (header['name'] === ':method') return textMatches(object(header['string_match']), request?.method ?? '')
  return true
}

function is(principal: Unknown, attempt: Attempt): boolean {
  const ids = (key: string): readonly Unknown[] => list(object(principal[key])['ids']).map(object)
  if (principal['and_ids'] !== undefined) return ids('and_ids').every((each) => is(each, attempt))
  if (principal['or_ids'] !== undefined) return ids('or_ids').some((each) => is(each, attempt))
  if (principal['not_id'] !== undefined) return !is(object(principal['not_id']), attempt)
  if (principal['direct_remote_ip'] !== undefined) {
    const { address_prefix: address, prefix_len: length } = object(principal['direct_remote_ip'])
    return holds(`${text(address)}/${String(length)}`, attempt.source)
  }
  if (principal['authenticated'] !== undefined) {
    const { caller } = attempt
    if (caller.kind !== 'certificate') return false
    const name = object(principal['authenticated'])['principal_name']
    return name === undefined || caller.names.some((each) => textMatches(object(name), each))
  }
  if (principal['sourced_metadata'] !== undefined) return metadata(object(object(principal['sourced_metadata'])['metadata_matcher']), attempt)
  return true
}

/** The payload of the token lies under the key that the filter was told to use; the registered claims are in it too. */
function metadata(matcher: Unknown, { caller }: Attempt): boolean {
  if (caller.kind !== 'token') return false
  const [, ...path] = list(matcher['path']).map((step) => text(object(step)['key']))
  let value: unknown = { ...caller.claims, iss: caller.issuer, aud: caller.audiences }
  for (const key of path) {
    const inner = object(value)
    value = Object.hasOwn(inner, key) ? inner[key] : undefined
  }
  return valueFits(object(matcher['value']), value)
}

function valueFits(matcher: Unknown, value: unknown): boolean {
  if (matcher['present_match'] !== undefined) return (value !== undefined) === matcher['present_match']
  if (matcher['or_match'] !== undefined) return list(object(matcher['or_match'])['value_matchers']).some((each) => valueFits(object(each), value))
  if (matcher['string_match'] !== undefined) return typeof value === 'string' && textMatches(object(matcher['string_match']), value)
  if (matcher['list_match'] !== undefined) return Array.isArray(value) && value.some((each) => valueFits(object(object(matcher['list_match'])['one_of']), each))
  return true
}

/** One expression is known: that the names of handshake and request are equal. */
function holdsTrue(condition: unknown, { sni, request }: Attempt): boolean {
  const { function: name, args } = object(object(condition)['call_expr'])
  if (name !== '_==_') return true
  const fields = list(args).map((each) => {
    const select = object(object(each)['select_expr'])
    return `${text(object(object(select['operand'])['ident_expr'])['name'])}.${text(select['field'])}`
  })
  return fields.join() !== 'connection.requested_server_name,request.host' || (sni ?? '') === (request?.host ?? '')
}

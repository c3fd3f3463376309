/** Single values. */
import type { CatalogueEntry } from './entry.ts'

export const valueErrors = {
  'invalid-port': {
    title: 'not a port',
    why: 'Ports are 1 to 65535; port 0 means "any" to some programs and "none" to others.',
    fix: 'Write a number, a range such as `8000-8100`, a port name, or `any`.',
  },
  'reversed-range': {
    title: 'a range that ends before it begins',
    why: 'It holds no port, so the policy would open nothing.',
    fix: 'Swap its ends.',
  },
  'missing-port': {
    title: 'a policy for this protocol needs a port',
    why: 'All ports is a decision and has to be written out.',
    fix: 'Write the port, or `port: any`.',
  },
  'needless-port': {
    title: 'this protocol takes no such port',
    why: '`icmp` has no ports, and `any` stands for all protocols and so for all ports.',
    fix: 'Remove `port` for `icmp`; write `port: any` for `protocol: any`.',
  },
  'invalid-cidr': {
    title: 'not an address range',
    why: 'Only a complete address with a prefix length names a definite set of addresses.',
    fix: 'Write it as `192.0.2.0/24` or `2001:db8::/32`.',
  },
  'host-bits': {
    title: 'an address range with host bits set',
    why: 'Either the address or the length is wrong, and only the writer knows which.',
    fix: 'Write the first address of the range, or the single address with /32 or /128.',
  },
  'mapped-address': {
    title: 'an IPv4-mapped IPv6 address',
    why: 'It is a second spelling of an IPv4 address, and filters disagree on which they see.',
    fix: 'Write the IPv4 address.',
  },
  'invalid-address': {
    title: 'not an address',
    why: 'Only one complete IPv4 or IPv6 address can be published.',
    fix: 'Write it as `192.0.2.10` or `2001:db8::10`.',
  },
  'invalid-domain': {
    title: 'not a domain name',
    why: 'Only a full name, or `*.` before one of at least two labels, names a definite set of hosts.',
    fix: 'Write it as `pypi.org` or `*.pythonhosted.org`.',
  },
  'wildcard-domain': {
    title: 'a pattern that holds every name',
    why: 'It would open the whole internet under the look of a named system.',
    fix: 'Name the domains that are needed.',
  },
  'invalid-instant': {
    title: 'not a date or an instant',
    why: 'A time without a zone means different instants in different places.',
    fix: 'Write `2027-03-31` (the start of that day in UTC) or `2027-03-31T18:00:00Z`.',
  },
  'invalid-reference': {
    title: 'not a reference',
    why: 'A reference that can be read two ways could select the wrong workload.',
    fix: 'Write one of the forms the message names.',
  },
  'action-deny': {
    title: 'there is no deny action',
    why: 'Everything is denied unless a policy allows it, and policies only add up; a deny rule would depend on order.',
    fix: 'Remove the policy that allows the path, or write a Guardrail that says it must never exist.',
  },
  'invalid-path': {
    title: 'not an absolute path',
    why: 'A path that climbs or floats depends on where it is read from.',
    fix: 'Write an absolute path without `..`.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>

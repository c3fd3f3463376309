/** The small texts inside documents: names, references, port items, instants. Parsing says what is wrong, and never guesses. */
import { isMappedAddress, parseAddress } from '../net/address.ts'
import { parseDomain } from '../net/domain.ts'
import type { ErrorCode } from '../base/catalogue.ts'
import type { Address } from '../net/address.ts'

/** What is wrong with a text; the message leaves out the text itself. */
export interface TextProblem {
  readonly code: ErrorCode
  readonly message: string
  readonly help?: string
}

const name = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/

export function isName(text: string): boolean {
  return name.test(text)
}

/** A reference as written, before anybody looks whether what it names exists. */
export type RefText =
  | { readonly form: 'workload'; readonly enclave: string | undefined; readonly workload: string }
  | { readonly form: 'spiffe'; readonly trustDomain: string; readonly enclave: string; readonly workload: string }
  | { readonly form: 'enclave'; readonly enclave: string }
  | { readonly form: 'group'; readonly enclave: string | undefined; readonly group: string }
  | { readonly form: 'external'; readonly external: string }
  | { readonly form: 'peer'; readonly peer: string; readonly enclave: string; readonly workload: string }
  | { readonly form: 'every-workload' | 'every-external' }
  | { readonly form: 'environment' | 'stack' | 'segment'; readonly name: string }

export const referenceForms =
  '`workload`, `enclave/workload`, `enclave/*`, `group:NAME`, `external:NAME`, `peer:NAME/enclave/workload`, a SPIFFE ID'

export function parseReference(text: string): RefText | undefined {
  if (text === '*') return { form: 'every-workload' }
  const colon = text.indexOf(':')
  if (colon >= 0) return parsePrefixed(text.slice(0, colon), text.slice(colon + 1))
  const [first = '', second, ...more] = text.split('/')
  if (more.length > 0 || !isName(first)) return undefined
  if (second === undefined) return { form: 'workload', enclave: undefined, workload: first }
  if (second === '*') return { form: 'enclave', enclave: first }
  return isName(second) ? { form: 'workload', enclave: first, workload: second } : undefined
}

function parsePrefixed(prefix: string, rest: string): RefText | undefined {
  switch (prefix) {
    case 'external':
      if (rest === '*') return { form: 'every-external' }
      return isName(rest) ? { form: 'external', external: rest } : undefined
    case 'environment':
    case 'stack':
    case 'segment':
      return isName(rest) ? { form: prefix, name: rest } : undefined
    case 'group': {
      const parts = rest.split('/')
      if (parts.length > 2 || !parts.every(isName)) return undefined
      return { form: 'group', enclave: parts.length === 2 ? parts[0] : undefined, group: parts.at(-1) ?? '' }
    }
    case 'peer': {
      const [peer = '', enclave = '', workload = '', ...more] = rest.split('/')
      if (more.length > 0 || !isName(peer) || !isName(enclave) || !(workload === '*' || isName(workload))) return undefined
      return { form: 'peer', peer, enclave, workload }
    }
    case 'spiffe': {
      const match = /^\/\/([a-z0-9._-]+)\/enclave\/([^/]+)\/workload\/([^/]+)$/.exec(rest)
      const [, trustDomain = '', enclave = '', workload = ''] = match ?? []
      return match !== null && isName(enclave) && isName(workload) ? { form: 'spiffe', trustDomain, enclave, workload } : undefined
    }
    default:
      return undefined
  }
}

/** An outside end of a question, where no document names it: an address or a full domain name. */
export type OutsideText = { readonly form: 'address'; readonly address: Address } | { readonly form: 'name'; readonly name: string }

export function parseOutside(text: string): OutsideText | undefined {
  const address = parseAddress(text)
  if (address !== undefined) return { form: 'address', address }
  const domain = parseDomain(text)
  return domain === undefined || isMappedAddress(text) ? undefined : { form: 'name', name: domain }
}

/** `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`; `otherwise` is the port that is not written. */
export function parseAddressAndPort(text: string, otherwise: number): { readonly address: Address; readonly port: number } | undefined {
  const plain = parseAddress(text)
  if (plain !== undefined) return { address: plain, port: otherwise }
  const match = /^(?:([0-9.]+)|\[([0-9a-fA-F:.]+)\]):([1-9][0-9]{0,4})$/.exec(text)
  const address = parseAddress(match?.[1] ?? match?.[2] ?? '')
  const port = Number(match?.[3])
  return address === undefined || !isPortNumber(port) || (address.family === 6) !== (match?.[2] !== undefined) ? undefined : { address, port }
}

/** A port item written as text: `any`, a range, or a name. */
export type PortText =
  | { readonly kind: 'any' }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'name'; readonly name: string }

export function parsePortText(text: string): PortText | TextProblem {
  if (text === 'any') return { kind: 'any' }
  const range = /^([0-9]+)-([0-9]+)$/.exec(text)
  if (range !== null) return rangeOf(range[1] ?? '', range[2] ?? '')
  if (/^[0-9]+$/.test(text)) return { code: 'wrong-type', message: 'is text, not a number', help: 'write the port without quotes' }
  if (isPortName(text)) return { kind: 'name', name: text }
  return { code: 'invalid-port', message: 'is not a port', help: 'allowed: 1 to 65535, a range such as `8000-8100`, a port name, `any`, or a list of these' }
}

/** At least one letter, so that a port name is never taken for a number or a range; `any` is taken. */
export function isPortName(text: string): boolean {
  return isName(text) && /[a-z]/.test(text) && text !== 'any'
}

export function isPortNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65_535
}

function rangeOf(first: string, last: string): PortText | TextProblem {
  const from = Number(first)
  const to = Number(last)
  const plain = String(from) === first && String(to) === last
  if (!plain || !isPortNumber(from) || !isPortNumber(to)) return { code: 'invalid-port', message: 'leaves the ports', help: 'ports are 1 to 65535' }
  if (from > to) return { code: 'reversed-range', message: 'ends before it begins', help: `write \`${to}-${from}\`` }
  return { kind: 'range', from, to }
}

/** Milliseconds since the epoch; a date alone is the start of that day in UTC. Without a zone, or no such day: `undefined`. */
export function parseInstant(text: string): number | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(Z|[+-]\d{2}:\d{2}))?$/.exec(text)
  if (match === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((part) => Number(part ?? 0))
  const date = new Date(Date.UTC(year, month - 1, day))
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const zone = /^([+-])(\d{2}):(\d{2})$/.exec(match[8] ?? '')
  if (zone !== null && (Number(zone[2]) > 23 || Number(zone[3]) > 59)) return undefined
  const offset = zone === null ? 0 : (zone[1] === '-' ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3]))
  const milliseconds = Number((match[7] ?? '0').padEnd(3, '0'))
  return date.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + milliseconds
}

/** Who a certificate says its holder is: a SPIFFE ID or a DNS name, in the one form in which certificates carry them. */
export function isSubject(text: string): boolean {
  if (!text.startsWith('spiffe:')) return parseDomain(text) === text
  const match = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)+)$/.exec(text)
  return match !== null && text.length <= 2048 && !(match[2] ?? '').split('/').some((step) => step === '.' || step === '..')
}

/** A path inside a workload or on a host: absolute and without `.`, `..` or empty steps. */
export function isPlainAbsolutePath(text: string): boolean {
  if (text === '/') return true
  return text.startsWith('/') && text.slice(1).split('/').every((step) => step !== '' && step !== '.' && step !== '..')
}

/** `path` as seen from the folder of the file at `base` (absolute). */
export function resolveBeside(base: string, path: string): string {
  const from = path.startsWith('/') ? [] : base.split('/').slice(0, -1)
  const out: string[] = []
  for (const step of [...from, ...path.split('/')]) {
    if (step === '..') out.pop()
    else if (step !== '' && step !== '.') out.push(step)
  }
  return `/${out.join('/')}`
}

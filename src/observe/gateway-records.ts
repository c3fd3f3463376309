/**
 * What gateways and resolver have decided, as verdict records: Envoy's access log lines and the resolver's own verdicts, told
 * with the identities and the documents that stand behind addresses and rules. What others sent is in them and is believed nothing.
 */
import type { NameVerdict } from '../engines/dns/records.ts'
import type { Host } from './host-index.ts'
import type { VerdictEnd, VerdictRecord } from './verdict.ts'

/** By the name of a chain or route: the documents that opened it. */
export type Rules = ReadonlyMap<string, readonly string[]>

type Line = Readonly<Partial<Record<string, unknown>>>

const longestText = 300

/** `undefined` for a line that is no record. */
export function accessRecord(text: string, gateway: 'outbound' | 'inbound', host: Host, rules: Rules): VerdictRecord | undefined {
  let line: Line
  try {
    line = (JSON.parse(text) ?? {}) as Line
  } catch {
    return undefined
  }
  const source = endOf(line['source'])
  const time = wordOf(line['time'])
  if (source === undefined || time === undefined || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(time)) return undefined
  const asked = endOf(line['destination'])
  // From outside, whoever answers is the destination; the gateway itself when nobody did.
  const reached = gateway === 'inbound' ? (endOf(line['upstream']) ?? asked) : asked
  const { verdict, reason } = judge(line, gateway)
  const policies = rules.get(wordOf(line['route']) ?? '') ?? rules.get(wordOf(line['chain']) ?? '')
  const name = wordOf(line['host']) ?? wordOf(line['sni'])
  const method = wordOf(line['method'])
  const status = Number(line['status'])
  const detail = wordOf(line['failure']) ?? wordOf(line['upstreamFailure']) ?? wordOf(line['closed']) ?? (reason === 'policy' ? undefined : withoutQuery(wordOf(line['details'])))
  const identity = wordOf(line['identity'])
  return {
    kind: 'verdict',
    time: microseconds(time),
    count: 1,
    verdict,
    reason,
    gateway,
    source: { ...told(source.address, host), ...(identity === undefined ? {} : { identity }) },
    destination: reached === undefined ? { address: '' } : told(reached.address, host),
    protocol: 'tcp',
    ...(asked === undefined ? {} : { port: asked.port }),
    sourcePort: source.port,
    interfaces: { in: '', out: '' },
    // Between stand-ins of verification the inbound gateway sees the outbound one.
    probe: isProbe(source.address, host) || wordOf(line['chain'])?.startsWith('try:') === true,
    ...(name === undefined ? {} : { name }),
    ...(method === undefined ? {} : { http: { method, path: wordOf(line['path']) ?? '', ...(Number.isInteger(status) ? { status } : {}) } }),
    ...(policies === undefined ? {} : { policies }),
    ...(detail === undefined ? {} : { explanation: detail }),
    ...(typeof line['received'] === 'number' && typeof line['sent'] === 'number' ? { bytes: line['received'] + line['sent'] } : {}),
  }
}

/** What Envoy says about how it answered, in our words. */
function judge(line: Line, gateway: 'outbound' | 'inbound'): Pick<VerdictRecord, 'verdict' | 'reason'> {
  const deny = (reason: string): Pick<VerdictRecord, 'verdict' | 'reason'> => ({ verdict: 'deny', reason })
  const details = wordOf(line['details']) ?? ''
  const closed = wordOf(line['closed']) ?? ''
  const status = Number(line['status'])
  const flags = wordOf(line['flags']) ?? ''
  if (line['kind'] === 'refused') return deny('policy')
  if (wordOf(line['failure']) !== undefined) return deny('tls')
  if (/rbac_access_denied/.test(`${details} ${closed}`)) return deny('policy')
  if (/^oauth\.(logged_in|sign_out|redirect_race)/.test(details)) return { verdict: 'allow', reason: 'sign-in' }
  if (/^jwt_authn|^oauth/.test(details) || (status === 401 && /^sign-in:/.test(wordOf(line['route']) ?? ''))) return deny('authentication')
  if (/rate_limited|overload|connection_limit/.test(`${details} ${closed}`)) return deny('limit')
  if (/^route_not_found/.test(details)) return deny('route')
  if (/^direct_response/.test(details)) return status >= 300 && status < 400 ? { verdict: 'allow', reason: 'redirect' } : deny('route')
  if (/\bDF\b/.test(flags) || (/\bUH\b/.test(flags) && gateway === 'outbound')) return deny('unresolved')
  if (line['kind'] === 'request' && !/^via_upstream|^upstream|^downstream|^response_timeout|^$/.test(details) && status >= 400) return deny('invalid')
  if (/\bNR\b/.test(flags)) return deny('policy')
  return { verdict: 'allow', reason: 'policy' }
}

/** What the resolver decided: the name stands for the destination, which is the resolver itself. */
export function nameRecord(verdict: NameVerdict, host: Host): VerdictRecord {
  return {
    kind: 'verdict',
    time: microseconds(verdict.time),
    ...(verdict.until === undefined ? {} : { until: microseconds(verdict.until) }),
    count: verdict.count,
    verdict: verdict.verdict,
    reason: verdict.verdict === 'allow' ? 'policy' : verdict.reason,
    gateway: 'resolver',
    source: told(verdict.address, host),
    destination: { address: '', gateway: 'resolver' },
    protocol: verdict.transport,
    port: 53,
    interfaces: { in: '', out: '' },
    probe: isProbe(verdict.address, host),
    name: verdict.name.slice(0, longestText),
    question: { type: verdict.type, answer: verdict.answer, ...(verdict.addresses === undefined ? {} : { addresses: verdict.addresses }) },
    ...(verdict.policies === undefined ? {} : { policies: verdict.policies }),
    ...(verdict.detail === undefined ? {} : { explanation: verdict.detail.slice(0, longestText) }),
  }
}

function told(address: string, host: Host): VerdictEnd {
  const owner = host.byAddress(address)
  if (owner?.kind === 'workload') return { address, identity: owner.identity, workload: owner.workload, phase: owner.phase, replica: owner.replica }
  if (owner?.kind === 'gateway') return { address, gateway: owner.gateway }
  const externals = host.externalsOf(address)
  return externals.length === 0 ? { address } : { address, externals }
}

function isProbe(address: string, host: Host): boolean {
  const owner = host.byAddress(address)
  return owner?.kind === 'workload' && owner.probe
}

/** `10.0.0.1:80`, `[fd00::1]:80`. */
function endOf(value: unknown): { readonly address: string; readonly port: number } | undefined {
  const [, six, four, port] = (typeof value === 'string' ? /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(value) : null) ?? []
  const address = six ?? four
  return address === undefined ? undefined : { address, port: Number(port) }
}

/** What a filter says of a request may quote it. */
function withoutQuery(text: string | undefined): string | undefined {
  return text?.replace(/\?.*/s, '')
}

/** A text that says something; what clients sent is cut. */
function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value !== '-' ? value.slice(0, longestText) : undefined
}

/** Records have microseconds everywhere, so that they sort as texts. */
function microseconds(time: string): string {
  const [, seconds = time, fraction = ''] = /^(.*?:\d\d)(?:\.(\d+))?Z$/.exec(time) ?? []
  return `${seconds}.${fraction.slice(0, 6).padEnd(6, '0')}Z`
}

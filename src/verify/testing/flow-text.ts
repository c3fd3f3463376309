/** Flows as one line of text, for tables in tests: `alpha/api > alpha/db tcp 5432`, `203.0.113.1 > alpha/db icmp task`. */
import { phases } from '../../model/platform.ts'
import { formatAddress, parseAddress } from '../../net/address.ts'
import { isProtocol } from '../../net/protocol.ts'
import type { Flow, FlowEnd, Phase } from '../../model/platform.ts'

export function flow(text: string): Flow {
  const [source = '', arrow, destination = '', protocol = '', ...rest] = text.split(' ')
  if (arrow !== '>' || !isProtocol(protocol)) throw new SyntaxError(`not a flow: ${text}`)
  const port = rest.find((word) => /^[0-9]+$/.test(word))
  const phase = rest.find((word): word is Phase => (phases as readonly string[]).includes(word))
  return { source: end(source), destination: end(destination), protocol, port: port === undefined ? undefined : Number(port), phase }
}

function end(text: string): FlowEnd {
  const address = parseAddress(text)
  if (address !== undefined) return { kind: 'address', address }
  const [scheme, rest] = text.split(':')
  if (rest !== undefined && scheme === 'external') return { kind: 'external', external: rest }
  const [first = '', second = '', third = ''] = (rest ?? text).split('/')
  if (scheme === 'peer') return { kind: 'peer', peer: first, enclave: second, workload: third }
  return second === '' ? { kind: 'name', name: first } : { kind: 'workload', workload: `${first}/${second}` }
}

export function formatFlow({ source, destination, protocol, port, phase }: Flow): string {
  return [formatEnd(source), '>', formatEnd(destination), protocol, port, phase].filter((word) => word !== undefined).join(' ')
}

function formatEnd(value: FlowEnd): string {
  switch (value.kind) {
    case 'workload':
      return value.workload
    case 'address':
      return formatAddress(value.address)
    case 'name':
      return value.name
    case 'external':
      return `external:${value.external}`
    case 'peer':
      return `peer:${value.peer}/${value.enclave}/${value.workload}`
  }
}

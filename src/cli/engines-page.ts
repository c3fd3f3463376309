/** docs/engines.md, from what each engine says of itself. */
import { capabilities as dns } from '../engines/dns/capabilities.ts'
import { capabilities as envoy } from '../engines/envoy/capabilities.ts'
import { capabilities as nats } from '../engines/nats/capabilities.ts'
import { capabilities as nftables } from '../engines/nftables/capabilities.ts'
import type { Capability } from '../intent/refusal.ts'

const engines: readonly (readonly [name: string, about: string, capabilities: readonly Capability[]])[] = [
  ['nftables', 'The kernel\'s packet filter: every packet between workloads, and to and from outside, passes it.', nftables],
  ['Envoy', 'The inbound and outbound gateways: TLS, host names, HTTP, and mutual TLS between workloads.', envoy],
  ['DNS', 'The resolver that each workload asks.', dns],
  ['NATS', 'The permissions of a message broker.', nats],
]

export function enginesPage(): string {
  return [
    '<!-- Written by `bulkhead schema`; changes here are lost. -->',
    '# What each engine carries',
    '',
    'An engine turns allowed paths into the configuration of something that carries packets. What it cannot express stays closed: `up`,',
    '`apply` and `status` name each such path and give the reason. Nothing is widened to make it fit.',
    '',
    ...engines.flatMap(([name, about, capabilities]) => [
      `## ${name}`,
      '',
      about,
      '',
      '| path | carried | how, or why not |',
      '|---|---|---|',
      ...capabilities.map(({ what, carried, how }) => `| ${what} | ${carried ? 'yes' : 'no'} | ${how} |`),
      '',
    ]),
    'Limits that are not one engine\'s are on [a page of their own](limits.md).',
    '',
  ].join('\n')
}

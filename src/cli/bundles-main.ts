/**
 * The process that exchanges trust bundles, which the agent starts in the inbound gateway's namespace: orders come in on
 * stdin, reports go out on stdout, one JSON object a line. It ends when its agent does.
 */
import { parseArgs } from 'node:util'
import { createInterface } from 'node:readline'
import { createBundleExchange } from '../identity/bundle-exchange.ts'
import type { BundleOrder } from '../identity/bundle-lines.ts'

const { values } = parseArgs({ options: { authorities: { type: 'string' } } })

process.title = 'bulkhead-bundles'
const exchange = createBundleExchange((report) => void process.stdout.write(`${JSON.stringify(report)}\n`), values.authorities ?? '/etc/ssl/certs/ca-certificates.crt')
const input = createInterface({ input: process.stdin, crlfDelay: Infinity })
input.on('line', (text) => exchange.order(JSON.parse(text) as BundleOrder))
// Without an agent nobody says what is current: better no answer than an old one.
input.on('close', () => process.exit(0))
process.stdout.on('error', () => process.exit(0))

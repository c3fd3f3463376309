/**
 * The resolver's process, which the agent starts in the resolver's namespace: the desired state and admissions come in on
 * stdin, admission requests and records go out on stdout, one JSON object a line. It ends when its agent does.
 */
import { parseArgs } from 'node:util'
import { createInterface } from 'node:readline'
import { systemClock } from '../base/clock.ts'
import { messageOf } from '../base/fault.ts'
import { admissions } from '../engines/dns/admissions.ts'
import { readLine } from '../engines/dns/lines.ts'
import { verdictRecords } from '../engines/dns/records.ts'
import { createResolver } from '../engines/dns/resolver.ts'
import { startServer } from '../engines/dns/server.ts'
import { createUpstream } from '../engines/dns/upstream.ts'

const { values } = parseArgs({ options: { listen: { type: 'string', multiple: true }, port: { type: 'string' } } })

/** Bytes that wait for the agent to read them: beyond that records are counted instead, and nothing more is admitted. */
const mostUnread = 4 * 1024 * 1024
const flushMs = 100

function say(message: object): boolean {
  if (process.stdout.writableLength > mostUnread) return false
  process.stdout.write(`${JSON.stringify(message)}\n`)
  return true
}

async function main(): Promise<void> {
  process.title = 'bulkhead-resolver'
  const upstream = createUpstream()
  const admitting = admissions(say)
  const records = verdictRecords(say, (lost) => say({ kind: 'lost', records: lost }))
  const resolver = createResolver({ ask: upstream.ask, admissions: admitting, records, clock: systemClock })
  const flushing = setInterval(records.flush, flushMs)

  const input = createInterface({ input: process.stdin, crlfDelay: Infinity })
  input.on('line', (text) => {
    const told = readLine(text)
    switch (told.kind) {
      case 'state':
        try {
          resolver.setZones(told.zones)
          upstream.setServers(told.upstream)
          say({ kind: 'applied', serial: told.serial })
        } catch (thrown) {
          say({ kind: 'rejected', serial: told.serial, reason: messageOf(thrown) })
        }
        break
      case 'admitted':
        admitting.settle(told.id, told.admitted)
        break
      case 'flush':
        resolver.flush()
        break
      case 'rejected':
        say(told)
        break
    }
  })
  // Without an agent nobody admits anything and nobody revokes: better no answers than old ones.
  input.on('close', () => {
    clearInterval(flushing)
    records.flush()
    process.exit(0)
  })
  process.stdout.on('error', () => process.exit(0))

  const port = Number(values.port ?? 53)
  const server = await startServer((values.listen ?? []).map((address) => ({ address, port })), resolver.handle)
  say({ kind: 'ready', listening: server.listening })
}

await main().catch((error: unknown) => {
  process.stderr.write(`bulkhead-resolver: ${messageOf(error)}\n`)
  process.exit(1)
})

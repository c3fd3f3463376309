/** How many inotify instances a real Envoy takes, what becomes of it when the kernel grants fewer, and whether it lives with what is rendered for those. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, openSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { envoyArguments } from '../../../src/engines/envoy/bootstrap.ts'
import { everything, intentOf, inventoryOf } from '../../../src/engines/envoy/testing.ts'
import { findEnvoy } from '../../../src/engines/envoy/binary.ts'
import { ownWatches, renderWithin } from '../../../src/engines/envoy/watched.ts'
import { untilReady } from '../../../src/engines/envoy/apply.ts'
import { watchLimit } from '../../../src/host/gateways/watch-limit.ts'
import { authority, gateways, wire } from './gateway-place.ts'
import type { ChildProcess } from 'node:child_process'

const base = process.argv[2] ?? ''
const envoy = findEnvoy() ?? ''
const results: Record<string, unknown> = {}
const platform = everything()
wire()
const own = authority('bulkhead.internal')
const root = { kind: 'ca', roots: own.root } as const
const keySets = inventoryOf(platform).keySets
const { folder, rendered } = await gateways(base, platform, {
  'north.example': root, '/etc/bulkhead/ca.pem': root, '/etc/ssl/certs/ca-certificates.crt': root,
  '/etc/bulkhead/c.pem': { kind: 'certificate', ...own.issue({ dns: 'foreign.example.org' }) }, '/etc/bulkhead/secret': { kind: 'secret', text: 'x' },
}, keySets, own)

function instancesOf(pid: string): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).includes('inotify')
    } catch {
      return false
    }
  }).length
}
const held = (name: string): number => {
  const pid = readdirSync('/proc').find((each) => /^\d+$/.test(each) && readFileSync(`/proc/${each}/cmdline`, 'utf8').includes(`${join(base, name)}/bootstrap.json`))
  return pid === undefined ? -1 : instancesOf(pid)
}
const whole = rendered(platform)
results['one for each secret, and two'] = (['outbound', 'inbound'] as const).map((side) => held(side) - whole[side].needs.length - ownWatches)

/** Another inbound gateway with these files, in a folder that has the same secrets. */
function begin(name: string, files: ReadonlyMap<string, string>): ChildProcess {
  const place = join(base, name)
  mkdirSync(place)
  for (const file of readdirSync(folder('inbound'))) if (file.startsWith('sds-')) cpSync(join(folder('inbound'), file), join(place, file))
  for (const [file, text] of files) writeFileSync(join(place, file), text.replaceAll(folder('inbound'), place))
  const log = openSync(join(place, 'envoy.log'), 'a')
  return spawn(envoy, envoyArguments(place), { stdio: ['ignore', log, log] })
}

const granted = 10
const limit = '/proc/sys/user/max_inotify_instances'
writeFileSync(limit, String(held('outbound') + held('inbound') + granted))
const doomed = begin('doomed', whole.inbound.files)
await once(doomed, 'exit')
results['with fewer'] = { ended: doomed.exitCode !== 0, said: /inotify/.test(readFileSync(join(base, 'doomed', 'envoy.log'), 'utf8')) }

const inventory = { ...inventoryOf(platform, folder('inbound')), keySets }
const fitting = renderWithin(platform, intentOf(platform), inventory, { now: Date.now() }, { instances: granted, shared: false })
begin('fitting', fitting.inbound.files)
await untilReady(fitting.inbound, { folder: join(base, 'fitting'), timeoutMs: 20_000 })
results['within what is granted'] = held('fitting') <= granted && fitting.inbound.rules.size > 0
results['refused'] = [...new Set(fitting.refused.map(({ code: why }) => why))]

writeFileSync(limit, '40')
results['what the program reads'] = watchLimit()
process.stdout.write(JSON.stringify(results))
process.exit(0)

/** The line between two sites: a pair of interfaces that joins what is outside of one sandbox with what is outside of the other. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runOrFault } from '../../src/base/process.ts'

export interface Site {
  readonly name: string
  /** The folder of the instance's state. */
  readonly state: string
  /** Where its gateway answers. */
  readonly gateway: string
  /** Its end of the line. */
  readonly address: string
}

const device = 'line'
/** Routes that lead away from the stand-in for the whole internet, which has every address itself: a next hop must not look like one of them. */
const table = '51'

/** The sandbox's outside, as seen from out here. */
function outsideOf(site: Site): string {
  const { init } = JSON.parse(readFileSync(join(site.state, 'sandbox.json'), 'utf8')) as { init: { pid: number } }
  return `/proc/${init.pid}/root/run/netns/outside`
}

async function inOutside(site: Site, ...argv: readonly string[]): Promise<void> {
  await runOrFault(['nsenter', `--net=${outsideOf(site)}`, ...argv])
}

/** Each outside forwards what is meant for the other site's gateway, in its own name: no site knows the addresses inside the other. */
export async function connect(a: Site, b: Site): Promise<void> {
  await runOrFault(['ip', 'link', 'add', a.name, 'type', 'veth', 'peer', 'name', b.name])
  for (const [here, there] of [[a, b], [b, a]] as const) {
    await runOrFault(['ip', 'link', 'set', here.name, 'name', device, 'netns', outsideOf(here)])
    await inOutside(here, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1')
    await inOutside(here, 'ip', 'address', 'add', `${here.address}/30`, 'dev', device)
    await inOutside(here, 'nft', `table ip ${device} { chain out { type nat hook postrouting priority srcnat; oifname "${device}" masquerade; }; }`)
    await plugIn(here, there)
  }
}

export async function plugIn(here: Site, there: Site): Promise<void> {
  await inOutside(here, 'ip', 'link', 'set', device, 'up')
  for (const where of ['local', table]) await inOutside(here, 'ip', 'route', 'replace', there.address, 'dev', device, 'table', where)
  await inOutside(here, 'ip', 'route', 'replace', there.gateway, 'via', there.address, 'dev', device, 'onlink', 'table', table)
}

/** Routes go with the line. */
export async function unplug(here: Site): Promise<void> {
  await inOutside(here, 'ip', 'link', 'set', device, 'down')
}

/** Which hosts a workload may be on at all, whatever else is there. */
import { quote } from '../base/diagnostic.ts'
import { stackOf } from './layers.ts'
import type { Host, Platform, Workload } from '../model/platform.ts'

/** Why it does not belong there; `undefined` when it does. */
export function whyElsewhere(platform: Pick<Platform, 'enclaves' | 'environments'>, workload: Workload, host: Host): string | undefined {
  const stack = stackOf(platform, workload)
  if (host.stack !== stack) return `the host is of stack ${quote(host.stack)} and the workload of ${quote(stack)}`
  if (host.segment !== workload.segment) return `the host is of ${named('segment', host.segment)} and the workload of ${named('segment', workload.segment)}`
  if (host.layer !== undefined && host.layer !== workload.layer) return `the host is of ${named('layer', host.layer)} and the workload of ${named('layer', workload.layer)}`
  return undefined
}

function named(what: string, name: string | undefined): string {
  return name === undefined ? `no ${what}` : `${what} ${quote(name)}`
}

/** Files of a gateway's own folder: written whole, readable by it and by nobody else. They follow from what is in force, so none needs to survive a loss of power. */
import { chmodSync, chownSync, closeSync, fchownSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accessLogFile } from '../../engines/envoy/access-log.ts'
import { gatewayUid } from './confine.ts'
import type { Setting } from '../setting.ts'
import type { GatewaySeat } from './places.ts'

/** Where both Envoys see their own. */
export const insideFolder = '/etc/bulkhead'

export function gatewayFolder(stateFolder: string, name: GatewaySeat['name']): string {
  return join(stateFolder, 'gateways', name)
}

/** Who owns what a gateway reads: nobody special in a sandbox, where all is one user's. */
export function ownerOf(setting: Setting, seat: Pick<GatewaySeat, 'group'>): number | undefined {
  return setting.mode === 'host' ? gatewayUid(seat) : undefined
}

/** The folder, with an access log to append to. */
export function makeGatewayFolder(setting: Setting, seat: GatewaySeat): string {
  const folder = gatewayFolder(setting.folder, seat.name)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const owner = ownerOf(setting, seat)
  if (owner !== undefined) chownSync(folder, owner, owner)
  const log = openSync(join(folder, accessLogFile), 'a', 0o600)
  if (owner !== undefined) fchownSync(log, owner, owner)
  closeSync(log)
  return folder
}

/** Replaces a file by rename when its text is another; true when it was. */
export function replaceIfOther(folder: string, name: string, text: string, owner: number | undefined): boolean {
  const path = join(folder, name)
  try {
    if (readFileSync(path, 'utf8') === text) return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const next = `${path}.new`
  rmSync(next, { force: true })
  const fd = openSync(next, 'wx', 0o600)
  try {
    writeFileSync(fd, text)
    if (owner !== undefined) fchownSync(fd, owner, owner)
  } finally {
    closeSync(fd)
  }
  renameSync(next, path)
  return true
}

/** The state folder of one instance: everything Bulkhead remembers between commands. Private to its owner. */
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Fault } from '../base/fault.ts'
import { replaceFile } from './durable.ts'

export interface Instance {
  readonly name: string
  /** Where its state is. */
  readonly folder: string
}

export const defaultInstance = 'default'

/** The folder of an instance; `override` or $BULKHEAD_STATE replaces the parent folder. */
export function stateFolder(name: string, override?: string): string {
  if (!/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/.test(name)) {
    throw new Fault('usage', `\`${name}\` is not an instance name`, { help: 'use lower-case letters, digits and `-`, at most 32' })
  }
  const parent = override ?? process.env['BULKHEAD_STATE'] ?? defaultParent()
  return join(resolve(parent), name)
}

function defaultParent(): string {
  if (process.getuid?.() === 0) return '/var/lib/bulkhead'
  return join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'bulkhead')
}

/** Makes the folder and its parts, readable by the owner only. */
export function makeStateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  for (const part of ['log', 'observe', 'data', 'etc']) mkdirSync(join(folder, part), { recursive: true, mode: 0o700 })
}

/** Reads a JSON file of the folder; `undefined` when there is none. A damaged file is an error, never an empty state. */
export function readState(folder: string, file: string): unknown {
  let text: string
  try {
    text = readFileSync(join(folder, file), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Fault('state-unreadable', `\`${join(folder, file)}\` is not JSON`, { help: 'run `bulkhead down`, then `bulkhead up`', cause: error })
  }
}

/** Replaces a JSON file as a whole: a reader and a crash see the old one or the new one. */
export function writeState(folder: string, file: string, value: unknown): void {
  replaceFile(join(folder, file), `${JSON.stringify(value, undefined, 1)}\n`)
}

export function removeState(folder: string, file: string): void {
  rmSync(join(folder, file), { force: true })
}

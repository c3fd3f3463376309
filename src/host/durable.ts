/**
 * Files that are replaced as a whole, on disks that may be full: a workload can fill the disk that its data shares with
 * the state, and must not thereby keep a revocation from being written down. Each file has a spare with room already taken.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault, messageOf } from '../base/fault.ts'

/** A reader, and a crash, see the old text or the new one. A Fault means that the old one is still there. */
export function replaceFile(path: string, text: string): void {
  const bytes = Buffer.from(text)
  const next = `${path}.new`
  try {
    writeAll(next, 'w', bytes)
    renameSync(next, path)
  } catch (error) {
    rmSync(next, { force: true })
    if (!writtenToSpare(path, bytes)) throw unwritable(path, error)
  }
  keepSpare(path, bytes.length)
}

/** Returns when the file survives a loss of power. */
export function settleFile(path: string): void {
  for (const name of [path, dirname(path)]) {
    const fd = openSync(name, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }
}

/** Its blocks are already taken, so writing over them needs no room; and a rename needs none either. */
function writtenToSpare(path: string, bytes: Buffer): boolean {
  const spare = spareOf(path)
  try {
    if (statSync(spare).size < bytes.length) return false
    writeAll(spare, 'r+', bytes)
    renameSync(spare, path)
    return true
  } catch {
    return false
  }
}

/** Best effort: where there is no room for a spare, the next text has to find its own. */
function keepSpare(path: string, needed: number): void {
  const spare = spareOf(path)
  if ((statSync(spare, { throwIfNoEntry: false })?.size ?? -1) >= needed) return
  try {
    writeAll(spare, 'w', Buffer.alloc(Math.ceil(needed * 1.25) + 4096, 0x20))
  } catch {
    rmSync(spare, { force: true })
  }
}

function spareOf(path: string): string {
  return `${path}.spare`
}

function writeAll(path: string, flags: 'w' | 'r+', bytes: Buffer): void {
  const fd = openSync(path, flags, 0o600)
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done)
    ftruncateSync(fd, bytes.length)
  } finally {
    closeSync(fd)
  }
}

function unwritable(path: string, error: unknown): Fault {
  return new Fault('state-unwritable', `\`${path}\` cannot be written: ${messageOf(error)}`, { help: 'make room on its disk, then try again: what was in force still is', cause: error })
}

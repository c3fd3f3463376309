/** Files that their owner alone can read, replaced as a whole; and a refusal to use those that others can. */
import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault, messageOf } from '../base/fault.ts'

const largest = 4 * 1024 * 1024

/** The folder, made if need be; a Fault when others can write there. */
export function privateFolder(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if ((statSync(folder).mode & 0o022) !== 0) throw new Fault('key-exposed', `others may write to \`${folder}\``, { help: `chmod 700 ${folder}` })
  return folder
}

/** A reader, and a crash or loss of power, see the old text or the new one. Never readable by others, not even for a moment. */
export function writePrivate(path: string, text: string): void {
  writeWhole(path, text, true)
}

/** The same for what can be made again: after a loss of power the file may be empty, and writing takes a hundredth of the time. */
export function writePrivateQuickly(path: string, text: string): void {
  writeWhole(path, text, false)
}

function writeWhole(path: string, text: string, durably: boolean): void {
  const next = `${path}.new`
  rmSync(next, { force: true })
  const fd = openSync(next, 'wx', 0o600)
  try {
    // The mask of the process may have taken the owner's own right away.
    fchmodSync(fd, 0o600)
    writeFileSync(fd, text)
    if (durably) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(next, path)
  if (durably) settle(dirname(path))
}

/** The text of a file that only its owner can read; `undefined` when there is none. */
export function readPrivate(path: string): string | undefined {
  return read(path, 0o077)
}

/** The text of a file that anybody may read and only its owner may write; `undefined` when there is none. */
export function readPublic(path: string): string | undefined {
  return read(path, 0o022)
}

function read(path: string, forbidden: number): string | undefined {
  let fd: number
  try {
    // Not blocking: a pipe with this name would wait for a writer forever.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Fault('identity-damaged', `\`${path}\` cannot be read: ${messageOf(error)}`, { cause: error })
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size > largest) throw new Fault('identity-damaged', `\`${path}\` is not a file, or is too large`)
    if ((stat.mode & forbidden) !== 0) {
      const others = forbidden === 0o022 ? 'replace' : 'read'
      throw new Fault('key-exposed', `others than its owner can ${others} \`${path}\``, { help: `chmod ${forbidden === 0o022 ? 'go-w' : '600'} ${path}, and think of who may have used it` })
    }
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}

function settle(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

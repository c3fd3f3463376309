/** The files of a set as somebody in the working folder would type them. */
import { statSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'

/** `path` is the absolute path of the folder or file that was read; files are as the documents name them. */
export function placesFrom(cwd: string, path: string): (file: string) => string {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  return (file) => {
    const whole = isAbsolute(file) ? file : isFolder ? join(path, file) : path
    const near = relative(cwd, whole)
    return near === '' || near.startsWith('..') ? whole : near
  }
}

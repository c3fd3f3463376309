/** Where Envoy is: `$ENVOY`, else what bin/setup fetched into the project's folder, else PATH. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../../..')

/**
 * The path of an Envoy that may be run, or `undefined`. A `$ENVOY` that cannot be run means none: whoever names one does not
 * want another. What an older bin/setup fetched does not count, because its version is not the one that the tests judged.
 */
export function findEnvoy(env: Readonly<Record<string, string | undefined>> = process.env, project = root): string | undefined {
  if (env['ENVOY'] !== undefined && env['ENVOY'] !== '') return runnable(resolve(env['ENVOY']))
  const own = join(project, '.envoy/envoy')
  const fetched = text(join(project, '.envoy/requirements.txt'))
  if (fetched !== undefined && fetched === text(join(project, 'bin/envoy-requirements.txt')) && runnable(own) !== undefined) return own
  // An empty entry of PATH is the current folder: nothing is run from there.
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/'))
  return folders.map((folder) => runnable(join(folder, 'envoy'))).find((path) => path !== undefined)
}

/** What `status`, `check` and `up` say where there is none. */
export const withoutEnvoy = 'there is no Envoy here: run bin/setup, or set ENVOY to the path of one'

function runnable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile() ? path : undefined
  } catch {
    return undefined
  }
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Runs a command inside a test process, as `main.ts` would, and catches what it says. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isFault } from '../base/fault.ts'
import { parseArguments } from './arguments.ts'
import { createOutput } from './output.ts'
import type { Command } from './command.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export async function runCommand(cwd: string, command: Command, argv: readonly string[], now = 0): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  const out = createOutput({ write: (text) => void (stdout += text) }, { write: (text) => void (stderr += text) }, {})
  const { args, rest, options } = parseArguments(command, argv)
  const code = await command.run({ args, rest, options, out, json: options['json'] === true, now, signal: new AbortController().signal, env: {}, cwd })
  return { code, stdout, stderr }
}

/** The message of the usage fault that the command line deserves. */
export async function usageFault(cwd: string, command: Command, argv: readonly string[]): Promise<string> {
  try {
    await runCommand(cwd, command, argv)
  } catch (thrown) {
    assert.ok(isFault(thrown), String(thrown))
    assert.equal(thrown.code, 'usage')
    return thrown.message
  }
  throw new assert.AssertionError({ message: 'it was accepted' })
}

/** A folder with these files; the caller removes it. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-cli-'))
  writeFiles(folder, files)
  return folder
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

/** Documents of one enclave `lab` with `api`, `db` (tcp 5432) and `web` (tcp 80), and whatever else is asked for. */
export function labWith(more: string): string {
  const workload = (name: string, ports: string): string => `---\napiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: {name: ${name}, enclave: lab}\nspec: {ports: ${ports}}\n`
  const enclave = 'apiVersion: bulkhead.dev/v1\nkind: Enclave\nmetadata: {name: lab}\nspec: {}\n'
  return `${enclave}${workload('api', '[]')}${workload('db', '[5432]')}${workload('web', '[80]')}${more}`
}

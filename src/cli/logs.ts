/** `bulkhead logs`: what a workload wrote to its output. */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { loadInventory } from '../host/memory.ts'
import { logFile } from '../host/supervise.ts'
import { instanceOf, instanceOptions } from './instance.ts'
import { findPlace } from './places.ts'
import { harmlessJson } from './output.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'logs',
  summary: 'show what a workload wrote',
  usage: 'logs WORKLOAD[#REPLICA] [--follow] [--name NAME]',
  example: 'bulkhead logs api-service --follow    control characters are shown, not obeyed',
  positionals: [1, 1],
  options: { ...instanceOptions, follow: { type: 'boolean', short: 'f', help: 'go on with what is written from now on, until Ctrl-C' } },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, options, out, json, signal } = context
  const instance = instanceOf(context)
  const inventory = loadInventory(instance.folder)
  if (inventory === undefined) throw new Fault('not-running', `the instance ${quote(instance.name)} is not running`, { help: 'start it with `bulkhead up DIR`' })
  const key = findPlace(inventory, args[0] ?? '')
  const path = logFile(instance.folder, key)
  let offset = 0
  let partial = ''
  const print = (line: string): void => (json ? out.line(harmlessJson(JSON.stringify({ workload: key, line }))) : out.line(harmless(line)))
  for (;;) {
    const { text, next } = readFrom(path, offset)
    offset = next
    const lines = (partial + text).split('\n')
    partial = lines.pop() ?? ''
    for (const line of lines) print(line)
    if (text.length > 0) continue
    if (options['follow'] !== true || signal.aborted) break
    await sleep(100, undefined, { signal }).catch(() => undefined)
  }
  if (partial !== '') print(partial)
  return 0
}

const chunk = 1024 * 1024

/** A file that became shorter has been cut: it is read from its start. */
function readFrom(path: string, offset: number): { readonly text: string; readonly next: number } {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { text: '', next: 0 }
    throw error
  }
  try {
    const from = statSync(path).size < offset ? 0 : offset
    const buffer = Buffer.alloc(chunk)
    const length = readSync(fd, buffer, 0, chunk, from)
    return { text: buffer.toString('utf8', 0, length), next: from + length }
  } finally {
    closeSync(fd)
  }
}

/** A workload's words must not move the cursor, set titles or answer queries of the reader's terminal. */
function harmless(line: string): string {
  return stripVTControlCharacters(line).replace(/[\p{Cc}\p{Cf}]/gu, (c) => (c === '\t' ? c : `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`))
}

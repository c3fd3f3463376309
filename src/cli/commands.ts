/** The table of commands. Each is loaded when it is asked for, so that a small one starts fast. */
import type { Command } from './command.ts'

export const commands = {
  check: async () => (await import('./check.ts')).command,
  diff: async () => (await import('./diff.ts')).command,
  reach: async () => (await import('./reach.ts')).command,
  risk: async () => (await import('./risk.ts')).command,
  isolation: async () => (await import('./isolation.ts')).command,
  lint: async () => (await import('./lint.ts')).command,
  recommend: async () => (await import('./recommend.ts')).command,
  prove: async () => (await import('./prove.ts')).command,
  test: async () => (await import('./test.ts')).command,
  explain: async () => (await import('./explain.ts')).command,
  import: async () => (await import('./import.ts')).command,
  audit: async () => (await import('./audit.ts')).command,
  evidence: async () => (await import('./evidence.ts')).command,
  report: async () => (await import('./report.ts')).command,
  names: async () => (await import('./names.ts')).command,
  matrix: async () => (await import('./matrix.ts')).command,
  schema: async () => (await import('./schema.ts')).command,
  up: async () => (await import('./up.ts')).command,
  apply: async () => (await import('./apply.ts')).command,
  down: async () => (await import('./down.ts')).command,
  status: async () => (await import('./status.ts')).command,
  exec: async () => (await import('./exec.ts')).command,
  logs: async () => (await import('./logs.ts')).command,
  verify: async () => (await import('./verify.ts')).command,
  flows: async () => (await import('./flows.ts')).command,
  identity: async () => (await import('./identity.ts')).command,
  trace: async () => (await import('./trace.ts')).command,
} as const satisfies Readonly<Record<string, () => Promise<Command>>>

export type CommandName = keyof typeof commands

export const commandNames = (Object.keys(commands) as CommandName[]).sort()

export function isCommandName(text: string): text is CommandName {
  return Object.hasOwn(commands, text)
}

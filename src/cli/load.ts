/** From DIR to everything a command asks of it, by the same steps for every command. */
import { resolve } from 'node:path'
import { checkSet } from '../analysis/check.ts'
import { formatDiagnostic, hasErrors, sortDiagnostics } from '../base/diagnostic.ts'
import { readDocumentFiles } from '../base/files.ts'
import { compile } from '../intent/compile.ts'
import { loadPlatform } from '../model/load.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { ReadFiles } from '../base/files.ts'
import type { SourceFile } from '../base/source-file.ts'
import type { Intent } from '../intent/intent.ts'
import type { Platform } from '../model/platform.ts'
import { progressOf } from './progress.ts'
import type { CommandContext } from './command.ts'
import type { Progress } from './progress.ts'

/** What is there when no document has an error. */
export interface GoodSet {
  readonly platform: Platform
  readonly intent: Intent
}

export interface LoadedSet {
  readonly files: readonly SourceFile[]
  readonly documents: number
  /** Sorted by place. */
  readonly diagnostics: readonly Diagnostic[]
  /** `undefined` exactly when there is an error among the diagnostics. */
  readonly set: GoodSet | undefined
  /** There even when a Guardrail, a PolicyTest or a least separation fails: what the documents say is known, though nobody enforces it. */
  readonly sound: GoodSet | undefined
}

const assertions: ReadonlySet<string> = new Set(['guardrail-broken', 'isolation-unmet', 'policy-test-failed'])

/** For a person who waits for a large folder. */
export function readingOf(context: Pick<CommandContext, 'json' | 'out'>): Progress | undefined {
  return progressOf(context, 'reading the documents')
}

/** `path` is absolute or relative to the process's own folder; `now` is in milliseconds since the epoch. */
export function loadSet(path: string, now: number, progress?: Progress): LoadedSet {
  return judgeFiles(readDocumentFiles(path), now, progress)
}

/** The same for documents that come from elsewhere. */
export function judgeFiles(read: ReadFiles, now: number, progress?: Progress): LoadedSet {
  const loaded = loadPlatform(read.files, { now, progress })
  const { platform } = loaded
  const compiled = platform === undefined ? undefined : compile(platform)
  const judged = platform === undefined || compiled === undefined ? [] : checkSet(platform, compiled.intent, now)
  const diagnostics = sortDiagnostics([...read.diagnostics, ...loaded.diagnostics, ...(compiled?.diagnostics ?? []), ...judged])
  const good = !hasErrors(diagnostics)
  const sound = diagnostics.every((d) => d.severity !== 'error' || assertions.has(d.code))
  const set = sound && platform !== undefined && compiled !== undefined ? { platform, intent: compiled.intent } : undefined
  return { files: read.files, documents: loaded.documents, diagnostics, set: good ? set : undefined, sound: set }
}

/**
 * The set of a command's DIR, for commands that only ask. When it is refused its problems are told and `undefined`
 * comes back: the command ends with exit status 1. Warnings are told on stderr.
 */
export function loadOrTell(context: CommandContext, directory: string): GoodSet | undefined {
  const { set, diagnostics } = loadSet(resolve(context.cwd, directory), context.now, readingOf(context))
  return toldProblems(context, set, diagnostics)
}

/** The same for questions that make sense although an assertion fails, which is then told on stderr. */
export function soundOrTell(context: CommandContext, loaded: LoadedSet): GoodSet | undefined {
  return toldProblems(context, loaded.sound, loaded.diagnostics)
}

function toldProblems(context: CommandContext, set: GoodSet | undefined, diagnostics: readonly Diagnostic[]): GoodSet | undefined {
  if (set === undefined && context.json) {
    context.out.json({ error: { code: 'invalid-set', message: 'the documents have problems' }, diagnostics })
    return undefined
  }
  for (const d of diagnostics) context.out.note(formatDiagnostic(d))
  return set
}

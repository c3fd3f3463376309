/** From DIR to everything a command asks of it, by the same steps for every command. */
import { resolve } from 'node:path'
import { checkSet } from '../analysis/check.ts'
import { formatDiagnostic, hasErrors, quote, sortDiagnostics } from '../base/diagnostic.ts'
import { readDocumentFiles } from '../base/files.ts'
import { compile } from '../intent/compile.ts'
import { loadPlatform } from '../model/load.ts'
import { placed, placesOf } from './diagnostics/places.ts'
import type { ErrorCode } from '../base/catalogue.ts'
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

/** A set that somebody asks about. */
export interface AskedSet extends GoodSet {
  /** The assertions that fail, at places in the working folder; empty when `up` would take the set. */
  readonly broken: readonly Diagnostic[]
}

/** The set of a command's DIR, for commands that only ask; `answered` is what the answer itself tells. */
export function askedSet(context: CommandContext, directory: string, answered?: ErrorCode): AskedSet | undefined {
  return soundOrTell(context, loadSet(resolve(context.cwd, directory), context.now, readingOf(context)), directory, answered)
}

/**
 * What the documents say is answered although an assertion fails, which is told on stderr together with the warnings. When
 * the set is refused for anything else its problems are told and `undefined` comes back: the command ends with exit status 1.
 */
export function soundOrTell(context: CommandContext, loaded: LoadedSet, directory: string, answered?: ErrorCode): AskedSet | undefined {
  const { out, json, cwd } = context
  const all = placed(loaded.diagnostics, placesOf(cwd, directory))
  const { sound } = loaded
  if (sound === undefined && json) {
    out.json({ error: { code: 'invalid-set', message: 'the documents have problems' }, diagnostics: all })
    return undefined
  }
  const told = sound === undefined ? all : all.filter((d) => d.code !== answered)
  for (const d of told) out.note(formatDiagnostic(d))
  tellEmpty(context, loaded, directory)
  if (sound === undefined) return undefined
  const broken = told.filter((d) => d.severity === 'error')
  if (broken.length > 0) out.note(`\`up\` and \`apply\` refuse ${quote(directory)} as it is: the answer is what its documents say`)
  return { ...sound, broken }
}

/** Whoever names the wrong folder would take the answer for one about the documents. */
export function tellEmpty({ out }: Pick<CommandContext, 'out'>, { files, diagnostics }: ReadFiles, directory: string, what = 'documents'): void {
  if (files.length === 0 && diagnostics.length === 0) out.note(`there are no ${what} in ${quote(directory)}: they are files that end in .yaml, .yml or .json`)
}

/** What an answer in JSON says of a set that is not enforced; nothing when it can be. */
export function brokenJson(...sets: readonly Pick<AskedSet, 'broken'>[]): { readonly diagnostics?: readonly Diagnostic[] } {
  const diagnostics = sets.flatMap(({ broken }) => broken)
  return diagnostics.length === 0 ? {} : { diagnostics }
}

/** What a document about the state of things is asked for: the same words for evidence and for the report. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { standingOf } from '../audit/in-force.ts'
import { checkProfile } from '../audit/profiles/check.ts'
import { Fault } from '../base/fault.ts'
import { telemetryUse } from '../observe/telemetry-use.ts'
import { documentsOf } from './audit.ts'
import { profilesOf } from './check-profile.ts'
import { instanceOf } from './instance.ts'
import type { SeenUse } from '../analysis/risk/register.ts'
import type { Standing } from '../audit/in-force.ts'
import type { ProfileAnswer } from '../audit/profiles/check.ts'
import type { CommandContext, OptionSpec } from './command.ts'

export const standingOptions = {
  since: { type: 'string', value: 'DATE', help: 'changes from this day or instant on; all by default' },
  profile: { type: 'string', multiple: true, value: 'NAME', help: 'with the answers to this profile; may be repeated' },
  documents: { type: 'string', value: 'DIR', help: 'about these documents, also where nothing runs' },
} as const satisfies Readonly<Record<string, OptionSpec>>

/** Of the documents in force, or of those that are named. */
export async function requireStanding(context: CommandContext): Promise<Standing> {
  const standing = await standingOf(instanceOf(context).folder, documentsOf(context))
  if (standing !== undefined) return standing
  throw new Fault('not-running', 'no documents are in force here', { help: 'start a platform with `bulkhead up DIR`, or name documents with --documents DIR' })
}

/** What the records of the documents in force say of telemetry; of documents that are not, they say nothing. */
export async function recordedUse(context: CommandContext, { set, at }: Standing): Promise<SeenUse | undefined> {
  const records = join(instanceOf(context).folder, 'observe')
  return at === undefined || !existsSync(records) ? undefined : telemetryUse(records, set.platform, context.signal)
}

/** `undefined` when the documents of a profile have problems, which are told. */
export function answersOf(context: CommandContext, standing: Standing): readonly ProfileAnswer[] | undefined {
  const { profile } = context.options
  const profiles = (Array.isArray(profile) ? (profile as readonly string[]) : []).map((name) => profilesOf(context, name))
  return profiles.includes(undefined) ? undefined : profiles.flatMap((p) => p ?? []).map((p) => checkProfile(p, standing, context.now))
}

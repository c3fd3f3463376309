/** `bulkhead check --profile`: the controls of a standard, answered from documents, Intent and live state. */
import { resolve } from 'node:path'
import { existsSync } from 'node:fs'
import { builtInProfile, profileNames, readProfiles } from '../audit/profiles/load.ts'
import { checkProfile, countOutcomes } from '../audit/profiles/check.ts'
import { standingOf } from '../audit/in-force.ts'
import { escapeText, formatDiagnostic, hasErrors, quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { readDocumentFiles } from '../base/files.ts'
import { didYouMean } from '../base/suggest.ts'
import { documentSet } from '../host/document-set.ts'
import { checkDocuments } from '../host/documents.ts'
import { placed, placesFrom } from './diagnostics/places.ts'
import { instanceOf } from './instance.ts'
import type { ProfileAnswer } from '../audit/profiles/check.ts'
import type { Profile } from '../audit/profiles/profile.ts'
import type { CommandContext, ExitCode } from './command.ts'
import type { Output, Style } from './output.ts'

/** Exit status 0 when nothing fails: what needs a person is told, and left to one. */
export async function checkAgainstProfile(context: CommandContext, directory: string, wanted: string): Promise<ExitCode> {
  const { out, json, now } = context
  const profiles = profilesOf(context, wanted)
  if (profiles === undefined) return 1
  const path = resolve(context.cwd, directory)
  const read = readDocumentFiles(path)
  const { set } = checkDocuments(documentSet(path, read.files), now)
  if (set === undefined || hasErrors(read.diagnostics)) throw new Fault('invalid-set', `the documents in \`${path}\` have problems`, { help: 'run `bulkhead check` on them without --profile' })
  const standing = await standingOf(instanceOf(context).folder, set)
  if (standing === undefined) throw new Fault('invalid-set', 'there are no documents')
  const answers = profiles.map((profile) => checkProfile(profile, standing, now))
  if (json) out.json({ profiles: answers.map((a) => ({ ...a, counts: countOutcomes(a.answers) })) })
  else for (const answer of answers) print(out, answer)
  return answers.every((a) => countOutcomes(a.answers).fail === 0) ? 0 : 1
}

/** `undefined` when its documents have problems, which are told. */
export function profilesOf({ cwd, out, json }: CommandContext, wanted: string): readonly Profile[] | undefined {
  const known = builtInProfile(wanted)
  if (known !== undefined) return [known]
  const path = resolve(cwd, wanted)
  if (!existsSync(path)) throw new Fault('profile-unknown', `there is no profile ${quote(wanted)}`, { help: didYouMean(wanted, profileNames) ?? `built in: ${profileNames.join(', ')}; or name a folder` })
  const read = readProfiles(path)
  const { profiles } = read
  const diagnostics = placed(read.diagnostics, placesFrom(cwd, path))
  if (json && hasErrors(diagnostics)) out.json({ error: { code: 'invalid-set', message: 'the profile has problems' }, diagnostics })
  else for (const d of diagnostics) out.note(formatDiagnostic(d))
  if (hasErrors(diagnostics)) return undefined
  if (profiles.length === 0) throw new Fault('profile-unknown', `${quote(wanted)} holds no profile`)
  return profiles
}

const styles: Readonly<Record<ProfileAnswer['answers'][number]['outcome'], Style>> = { 'pass': 'green', 'fail': 'red', 'not applicable': 'dim', 'needs a person': 'yellow' }

function print(out: Output, { profile, about, answers, unseen }: ProfileAnswer): void {
  out.line(`${out.paint('bold', profile)}: ${escapeText(about)}`)
  for (const a of answers) {
    out.line(`${out.paint(styles[a.outcome], a.outcome)} ${escapeText(a.id)} ${escapeText(a.title)}`)
    out.line(`  ${escapeText(a.question)} (${escapeText(a.source)})`)
    for (const { what, documents = [] } of a.facts) out.line(`  - ${escapeText(what)}${documents.length === 0 ? '' : `, ${documents.map((d) => `${d.kind} ${d.name} (${escapeText(d.file)}:${d.line})`).join(', ')}`}`)
    if (a.remains !== undefined) out.line(`  a person sees: ${escapeText(a.remains)}`)
  }
  for (const what of unseen) out.line(`${out.paint('yellow', 'not seen')} ${escapeText(what)}`)
  const counts = countOutcomes(answers)
  out.line(`${counts.pass} pass, ${counts.fail} fail, ${counts['not applicable']} not applicable, ${counts['needs a person']} need a person`)
}

/** Finding a profile: one that is built in, or a folder of profile documents, with every problem at its place. */
import { hasErrors, sortDiagnostics } from '../../base/diagnostic.ts'
import { readDocumentFiles } from '../../base/files.ts'
import { parseFile } from '../../model/syntax.ts'
import { diagnosticsOf } from '../../model/issues.ts'
import { k8tre } from './k8tre.ts'
import { profileDocument } from './profile.ts'
import { satre } from './satre.ts'
import { soxHipaaSegmentation } from './sox-hipaa-segmentation.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { SourceFile } from '../../base/source-file.ts'
import type { Profile } from './profile.ts'

const builtIn: readonly Profile[] = [k8tre, satre, soxHipaaSegmentation]

export const profileNames: readonly string[] = builtIn.map((p) => p.name)

export function builtInProfile(name: string): Profile | undefined {
  return builtIn.find((p) => p.name === name)
}

export interface ReadProfiles {
  /** Empty where there is an error among the diagnostics. */
  readonly profiles: readonly Profile[]
  readonly diagnostics: readonly Diagnostic[]
}

/** All profiles of a folder or file. */
export function readProfiles(path: string): ReadProfiles {
  const { files, diagnostics } = readDocumentFiles(path)
  const parsed = parseProfiles(files)
  const all = sortDiagnostics([...diagnostics, ...parsed.diagnostics])
  return { profiles: hasErrors(all) ? [] : parsed.profiles, diagnostics: all }
}

/** Pure. */
export function parseProfiles(files: readonly SourceFile[]): ReadProfiles {
  const profiles: Profile[] = []
  const diagnostics: Diagnostic[] = []
  for (const file of files) {
    const parsed = parseFile(file)
    diagnostics.push(...parsed.diagnostics)
    for (const raw of parsed.documents) {
      diagnostics.push(...raw.problems)
      const result = profileDocument.safeParse(raw.value)
      if (!result.success) {
        diagnostics.push(...diagnosticsOf(raw, result.error.issues))
        continue
      }
      const { metadata: { name }, spec } = result.data
      if ([...profiles, ...builtIn].some((p) => p.name === name)) {
        diagnostics.push({ code: 'duplicate-name', severity: 'error', message: `there is a profile \`${name}\` already`, at: raw.locate(['metadata', 'name']), help: 'give this one another name' })
      }
      const ids = spec.controls.map((c) => c.id)
      for (const [index, id] of ids.entries()) {
        if (ids.indexOf(id) !== index) diagnostics.push({ code: 'duplicate-name', severity: 'error', message: `there is a control \`${id}\` already`, at: raw.locate(['spec', 'controls', index, 'id']) })
      }
      profiles.push({ name, about: spec.about, controls: spec.controls })
    }
  }
  return { profiles, diagnostics: sortDiagnostics(diagnostics) }
}

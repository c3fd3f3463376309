/** `bulkhead check`: all problems of all documents at once. */
import { resolve } from 'node:path'
import { profileNames } from '../audit/profiles/load.ts'
import { findEnvoy, withoutEnvoy } from '../engines/envoy/binary.ts'
import { takesEnvoy } from '../host/gateways/needs.ts'
import { isExpired } from '../model/platform.ts'
import { formatOf } from './arguments.ts'
import { checkAgainstProfile } from './check-profile.ts'
import { githubAnnotations } from './diagnostics/github.ts'
import { placed, placesFrom } from './diagnostics/places.ts'
import { sarif } from './diagnostics/sarif.ts'
import { count, diagnosticText, tally } from './diagnostics/text.ts'
import { loadSet, readingOf, tellEmpty } from './load.ts'
import { instanceOptions } from './instance.ts'
import { version } from './version.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'
import type { LoadedSet } from './load.ts'

const formats = ['text', 'json', 'sarif', 'github'] as const

export const command: Command = {
  name: 'check',
  summary: 'say what is wrong with a folder of documents',
  usage: 'check DIR [--format text|json|sarif|github] | check DIR --profile NAME|DIR [--name NAME]',
  example: 'bulkhead check examples/minimal\nbulkhead check policies/ --format sarif > bulkhead.sarif\nbulkhead check policies/ --profile satre    the controls of a standard, answered with evidence',
  options: {
    format: { type: 'string', value: 'FORMAT', help: `one of ${formats.join(', ')}; text by default` },
    profile: { type: 'string', value: 'NAME', help: `answer the controls of ${profileNames.join(', ')}, or of your own in a folder` },
    ...instanceOptions,
  },
  positionals: [1, 1],
  run,
}

function run(context: CommandContext): Promise<ExitCode> {
  const format = formatOf(command, context, formats, 'text')
  const [directory = ''] = context.args
  const { profile } = context.options
  if (typeof profile === 'string') return checkAgainstProfile(context, directory, profile)
  const path = resolve(context.cwd, directory)
  const loaded = loadSet(path, context.now, readingOf({ ...context, json: format === 'json' }))
  const { out } = context
  const fileOf = placesFrom(context.cwd, path)
  switch (format) {
    case 'text':
      for (const d of placed(loaded.diagnostics, fileOf)) out.line(diagnosticText(d, out.paint))
      out.line(summary(loaded, context.now))
      break
    case 'json':
      out.json({ ...numbers(loaded, context.now), diagnostics: placed(loaded.diagnostics, fileOf) })
      break
    case 'sarif':
      out.json(sarif(loaded.diagnostics, version(), fileOf))
      break
    case 'github':
      for (const line of githubAnnotations(loaded.diagnostics, fileOf)) out.line(line)
      out.line(summary(loaded, context.now))
      break
  }
  tellEmpty(context, loaded, directory)
  const closed = withoutGateway(context, loaded)
  if (closed > 0) out.note(`${count(closed, 'path')} would stay closed on this machine: ${withoutEnvoy}`)
  return Promise.resolve(loaded.set === undefined ? 1 : 0)
}

/** Paths that nothing on this machine could carry. */
function withoutGateway({ env }: CommandContext, { set }: LoadedSet): number {
  const gateway = set?.intent.paths.filter((path) => takesEnvoy(set.platform, path)).length ?? 0
  return gateway === 0 || findEnvoy(env) !== undefined ? 0 : gateway
}

interface Numbers {
  readonly documents: number
  readonly policies: number | undefined
  /** Those that are open now. */
  readonly paths: number | undefined
  readonly errors: number
  readonly warnings: number
}

function numbers({ set, documents, diagnostics }: LoadedSet, now: number): Numbers {
  const errors = diagnostics.filter((d) => d.severity === 'error').length
  const p = set?.platform
  const policies = p === undefined ? undefined : p.servicePolicies.length + p.ingressPolicies.length + p.egressPolicies.length + p.federationPolicies.length
  return { documents, policies, paths: set?.intent.paths.filter((path) => !isExpired(path, now)).length, errors, warnings: diagnostics.length - errors }
}

/** `4 documents, 1 policy, 1 path: no problems`; of a refused set nobody can say how many paths it opens. */
function summary(loaded: LoadedSet, now: number): string {
  const { documents, policies, paths } = numbers(loaded, now)
  const parts = [
    count(documents, 'document'),
    ...(policies === undefined ? [] : [count(policies, 'policy', 'policies')]),
    ...(paths === undefined ? [] : [count(paths, 'path')]),
  ]
  return `${parts.join(', ')}: ${tally(loaded.diagnostics)}`
}

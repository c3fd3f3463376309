/** `bulkhead matrix`: who may talk to whom, on what. */
import { quote } from '../base/diagnostic.ts'
import { didYouMean } from '../base/suggest.ts'
import { readEnd } from '../analysis/ends.ts'
import { matrix } from '../analysis/matrix.ts'
import { matrixDot } from '../analysis/matrix-dot.ts'
import { filterMatrix } from '../analysis/matrix-filter.ts'
import { matrixHtml } from '../analysis/matrix-html.ts'
import { matrixSvg } from '../analysis/matrix-svg.ts'
import { matrixCsv, matrixJson, matrixText } from '../analysis/matrix-text.ts'
import { formatOf, usage } from './arguments.ts'
import { instantOption } from './instant.ts'
import { kubernetesOptions } from './kubernetes-load.ts'
import { kubernetesMatrix } from './kubernetes-matrix.ts'
import { askedSet, brokenJson } from './load.ts'
import type { MatrixFilter } from '../analysis/matrix-filter.ts'
import type { Platform } from '../model/platform.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

const formats = ['text', 'csv', 'json', 'dot', 'svg', 'html'] as const

export const command: Command = {
  name: 'matrix',
  summary: 'list who may talk to whom, on what, and which document says so',
  usage: 'matrix DIR [--format text|csv|json|dot|svg|html] [--from END] [--to END] [--enclave NAME] [--external NAME] [--at INSTANT]',
  example:
    'bulkhead matrix examples/tre --format csv                       one line for each pair and protocol, sorted\n' +
    'bulkhead matrix examples/tre --enclave platform                 what concerns one enclave\n' +
    'bulkhead matrix examples/tre --format html > matrix.html        a page to look at\n' +
    'bulkhead matrix --kubernetes manifests/ --output csv            who reaches whom in a cluster, as its manifests say',
  positionals: [1, 1],
  options: {
    format: { type: 'string', value: 'FORMAT', help: `one of ${formats.join(', ')}; --json is the same as --format json` },
    from: { type: 'string', value: 'END', help: 'only what this end initiates; ends are as in `bulkhead explain`, with --kubernetes too' },
    to: { type: 'string', value: 'END', help: 'only what leads to this end' },
    enclave: { type: 'string', value: 'NAME', help: 'only what begins or ends in this enclave' },
    external: { type: 'string', value: 'NAME', help: 'only what begins or ends at this External' },
    at: { type: 'string', value: 'INSTANT', help: 'what is open at this date or instant; now when left out' },
    ...kubernetesOptions,
    output: { type: 'string', value: 'FORMAT', help: 'the same as --format; with --kubernetes text, csv, json or dot' },
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  if (context.options['kubernetes'] === true) return kubernetesMatrix(command, context)
  const [directory = ''] = context.args
  const format = formatOf(command, context, formats, 'text')
  const now = instantOption(command, context)
  const set = askedSet({ ...context, json: format === 'json' }, directory)
  if (set === undefined) return 1
  const rows = filterMatrix(set.platform, matrix(set.intent, now), filterOf(context, set.platform))
  switch (format) {
    case 'json':
      context.out.json({ rows: matrixJson(rows), ...brokenJson(set) })
      break
    case 'csv':
      context.out.write(matrixCsv(rows))
      break
    case 'text':
      context.out.write(matrixText(rows))
      break
    case 'dot':
      context.out.write(matrixDot(rows))
      break
    case 'svg':
      context.out.write(matrixSvg(rows))
      break
    case 'html':
      context.out.write(matrixHtml(rows, set.platform.name, now))
      break
  }
  return 0
}

function filterOf({ options }: CommandContext, platform: Platform): MatrixFilter {
  const end = (name: 'from' | 'to'): MatrixFilter => {
    if (options[name] === undefined) return {}
    const reading = readEnd(platform, String(options[name]))
    if (!reading.ok) throw usage(command, reading.message, reading.help)
    return { [name]: reading.value }
  }
  const named = (name: 'enclave' | 'external', known: ReadonlyMap<string, unknown>): MatrixFilter => {
    if (options[name] === undefined) return {}
    const text = String(options[name]).replace(new RegExp(`^${name}:`), '')
    if (!known.has(text)) throw usage(command, `no ${name} is called ${quote(text)}`, didYouMean(text, known.keys()))
    return { [name]: text }
  }
  return { ...end('from'), ...end('to'), ...named('enclave', platform.enclaves), ...named('external', platform.externals) }
}
